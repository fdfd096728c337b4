// @ts-check
/**
 * What the browser remembers for the buyer between page loads. Where storage is forbidden (private
 * windows, strict settings) it lasts as long as the page: buying still works, a reload forgets.
 */

const PREFIX = "frontrow.";
/** @type {Map<string, string>} */
const fallback = new Map();

/**
 * @param {string} key
 * @param {unknown} value anything JSON can carry
 */
export function remember(key, value) {
  const text = JSON.stringify(value);
  fallback.set(key, text);
  try {
    localStorage.setItem(PREFIX + key, text);
  } catch {
    // Kept in `fallback`.
  }
}

/**
 * @param {string} key
 * @returns {any} null when nothing (readable) is kept
 */
export function recall(key) {
  let text = fallback.get(key) ?? null;
  try {
    text = localStorage.getItem(PREFIX + key) ?? text;
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {string} key */
export function forget(key) {
  fallback.delete(key);
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // Nothing was kept there.
  }
}
