// Writing a template: fields by click, the size as one types, the email's preview in its frame.
const form = document.querySelector('[data-compose]');

if (form) {
  const body = form.querySelector('#body');
  const preview = form.querySelector('[data-preview]');
  const texts = [...form.querySelectorAll('#body, #subject')];
  let last = texts.includes(document.activeElement) ? document.activeElement : body;
  form.addEventListener('focusin', (event) => { if (texts.includes(event.target)) last = event.target; });
  form.addEventListener('click', (event) => {
    const chip = event.target.closest('[data-insert]');
    if (!chip) return;
    const field = chip.dataset.into ? form.querySelector(`#${chip.dataset.into}`) : last;
    field.setRangeText(chip.dataset.insert, field.selectionStart, field.selectionEnd, 'end');
    field.focus();
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });
  if (preview) {
    const look = () => {
      const frame = form.querySelector('iframe');
      frame.replaceWith(frame.cloneNode());  // a new frame adds nothing to the history of the window
      form.requestSubmit(preview);
    };
    document.body.addEventListener('htmx:afterSettle', (event) => { if (event.target.id === 'meter') look(); });
    look();
  }
  // What was typed before the scripts were there, or kept over a reload.
  window.addEventListener('load', () => {
    const typed = texts.find((text) => text.value !== text.defaultValue);
    typed?.dispatchEvent(new Event('input', { bubbles: true }));
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
