// @ts-check
/**
 * The browser's memory for the buyer between page loads; keys that begin with `tab.` are for this tab only.
 * Where storage is forbidden (private windows, strict settings) it lasts as long as the page: buying still
 * works, a reload forgets.
 */

const PREFIX = "frontrow.";
/** @type {Map<string, string>} */
const fallback = new Map();
const shelf = (/** @type {string} */ key) => (key.startsWith("tab.") ? sessionStorage : localStorage);

/** @param {string} key @param {unknown} value anything JSON can carry */
export function remember(key, value) {
  const text = JSON.stringify(value);
  try {
    shelf(key).setItem(PREFIX + key, text);
    fallback.delete(key);
  } catch {
    fallback.set(key, text);
  }
}

/** @param {string} key @returns {any} null when nothing (readable) is kept */
export function recall(key) {
  let text = fallback.get(key) ?? null;
  try {
    text ??= shelf(key).getItem(PREFIX + key);
  } catch {
    // Storage is forbidden, and nothing was kept here either.
  }
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {string} key */
export function forget(key) {
  fallback.delete(key);
  try {
    shelf(key).removeItem(PREFIX + key);
  } catch {
    // Nothing was kept there.
  }
}
