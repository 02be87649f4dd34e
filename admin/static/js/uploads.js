// Uploads: what is too large is said before it is sent; while it is sent it shows how far it is.
const MEGABYTE = 1024 * 1024;
const parts = (sender) => {
  const field = sender.matches('input') ? sender : sender.querySelector('input[type="file"]');
  const box = sender.matches('input') ? sender.parentElement.querySelector('[data-progress]') : sender.querySelector('[data-progress]');
  return { file: field.files[0], box, bar: box.querySelector('progress'), note: box.querySelector('[role="status"]') };
};
const uploads = (event) => event.target.matches?.('[data-upload]');

document.body.addEventListener('htmx:beforeRequest', (event) => {
  if (!uploads(event)) return;
  const { file, box, bar, note } = parts(event.target);
  const limit = Number(event.target.dataset.upload);
  const tooLarge = file && file.size > limit * MEGABYTE;
  box.hidden = false;
  bar.hidden = tooLarge;
  bar.value = 0;
  note.classList.toggle('too-large', tooLarge);
  note.textContent = tooLarge ? `${file.name} has ${(file.size / MEGABYTE).toFixed(1)} MB; ${limit} MB can be sent here.` : '';
  if (tooLarge) event.preventDefault();
});

document.body.addEventListener('htmx:xhr:progress', (event) => {
  if (!uploads(event)) return;
  const { file, bar, note } = parts(event.target);
  if (!file || event.detail.total < file.size) return;  // that is the answer coming back
  bar.value = 100 * event.detail.loaded / event.detail.total;
  const arrived = event.detail.loaded === event.detail.total;
  note.textContent = arrived ? 'Uploaded. Checking it…' : `${(event.detail.loaded / MEGABYTE).toFixed(1)} of ${(event.detail.total / MEGABYTE).toFixed(1)} MB`;
});

document.body.addEventListener('htmx:afterRequest', (event) => {
  if (uploads(event) && event.target.isConnected && !event.detail.xhr.getResponseHeader('HX-Redirect')) parts(event.target).box.hidden = true;
});
