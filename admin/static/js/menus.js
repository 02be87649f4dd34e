// Menus: click or arrow keys; Esc closes and gives the focus back. Tooltips: Esc hides.
const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const openers = '[aria-haspopup="menu"][aria-controls], [data-nav]';
const nav = $('#nav');
const folded = () => nav?.hasAttribute('data-open');
const menuOf = (button) => document.getElementById(button.getAttribute('aria-controls'));
const seen = (items) => items.filter((item) => item.offsetParent);

const shut = (except) => $$('[aria-haspopup="menu"][aria-expanded="true"], [data-nav][aria-expanded="true"]').forEach((button) => {
  if (button === except || (button.matches('[data-nav]') && folded())) return;
  button.setAttribute('aria-expanded', 'false');
  menuOf(button).hidden = true;
});

// A refused action stays focusable and tells why instead of acting.
document.addEventListener('click', (event) => {
  if (event.target.closest('[aria-disabled="true"]')) { event.preventDefault(); event.stopPropagation(); }
}, true);

document.addEventListener('click', (event) => {
  const button = event.target.closest(openers);
  shut(button);
  if (!button) return;
  const menu = menuOf(button);
  menu.hidden = !menu.hidden;
  button.setAttribute('aria-expanded', String(!menu.hidden));
  if (!menu.hidden && menu.matches('[role="menu"]')) seen($$('[role="menuitem"]', menu))[0]?.focus();
});

document.addEventListener('keydown', (event) => {
  const menu = event.target.closest('[role="menu"]');
  if (menu && ['ArrowDown', 'ArrowUp', 'Home', 'End'].includes(event.key)) {
    const items = seen($$('[role="menuitem"]', menu));
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    items.at(to % items.length).focus();
    event.preventDefault();
  }
  if (event.key === 'Escape') {
    const list = menu ?? event.target.closest('.nav-menu');
    const opener = list && $(`[aria-controls="${list.id}"]`);
    shut();
    opener?.focus();
    event.target.closest('.tip')?.setAttribute('data-shut', '');
  }
  if (event.key === '/' && !event.target.closest('input, textarea, select, dialog')) {
    $('#q')?.focus();
    event.preventDefault();
  }
});
document.addEventListener('focusout', (event) => event.target.closest?.('.tip')?.removeAttribute('data-shut'));

$('.nav-toggle')?.addEventListener('click', (event) => {
  const open = nav.toggleAttribute('data-open');
  $$('[data-nav]').forEach((button) => {
    button.setAttribute('aria-expanded', String(open));
    menuOf(button).hidden = !open;
  });
  event.currentTarget.setAttribute('aria-expanded', String(open));
});
