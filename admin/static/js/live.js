// Live parts: asked for every two seconds while the page is seen; a lost connection shows.
import { remember } from './cookies.js';

const poll = '[data-poll]';
document.body.addEventListener('htmx:configRequest', (event) => {
  if (event.target.matches?.(poll)) event.detail.headers['X-Poll'] = '1';
});
const announcer = document.getElementById('announcer');
let said = document.getElementById('progress')?.dataset.said;

document.body.addEventListener('htmx:beforeRequest', (event) => {
  // Nobody looks, or somebody reads in it what must not change under their eyes.
  const part = event.target;
  if (part.matches?.(poll) && (document.hidden || part.matches('.flow:has(details[open])'))) event.preventDefault();
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) document.body.dispatchEvent(new CustomEvent('shown'));
});

// Each tenth and each change of state is announced, not each tick.
document.body.addEventListener('htmx:afterSettle', () => {
  const now = document.getElementById('progress')?.dataset.said;
  if (now && now !== said && announcer) announcer.textContent = now;
  said = now ?? said;
});

// The rows shown are read anew while messages move, unless somebody is busy with them: nothing may jump from under a hand.
const BUSY = ':is(:hover, :has(:focus-visible, [data-check]:checked, details[open]))';
const ROWS_KEPT = 6000;  // ms
let rowsSince = Date.now();
document.body.addEventListener('htmx:beforeRequest', ({ target }) => {
  if (target.id === 'messages') rowsSince = Date.now();
  const moves = target.matches?.('#progress[hx-trigger^="every 2s"]') && !document.hidden;
  if (!moves || Date.now() - rowsSince < ROWS_KEPT || document.querySelector(`[data-table] table${BUSY}`)) return;
  rowsSince = Date.now();
  document.body.dispatchEvent(new CustomEvent('aged'));
});

const lost = (event) => {
  const panel = event.target.matches?.(poll) && event.target.querySelector('details[data-remember]');
  if (!panel || panel.classList.contains('stale')) return;
  panel.classList.add('stale');
  const time = new Date().toLocaleTimeString('en-GB');
  const signedOut = event.detail.xhr?.status === 401;
  const words = signedOut ? 'Signed out. Reload to sign in' : `Not live since ${time}, trying again`;
  const dot = Object.assign(document.createElement('span'), { className: 'dead', ariaHidden: 'true' });
  panel.querySelector('.asof').replaceChildren(dot, ` ${words}`);
};
document.body.addEventListener('htmx:sendError', lost);
document.body.addEventListener('htmx:responseError', lost);

// What somebody folds stays folded, also when an answer comes that was drawn before. By the click: a part that
// comes unfolded says `toggle` too.
const folded = new Map();
document.addEventListener('click', (event) => {
  const part = event.target.closest?.('[data-remember] > summary')?.parentElement;
  if (!part) return;
  folded.set(part.dataset.remember, part.open);  // it is about to change
  remember(part.dataset.remember, part.open ? 'closed' : '');
});
document.body.addEventListener('htmx:afterSwap', () => document.querySelectorAll('[data-remember]').forEach((part) => {
  if (folded.has(part.dataset.remember)) part.open = !folded.get(part.dataset.remember);
}));
