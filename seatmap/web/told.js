// @ts-check
/** What the server writes in English for all its clients, in the page's language. */
import { known, spoken, text } from "./texts.js";

/** The causes in a price's reason (as engine/live/public_reasons.py shows it). @type {Record<string, string>} */
const CAUSES = {
  "a new price range": "range",
  "the last places cost more": "last",
  "the fewer places are left, the more they cost": "fewer",
  "more sold than expected by now": "ahead",
  "places are selling fast": "fast",
  "many people want the places that are left": "wanted",
  "a lower price for now": "lower",
  "back towards the usual price": "usual",
};

/** @param {string} code of a problem @param {string} detail */
export function problemText(code, detail) {
  const key = `problem.${code}`;
  return text(known(key) ? key : "problem.other", { detail });
}

/** @param {string} label "Stalls, row F, seat 12" */
export function placeText(label) {
  return label.replace(/, (row|seat) ([^\s,]+)(?=,|$)/g, (_, what, name) => `, ${what === "row" ? text("row", { label: name }) : text("seat", { number: name })}`);
}

/** "82 % sold, 6 days left: the last places cost more", or "a lower price for now"; an organiser's own words stay as they are. @param {string} reason */
export function reasonText(reason) {
  const [, share, n, unit = "last", cause = reason] = /^(\d+) % sold, (?:(\d+) (day|hour)s? left|the last hours): (.*)$/.exec(reason) ?? [];
  if (spoken() === "en" || !Object.hasOwn(CAUSES, cause)) return reason;
  const words = text(`cause.${CAUSES[cause]}`);
  return cause === reason ? words : text(`reason.${unit}`, { share, count: Number(n), cause: words });
}
