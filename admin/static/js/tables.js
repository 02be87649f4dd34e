// Lists and tables: a choice submits its form, a cell is copied, folded chips unfold.
import { say } from './toast.js';

document.addEventListener('change', (event) => {
  if (event.target.matches('[data-submit]')) event.target.form.requestSubmit();
});

const copied = async (words) => {
  if (navigator.clipboard) { await navigator.clipboard.writeText(words); return; }
  const field = document.createElement('textarea');  // a page without https has no clipboard of its own
  field.value = words;
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
};

document.addEventListener('click', async (event) => {
  const copy = event.target.closest('[data-copy]');
  if (copy) {
    try {
      await copied(copy.dataset.copy);
      say(`Copied ${copy.dataset.copy}`);
    } catch {
      say('The browser does not let this page copy.');
    }
  }
  const unfold = event.target.closest('[data-unfold]');
  if (unfold) {
    const chips = unfold.closest('.chips');
    chips.toggleAttribute('data-unfolded', true);
    chips.querySelector('.fold').focus();
  }
});

// Empty fields make an address longer and say nothing.
document.addEventListener('submit', (event) => {
  if (!event.target.matches('[data-search]')) return;
  const fields = [...event.target.elements].filter((field) => field.name && !field.value);
  fields.forEach((field) => { field.disabled = true; });
  setTimeout(() => fields.forEach((field) => { field.disabled = false; }));
});
