// Clicks that come before the page's scripts are kept, and done again once these are there: a slow line loses none.
// Only buttons that do nothing by themselves; links and forms go their way without a script.
(() => {
  const early = new Set();
  const keep = ({ target }) => {
    const button = target.closest('button[type="button"]');
    if (button) early.add(button);
  };
  document.addEventListener('click', keep, true);
  document.addEventListener('scripts-ready', () => {
    document.removeEventListener('click', keep, true);
    early.forEach((button) => button.click());
  }, { once: true });
})();

// A form's answer that is a page stands where the form does: at its own address Back, or a reload, would ask to send the form again.
if (document.documentElement.hasAttribute('data-answer')) {
  const asked = document.referrer.startsWith(`${location.origin}/`) ? document.referrer : location.href;
  history.replaceState(null, '', asked);
}
