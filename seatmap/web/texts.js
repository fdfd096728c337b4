// @ts-check
/**
 * The page's words, by key. A catalogue has whole sentences with `{name}` for values, so that each language
 * orders them itself; an entry that depends on a number (`count`) has one text for each plural category of
 * its language (with `type: "ordinal"`, of its ordinals).
 *
 * @typedef {string | Record<string, string>} Phrase
 * @typedef {Record<string, Phrase>} Texts
 */
import { canonical, count, listed, readers, writeAs } from "./format.js";
import { recall, remember } from "./memory.js";

/** A reader loads one of them. @type {Record<string, () => Promise<{ default: Texts }>>} */
const CATALOGUES = { en: () => import("./texts.en.js"), de: () => import("./texts.de.js") };

/** @type {Texts} */
let catalogue = {};
/** Given by the page around `<seat-map>`, in place of ours. @type {Texts} */
let given = {};
/** @type {Record<string, Intl.PluralRules>} */
let rules = {};
let turn = 0;
/** Of several wishes the last one holds. */
let last = Promise.resolve();
let language = "en";

/** The language that the page is in. */
export const spoken = () => language;

/** @param {Texts} texts */
export function replaceTexts(texts) {
  given = texts;
}

/** @param {string} key */
export const known = (key) => key in catalogue || key in given;

/**
 * @param {string} key
 * @param {Record<string, string | number | string[]>} [values] numbers are written as people write them, lists with "and"
 */
export function text(key, values = {}) {
  const entry = given[key] ?? catalogue[key];
  const form = typeof entry === "object" ? (entry[pluralOf(entry.type, Number(values.count))] ?? entry.other) : (entry ?? key);
  return form.replace(/\{(\w+)\}/g, (all, name) => {
    const value = values[name] ?? all;
    return typeof value === "number" ? count(value) : typeof value === "string" ? value : listed(value);
  });
}

/** @param {string} type @param {number} number */
function pluralOf(type = "cardinal", number) {
  rules[type] ??= new Intl.PluralRules(language, { type: /** @type {any} */ (type) });
  return rules[type].select(number);
}

/**
 * Speak the language that is asked for, if we have it; else the first of the event's and the reader's own
 * that we have and that is not English; else English: what few have chosen says more than what is usual.
 *
 * @param {string | null} [wish] language tag @param {string | null} [eventLanguage]
 */
export function speak(wish, eventLanguage) {
  const done = load(++turn, first([wish]) ?? [first([eventLanguage]), first(readers())].find((code) => code && code !== "en") ?? "en");
  last = done;
  return done.then(() => last);
}

/** The first of these languages that we have. @param {unknown[]} tags */
const first = (tags) => tags.flatMap(canonical).map((tag) => tag.split("-")[0]).find((code) => Object.hasOwn(CATALOGUES, code));

/** @param {number} own @param {string} next */
async function load(own, next) {
  const texts = (await CATALOGUES[next]()).default;
  if (own !== turn) return;
  [catalogue, language, rules] = [texts, next, {}];
  writeAs(language);
}

/** The language that this page's address asks for, then and later. */
export function asked() {
  const wish = new URLSearchParams(location.search).get("lang");
  if (wish) remember("lang", wish);
  return wish || recall("lang");
}

/** A page of ours: in the language asked for, or else in the reader's. */
export async function speakHere() {
  await speak(asked());
  translatePage();
}

/** Write the whole page in the language spoken, and mark it among the links to the others. */
export function translatePage() {
  document.documentElement.lang = language;
  translate(document);
  for (const link of document.querySelectorAll(".languages a")) {
    if (!(link instanceof HTMLAnchorElement)) continue;
    link.ariaCurrent = link.lang === language ? "true" : null;
    // The address changes while the page is open.
    link.onclick = () => {
      const url = new URL(location.href);
      url.searchParams.set("lang", link.lang);
      link.href = url.href;
    };
  }
}

/** Write the texts that markup asks for: `data-text="key"`, and `data-text-NAME="key"` for an attribute. @param {ParentNode} root */
export function translate(root) {
  for (const element of root.querySelectorAll("*")) {
    for (const { name, value } of [...element.attributes]) {
      if (name === "data-text") {
        // Beside the text there may be a field, or a mark.
        const own = [...element.childNodes].find((node) => node instanceof Text && node.data.trim());
        if (own instanceof Text) own.data = own.data.replace(/\S(.*\S)?/s, () => text(value));
        else element.textContent = text(value);
      } else if (name.startsWith("data-text-")) element.setAttribute(name.slice(10), text(value));
    }
    if (element instanceof HTMLTemplateElement) translate(element.content);
  }
}
