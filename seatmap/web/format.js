// @ts-check
/**
 * Money, dates and counts as people read them. The page speaks English, so its figures do too.
 *
 * @import { Money } from "./types.js"
 */
import { DIGITS } from "./currencies.js";

const locale = navigator.languages?.find((l) => l.toLowerCase().startsWith("en")) ?? "en-GB";
/** @type {Map<string, Intl.NumberFormat>} */
const moneyFormats = new Map();
const numberFormat = new Intl.NumberFormat(locale);

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

/** @param {number} quantity @param {string} one @param {string} [many] */
export function plural(quantity, one, many = `${one}s`) {
  return `${count(quantity)} ${quantity === 1 ? one : many}`;
}

/** @param {string[]} words @param {"conjunction" | "disjunction"} [type] */
export function listed(words, type = "conjunction") {
  return new Intl.ListFormat("en", { type }).format(words);
}

/** @param {string} iso @param {string} [timeZone] */
export function longDate(iso, timeZone) {
  return dateFormat({ weekday: "long", day: "numeric", month: "long", year: "numeric" }, timeZone).format(new Date(iso));
}

/** Day and time in one short line. @param {string} iso @param {string} [timeZone] */
export function moment(iso, timeZone) {
  return dateFormat({ weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }, timeZone).format(new Date(iso));
}

/** @param {string} iso @param {string} [timeZone] */
export function clock(iso, timeZone) {
  return dateFormat({ hour: "numeric", minute: "2-digit" }, timeZone).format(new Date(iso));
}

/** @param {Intl.DateTimeFormatOptions} options @param {string} [timeZone] */
export function dateFormat(options, timeZone) {
  try {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat(locale, options);
  }
}

/** Remaining time as m:ss, never negative. @param {number} ms */
export function countdown(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}
