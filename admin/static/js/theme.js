// System, light or dark; kept in a cookie, so that the server draws the next page in it from the start.
import { say } from './toast.js';

const root = document.documentElement;
const themes = ['system', 'light', 'dark'];
const year = 365 * 24 * 3600;
export const remember = (name, value) => {
  document.cookie = `${name}=${value}; path=/; max-age=${value ? year : 0}; samesite=lax`;
};

document.querySelector('[data-theme-switch]').addEventListener('click', (event) => {
  const now = root.dataset.theme ?? 'system';
  const theme = themes[(themes.indexOf(now) + 1) % themes.length];
  if (theme === 'system') delete root.dataset.theme; else root.dataset.theme = theme;
  remember('theme', theme === 'system' ? '' : theme);
  event.currentTarget.querySelector('.sr').textContent = `Theme: ${theme}`;
  say(`Theme: ${theme}`);
});
