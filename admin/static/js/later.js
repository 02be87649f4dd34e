// Starting something: the button says when that is.
const tell = (dialog) => {
  const chosen = dialog?.querySelector('[data-go-word]:checked');
  const nothing = dialog?.querySelector('[data-n]') && !dialog.querySelector('[data-n]:checked');
  if (!chosen?.dataset.goWord || nothing) return;
  const at = dialog.querySelector('[name="start_at"]').value.replace('T', ' ');
  const word = chosen.dataset.goWord;
  dialog.querySelector('[data-go]').textContent = chosen.value === 'at' ? `${word} ${at}` : word;
};
document.addEventListener('input', (event) => tell(event.target.closest('dialog')));
document.body.addEventListener('htmx:afterSettle', () => tell(document.querySelector('#dialogs dialog')));
tell(document.querySelector('dialog[open]'));
