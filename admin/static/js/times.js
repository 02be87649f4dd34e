// Times: told in this browser's zone, and relative ones kept true without a request.
import { remember } from './cookies.js';

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) remember('zone', zone);

const steps = [[60, 1, 's'], [3600, 60, 'min'], [86400, 3600, 'h']];
const tick = () => document.querySelectorAll('time[data-ago]').forEach((element) => {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(element.dateTime)) / 1000));
  const step = steps.find(([limit]) => seconds < limit);
  if (!step) return;
  const words = `${Math.floor(seconds / step[1])} ${step[2]} ago`;
  if (element.textContent !== words) element.textContent = words;
});
setInterval(() => { if (!document.hidden) tick(); }, 1000);
