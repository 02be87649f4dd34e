// Writing a template: fields by click, the size as one types, the email's preview in its frame.
const form = document.querySelector('[data-compose]');

if (form) {
  const body = form.querySelector('#body');
  const preview = form.querySelector('[data-preview]');
  let last = body;
  form.addEventListener('focusin', (event) => { if (event.target.matches('#body, #subject')) last = event.target; });
  form.addEventListener('click', (event) => {
    const chip = event.target.closest('[data-insert]');
    if (!chip) return;
    last.setRangeText(chip.dataset.insert, last.selectionStart, last.selectionEnd, 'end');
    last.focus();
    last.dispatchEvent(new Event('input', { bubbles: true }));
  });
  let timer;
  if (preview) {
    const look = () => {
      const frame = form.querySelector('iframe');
      frame.replaceWith(frame.cloneNode());  // a new frame adds nothing to the history of the window
      form.requestSubmit(preview);
    };
    form.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(look, 500); });
    look();
  }
  // What was typed before the scripts were there, or kept by the browser over a reload.
  window.addEventListener('load', () => {
    if (body.value !== body.defaultValue) body.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

// A mapping: what a column is used as decides what else can be said of it.
const mapping = document.querySelector('[data-mapping]');
if (mapping) {
  const adapt = () => mapping.querySelectorAll('[data-use]').forEach((use) => {
    const row = use.closest('tr');
    row.querySelectorAll('[data-if-field]').forEach((part) => { part.hidden = use.value !== 'field'; });
  });
  mapping.addEventListener('change', (event) => {
    if (event.target.matches('[data-use]') && event.target.value === 'destination') {
      mapping.querySelectorAll('[data-use]').forEach((use) => {
        if (use !== event.target && use.value === 'destination') use.value = 'field';
      });
    }
    adapt();
  });
  adapt();
}
