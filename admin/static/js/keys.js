// The messages table by keyboard; `/` is every page's.
import { toggle } from './selecting.js';

const rows = () => [...document.querySelectorAll('[data-row]')];
const help = document.getElementById('keys');
const BUSY = 'input, textarea, select, [role="menu"], dialog, [aria-expanded="true"]';

const go = (step) => {
  const all = rows();
  const at = all.indexOf(document.activeElement?.closest('[data-row]'));
  const to = at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + step));
  all[to]?.focus();
};

const ACTS = {
  ArrowDown: () => go(1),
  ArrowUp: () => go(-1),
  x: (row) => row && toggle(row),
  '?': () => help.showModal(),
};

document.addEventListener('keydown', (event) => {
  const box = event.target.matches('[data-check]');
  if (!help || event.ctrlKey || event.metaKey || event.altKey || (!box && event.target.closest(BUSY))) return;
  const row = event.target.closest('[data-row]');
  if (event.key === 'Enter' && event.target === row) row.querySelector('[data-story]').click();
  if (!ACTS[event.key]) return;
  event.preventDefault();
  ACTS[event.key](row);
});
document.addEventListener('click', (event) => { if (event.target.closest('[data-keys]')) help.showModal(); });
help?.addEventListener('click', (event) => { if (event.target === help) help.close(); });
