// A message's story: a drawer beside the table, over it where that is narrow. Its address is the page's.
const place = document.getElementById('story');
const wide = matchMedia('(min-width: 1200px)');
let opener;

const drawer = () => place?.querySelector('dialog');
const mark = (id) => document.querySelectorAll('[data-row]').forEach((row) => row.classList.toggle('current', row.dataset.row === id));

const leave = () => {
  const dialog = drawer();
  if (!dialog) return;
  history.replaceState(null, '', dialog.querySelector('[data-close-story]').href);
  dialog.remove();
  mark(undefined);
  if (opener?.isConnected) opener.focus();
};

const shown = () => {
  const dialog = drawer();
  if (!dialog) return;
  mark(dialog.dataset.drawer);
  dialog.addEventListener('close', leave);
  if (wide.matches || dialog.matches(':modal')) return;
  dialog.removeAttribute('open');
  dialog.showModal();
};

document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-story]');
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    opener = link.closest('[data-row]');
    history.replaceState(null, '', link.href);
    htmx.ajax('GET', link.dataset.story, { target: place, swap: 'innerHTML' }).then(() => drawer()?.querySelector('h2').focus());
  }
  if (event.target.closest('[data-close-story]')) { event.preventDefault(); leave(); }
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !event.target.closest('[role="menu"]') && !document.querySelector('dialog:modal')) leave();
});
document.body.addEventListener('htmx:afterSwap', (event) => { if (event.target === place) shown(); });
document.body.addEventListener('htmx:afterSettle', () => { const id = drawer()?.dataset.drawer; if (id) mark(id); });
shown();
