// System, light or dark; kept in a cookie, so that the server draws the next page in it from the start.
import { remember } from './cookies.js';
import { say } from './toast.js';

const root = document.documentElement;
const themes = ['system', 'light', 'dark'];

document.querySelector('[data-theme-switch]').addEventListener('click', (event) => {
  const now = root.dataset.theme ?? 'system';
  const theme = themes[(themes.indexOf(now) + 1) % themes.length];
  if (theme === 'system') delete root.dataset.theme; else root.dataset.theme = theme;
  remember('theme', theme === 'system' ? '' : theme);
  event.currentTarget.querySelector('.sr').textContent = `Theme: ${theme}`;
  say(`Theme: ${theme}`);
});
