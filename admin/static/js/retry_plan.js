// A retry plan: the number, the segments and the cost follow the ticks.
const number = new Intl.NumberFormat('en');
const money = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const counted = (n, noun) => `${number.format(n)} ${noun}${n === 1 ? '' : 's'}`;

// Returns how many messages are ticked.
export const sum = (dialog, go) => {
  const ticked = [...dialog.querySelectorAll('[data-n]:checked')];
  const of = (name) => ticked.reduce((total, box) => total + Number(box.dataset[name]), 0);
  const [n, segments, foot] = [of('n'), of('segments'), dialog.querySelector('[data-sum]')];
  const say = (name, words) => { const part = foot.querySelector(name); if (part) part.textContent = words; };
  say('[data-sum-n]', counted(n, 'message'));
  say('[data-sum-segments]', counted(segments, 'segment'));
  say('[data-sum-cost]', `${foot.dataset.currency} ${money.format(segments * Number(foot.dataset.price))}`);
  const now = dialog.querySelector('[name="when"]:checked')?.value === 'now';
  if (now || !n) go.textContent = n ? `Retry ${counted(n, 'message')}` : 'Nothing ticked';
  return n;
};
