// @ts-check
/**
 * Money, dates and counts as people read them, in the language of the page.
 *
 * @import { Money } from "./types.js"
 */
import { DIGITS } from "./currencies.js";

/** Where the reader does not say which kind of the language. @type {Record<string, string>} */
const KINDS = { en: "en-GB", de: "de-DE" };
const UTC = "UTC";
const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
/** @type {Map<string, Intl.NumberFormat>} */
const moneyFormats = new Map();
let locale = "";
/** "0:30" is no time of a 24-hour clock, "08:30 pm" none of the other. @type {Intl.DateTimeFormatOptions} */
let hours = {};
let numberFormat = new Intl.NumberFormat();

/** The tag as Intl takes it: browsers also give "en_US", "de-DE@euro" or "C". @param {unknown} tag @returns {string[]} none, if it names no language */
export function canonical(tag) {
  try {
    return Intl.getCanonicalLocales(String(tag ?? "").replace(/[.@].*/, "").replaceAll("_", "-"));
  } catch {
    return [];
  }
}

/** The reader's languages, preferred first. */
export function readers() {
  return [...(navigator.languages ?? []), navigator.language].flatMap(canonical);
}

/** @param {string} language */
export function writeAs(language) {
  locale = readers().find((tag) => tag.split("-")[0] === language) ?? KINDS[language];
  numberFormat = new Intl.NumberFormat(locale);
  moneyFormats.clear();
  hours = { hour: new Intl.DateTimeFormat(locale, { hour: "numeric" }).resolvedOptions().hour12 ? "numeric" : "2-digit", minute: "2-digit" };
}

writeAs("en");

/**
 * Written by Intl, whose digits are a locale's habit: ours are the minor unit's. With the symbol that tells
 * currencies apart in this locale ("CA$"), not the narrow one.
 *
 * @param {Money} value
 */
export function money({ amount, currency }) {
  const unit = 10 ** digitsOf(currency);
  const digits = amount % unit === 0 ? 0 : digitsOf(currency);
  const key = currency + digits;
  let format = moneyFormats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale, { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
    moneyFormats.set(key, format);
  }
  return format.format(amount / unit);
}

/** Of the currency's minor units. @param {string} currency */
export function digitsOf(currency) {
  return DIGITS[currency] ?? 2;
}

/** @param {Money[]} values all of one currency @returns {Money | null} */
export function sum(values) {
  if (values.length === 0) return null;
  return { amount: values.reduce((total, v) => total + v.amount, 0), currency: values[0].currency };
}

/** @param {number} value */
export function count(value) {
  return numberFormat.format(value);
}

/** @param {string[]} words @param {"conjunction" | "disjunction" | "unit"} [type] */
export function listed(words, type = "conjunction") {
  return new Intl.ListFormat(locale, { type, style: type === "unit" ? "narrow" : "long" }).format(words);
}

/**
 * Times are read on the venue's clock, else in UTC, never on the visitor's; the same rule writes mails
 * (engine/base/zones.py). The zone is named unless the time stands beside its city and is clear.
 *
 * @typedef {{ city?: string, timezone?: string | null }} Place
 */

/** @param {string} iso @param {Place} place */
export function longDate(iso, place) {
  return dateFormat({ weekday: "long", day: "numeric", month: "long", year: "numeric" }, place).format(new Date(iso));
}

/** Day and time in one short line. @param {string} iso @param {Place} place @param {boolean} [named] in any case */
export function moment(iso, place, named) {
  return withZone({ weekday: "short", day: "numeric", month: "short", year: "numeric", ...hours }, iso, place, named);
}

/** @param {string} iso @param {Place} place @param {boolean} [named] in any case */
export function clock(iso, place, named) {
  return withZone(hours, iso, place, named);
}

/** A deadline, or a time of today, with its zone: within half a day the time is enough. @param {string} iso @param {Place} place */
export function nearby(iso, place) {
  return (Math.abs(Date.now() - Date.parse(iso)) < DAY_MS / 2 ? clock : moment)(iso, place, true);
}

/** @param {Intl.DateTimeFormatOptions} options @param {string} iso @param {Place} place @param {boolean} [named] */
function withZone(options, iso, place, named) {
  const zone = zoneOf(place);
  const at = Date.parse(iso);
  const offset = offsetOf(at, zone);
  // Of the hour that a clock set back shows twice, the other one.
  const twice = [at - DAY_MS, at + DAY_MS].some((near) => {
    const other = offsetOf(near, zone);
    return other !== offset && offsetOf(at + (offset - other) * MINUTE_MS, zone) === other;
  });
  const words = dateFormat(options, place).format(at);
  return named || twice || zone === UTC || !place.city ? `${words} ${offsetName(offset)}` : words;
}

/** @param {Intl.DateTimeFormatOptions} options @param {Place} place */
export function dateFormat(options, place) {
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: zoneOf(place) });
}

/** Of the place, if this browser knows it. @param {Place} place */
function zoneOf({ timezone }) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: timezone ?? UTC }) && (timezone ?? UTC);
  } catch {
    return UTC;
  }
}

/** Minutes ahead of UTC. @param {number} at @param {string} timeZone */
function offsetOf(at, timeZone) {
  const name = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" }).format(at);
  const [, sign, hours, minutes] = /GMT([^\d])(\d+):(\d+)/.exec(name) ?? ["", "+", 0, 0];
  return (sign === "+" ? 1 : -1) * (Number(hours) * 60 + Number(minutes));
}

/** "UTC", "UTC+2", "UTC−3:30". @param {number} offset */
function offsetName(offset) {
  const minutes = Math.abs(offset);
  const rest = minutes % 60;
  return UTC + (offset ? `${offset > 0 ? "+" : "−"}${Math.floor(minutes / 60)}${rest ? `:${String(rest).padStart(2, "0")}` : ""}` : "");
}

/** Remaining time as m:ss, never negative. @param {number} ms */
export function countdown(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}
