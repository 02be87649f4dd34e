// Acts that a script sends: each goes once, and what goes wrong is said.
import { say } from './toast.js';

// A second click while the first is under way does nothing more.
const buttonOf = (target) => (target.matches?.('[data-act]') ? target.querySelector('[type="submit"]') : null);
document.body.addEventListener('htmx:beforeRequest', (event) => {
  const button = buttonOf(event.target);
  if (button?.disabled) event.preventDefault();
  if (button) button.disabled = true;
});
document.body.addEventListener('htmx:afterRequest', (event) => {
  const button = buttonOf(event.target);
  if (button) button.disabled = false;
});

document.body.addEventListener('htmx:responseError', (event) => {
  if (event.detail.xhr.status === 401) say('You are signed out. Reload this page to sign in, then repeat this.', { stay: true });
  else if (!event.target.matches?.('[data-poll]')) say('Something went wrong on our side. Try again in a moment.');
});
document.body.addEventListener('htmx:sendError', (event) => {
  if (!event.target.matches?.('[data-poll]')) say('Signalbox does not answer. See whether it was done before you try again.');
});
