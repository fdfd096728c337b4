// @ts-check
/**
 * The browser's memory for the buyer between page loads; keys that begin with `tab.` are for this tab only.
 * Where storage is forbidden (private windows, strict settings) it lasts as long as the page: buying still
 * works, a reload forgets.
 */

const PREFIX = "frontrow.";
const STORED_MS = 500;
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

/** The events that something is kept for. @param {string} what `hold.` and the like */
export function eventsWith(what) {
  try {
    return Object.keys(localStorage).flatMap((key) => (key.startsWith(PREFIX + what) ? key.slice((PREFIX + what).length) : []));
  } catch {
    return [];
  }
}

/** Other windows of this browser. Tell them of an event whose holds have changed; `onNews` hears of those that they tell of. @param {(eventId: string) => void} onNews */
export function windows(onNews) {
  try {
    const channel = new BroadcastChannel("frontrow");
    channel.onmessage = ({ data }) => {
      onNews(data);
      // What the other window has stored may arrive after its message.
      setTimeout(onNews, STORED_MS, data);
    };
    return channel;
  } catch {
    // Strict settings, or an old browser: a window then asks when it becomes visible.
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
