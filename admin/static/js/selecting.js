// The messages table: rows are ticked, over pages and for all that match; the bar below says how many.
const number = new Intl.NumberFormat('en');
const part = (name) => document.querySelector(`[data-${name}]`);
const boxes = () => [...document.querySelectorAll('[data-check]')];
let picked = new Set();
let all = false;  // all that match: the server is told the filter, never ids
let narrowed = false;  // it was all, then some were unticked: only what is ticked is left, which must be said
let last;

// What was ticked stays ticked on the next page of the same filter, in this tab.
const key = () => `picked ${part('table').dataset.key}`;
const keep = () => {
  if (!part('table')) return;
  if (picked.size) sessionStorage.setItem(key(), [...picked].join()); else sessionStorage.removeItem(key());
};
const recall = () => {
  const early = part('check-all')?.checked ? boxes() : boxes().filter((box) => box.checked);  // before this script came
  picked = new Set([...(sessionStorage.getItem(key()) ?? '').split(',').filter(Boolean), ...early.map((box) => box.value)]);
  keep();
};

const draw = () => {
  const bulk = part('bulk');
  if (!bulk) return;
  const rows = boxes();
  rows.forEach((box) => {
    box.checked = all || picked.has(box.value);
    box.closest('tr').classList.toggle('picked', box.checked);
  });
  const on = rows.filter((box) => box.checked).length;
  const head = part('check-all');
  const { total } = part('table').dataset;
  head.checked = on > 0 && on === rows.length;
  head.indeterminate = on > 0 && !head.checked;
  const offer = part('select-all');
  const fewer = narrowed && !head.checked && picked.size > 0;
  part('pickbar').hidden = !fewer && (!head.checked || (!all && Number(total) <= rows.length));
  part('picked-said').textContent = all ? 'All that match are selected, on every page.'
    : fewer ? `The selection is now the ${number.format(picked.size)} ticked, no longer all that match.`
      : `All ${number.format(on)} on this page selected.`;
  offer.hidden = all;
  const n = all ? offer.dataset.n : number.format(picked.size);
  bulk.hidden = !all && !picked.size;
  part('picked').textContent = n;
  bulk.querySelectorAll('[data-retry-word]').forEach((word) => { word.textContent = `Retry Selected (${n})…`; });
  part('opens').hidden = all;
  part('matching').hidden = !all;
  part('messages').value = [...picked].join();
};

const tick = (box, on) => {
  if (on) picked.add(box.value); else picked.delete(box.value);
};
const pick = (box, on, { range = false } = {}) => {
  if (all) boxes().forEach((other) => tick(other, true));
  narrowed ||= all;
  all = false;
  const rows = boxes();
  const at = rows.indexOf(box);
  const from = range && rows.includes(last) ? rows.indexOf(last) : at;
  rows.slice(Math.min(from, at), Math.max(from, at) + 1).forEach((one) => tick(one, on));
  last = box;
  keep();
  draw();
};

document.addEventListener('click', (event) => {
  const box = event.target.closest('[data-check]');
  if (box) pick(box, box.checked, { range: event.shiftKey });
  if (event.target.closest('[data-check-all]')) {
    all = narrowed = false;
    boxes().forEach((one) => tick(one, event.target.checked));
    keep();
    draw();
  }
  if (event.target.closest('[data-select-all]')) { all = true; narrowed = false; draw(); }
  if (event.target.closest('[data-clear]')) clear();
});

export const clear = () => {
  all = narrowed = false;
  picked.clear();
  keep();
  draw();
};
export const toggle = (row) => {
  const box = row.querySelector('[data-check]');
  if (box) pick(box, !box.checked);
};

if (part('table')) {
  recall();
  draw();
  document.body.addEventListener('htmx:afterSettle', draw);
  document.body.addEventListener('retried', clear);  // what was selected is sent again
}
