// Running a campaign: the button says when it starts. Times are told in this browser's zone.
import { remember } from './theme.js';

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) remember('zone', zone);

const tell = (dialog) => {
  const chosen = dialog?.querySelector('[data-go-word]:checked');
  if (!chosen) return;
  const at = dialog.querySelector('[name="start_at"]').value.replace('T', ' ');
  const word = chosen.dataset.goWord;
  dialog.querySelector('[data-go]').textContent = chosen.value === 'at' ? `${word} ${at}` : word;
};
document.addEventListener('input', (event) => tell(event.target.closest('dialog')));
document.body.addEventListener('htmx:afterSettle', () => tell(document.querySelector('#dialogs dialog')));
tell(document.querySelector('dialog[open]'));
