// Dialogs come from the server as they stand at that moment, and leave when they are closed.
import { sum } from './retry_plan.js';

const place = document.getElementById('dialogs');
let opener;

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-dialog]');
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    const menu = link.closest('[role="menu"]');
    opener = menu ? document.querySelector(`[aria-controls="${menu.id}"]`) : link;
    const asked = opener;  // counting 300,000 contacts takes half a second
    asked.setAttribute('aria-busy', 'true');
    htmx.ajax('GET', link.href, { target: place, swap: 'innerHTML' }).finally(() => asked.removeAttribute('aria-busy'));
  }
  const close = event.target.closest('dialog:modal [data-close]');
  if (close) { event.preventDefault(); close.closest('dialog').close(); }
  if (event.target.matches('dialog:modal')) event.target.close();
});

const shown = () => {
  const dialog = place.querySelector('dialog');
  if (!dialog || dialog.open) return;
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (opener?.isConnected) opener.focus();
  });
  dialog.showModal();
  tally(dialog);
};

// The sum in the foot and the button follow the ticks; what is not complete can't be sent.
const tally = (dialog) => {
  const go = dialog.querySelector('[data-go]');
  if (!go) return;
  const confirms = [...dialog.querySelectorAll('[data-confirm]')];
  const left = confirms.filter((box) => !box.checked).length;
  const note = dialog.querySelector('[data-left]');
  if (note) note.textContent = left ? `${left} of ${confirms.length} confirmations to go` : `All ${confirms.length} confirmed`;
  const name = dialog.querySelector('[data-name]');
  const same = !name || name.value.trim().toLowerCase() === name.dataset.name.toLowerCase();
  const nothing = go.matches('[data-retry]') && !sum(dialog, go);
  const incomplete = left > 0 || !same || nothing;
  go.setAttribute('aria-disabled', String(incomplete));
};

document.addEventListener('input', (event) => {
  const dialog = event.target.closest('dialog');
  if (dialog) tally(dialog);
});
document.addEventListener('submit', (event) => { if (event.target.matches('[data-opens]')) opener = event.submitter; });
document.addEventListener('submit', (event) => {
  const go = event.target.matches('[data-act]') && event.target.querySelector('[data-go]');
  if (go && go.getAttribute('aria-disabled') === 'true') { event.preventDefault(); event.stopImmediatePropagation(); }
}, true);

document.body.addEventListener('htmx:afterSettle', (event) => {
  if (event.target === place) shown();
  else if (place.contains(event.target)) tally(event.target.closest('dialog'));  // it has been filled in
});
document.body.addEventListener('htmx:afterSwap', (event) => { if (event.target === place) shown(); });
document.querySelectorAll('dialog[open]').forEach(tally);
