// What is typed survives a reload, a lost session and a refusal: it is kept in this tab until the server took it.
const form = document.querySelector('form[data-keep]');
const here = location.pathname;
const keyOf = (path) => `typed:${path}`;
const named = () => [...form.elements].filter((field) => field.name && !['hidden', 'file', 'submit', 'button'].includes(field.type));
const isTick = (field) => field.type === 'checkbox' || field.type === 'radio';
// What was typed before this script came is newer than what was kept.
const isTouched = (field) => (isTick(field) ? field.checked !== field.defaultChecked : 'defaultValue' in field && field.value !== field.defaultValue);

// A form that was sent was taken if it led to a page that is not the answer to it; a refusal is.
const sent = sessionStorage.getItem('sent');
if (sent) {
  const cameFrom = document.referrer && new URL(document.referrer).pathname;
  const isLed = performance.getEntriesByType('navigation')[0].type === 'navigate';
  if (isLed && cameFrom === sent && !document.documentElement.hasAttribute('data-answer')) sessionStorage.removeItem(keyOf(sent));
  sessionStorage.removeItem('sent');
}

// What a text was written over: it goes with the text, so that the server sees when somebody else has written meanwhile.
const seen = form?.elements.namedItem('seen');

const keep = () => {
  const typed = [...named(), ...(seen ? [seen] : [])].map((field) => [field.name, isTick(field) ? field.value : '', isTick(field) ? field.checked : field.value]);
  try {
    sessionStorage.setItem(keyOf(here), JSON.stringify(typed));
  } catch {
    sessionStorage.removeItem(keyOf(here));  // no room in the browser: better nothing than half of it
  }
};

const bringBack = () => {
  const kept = sessionStorage.getItem(keyOf(here));
  if (!kept) return;
  const changed = [];
  const typed = JSON.parse(kept);
  typed.forEach(([name, value, state]) => {
    const field = named().find((one) => one.name === name && (!isTick(one) || one.value === value));
    if (!field || field.disabled || isTouched(field) || (isTick(field) ? field.checked : field.value) === state) return;
    if (isTick(field)) field.checked = state;
    else field.value = state;
    changed.push(field);
  });
  if (!changed.length) return;
  if (seen) seen.value = typed.find(([name]) => name === 'seen')?.[2] ?? seen.value;
  tell(changed);
};

const tell = (changed) => {
  const note = document.getElementById('kept');
  note.hidden = false;
  note.querySelector('button').addEventListener('click', () => {
    sessionStorage.removeItem(keyOf(here));
    location.assign(location.href);
  });
  // Once everything that listens is there.
  window.addEventListener('load', () => changed.forEach((field) => field.dispatchEvent(new Event('change', { bubbles: true }))));
};

if (form) {
  bringBack();
  form.addEventListener('input', keep);
  form.addEventListener('change', keep);
}

// A second click while the first is under way does nothing more.
document.addEventListener('submit', (event) => {
  if (!event.target.matches('[data-keep], [data-once]') || event.submitter?.formTarget) return;
  if (event.target.hasAttribute('data-sent')) { event.preventDefault(); return; }
  event.target.toggleAttribute('data-sent', true);
  sessionStorage.setItem('sent', here);
});
window.addEventListener('pageshow', () => document.querySelector('[data-sent]')?.removeAttribute('data-sent'));
