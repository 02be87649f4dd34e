// Starting something: the button says when that is.
const tell = (dialog) => {
  const chosen = dialog?.querySelector('[data-go-word]:checked');
  if (!chosen) return;
  const at = dialog.querySelector('[name="start_at"]');
  at.disabled = chosen.value !== 'at';  // else a time that can't be, which nobody sees, holds up a start now
  const nothing = dialog.querySelector('[data-n]') && !dialog.querySelector('[data-n]:checked');
  const word = chosen.dataset.goWord;
  if (!word || nothing) return;
  dialog.querySelector('[data-go]').textContent = at.disabled ? word : `${word} ${at.value.replace('T', ' ')}`;
};
document.addEventListener('input', (event) => tell(event.target.closest('dialog')));
document.body.addEventListener('htmx:afterSettle', () => tell(document.querySelector('#dialogs dialog')));
tell(document.querySelector('dialog[open]'));
