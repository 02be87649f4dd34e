// One line at the bottom that tells what a click has done.
const toast = document.querySelector('body > .toast');
const SECONDS = 6;
let timer;

export const say = (words, { stay = false } = {}) => {
  clearTimeout(timer);
  toast.textContent = words;
  if (!stay) timer = setTimeout(() => { toast.textContent = ''; }, SECONDS * 1000);
};

// What the server said with the page is set again, so that screen readers hear it.
const told = toast.textContent.trim();
toast.textContent = '';
if (told) setTimeout(() => say(told), 100);
document.body.addEventListener('toast', (event) => say(event.detail.value));
