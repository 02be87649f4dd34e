// What this browser remembers for a year and the server draws the next page by; an empty value forgets it.
const year = 365 * 24 * 3600;
export const remember = (name, value) => {
  document.cookie = `${name}=${value}; path=/; max-age=${value ? year : 0}; samesite=lax`;
};
