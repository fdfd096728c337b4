// @ts-check
/** The list of events. The form holds the search, and the address mirrors the form. @import { EventSummary } from "./types.js" */
import { byId, h, svgAddress } from "./dom.js";
import { clock, dateFormat, listed, moment, money } from "./format.js";
import { showMine } from "./mine.js";
import { speakHere, text } from "./texts.js";

const FEW_SHARE = 0.1;
const PAGE = 24;
/** What is searched for cannot be anywhere: more words than a search may have, for example. */
const UNREADABLE = "400";
const DAY_MS = 86_400_000;
const NAMES = ["q", "category", "city", "near", "when", "available"];
/** What the address may say, where the field itself takes anything. @type {Record<string, RegExp>} */
const READABLE = {
  q: /^.{0,200}$/su,
  category: /^.{0,60}$/su,
  city: /^.{0,100}$/su,
  near: /^-?([0-8]?\d(\.\d{1,9})?|90(\.0+)?), ?-?((1[0-7]|\d)?\d(\.\d{1,9})?|180(\.0+)?)$/,
  radius_km: /^(?=.*[1-9])(1?\d{1,4}(\.\d{1,9})?|20000)$/,
  available: /^(true|1|false|0)$/,
};

const [form] = document.forms;
const list = byId("events");
const more = byId("more");
const near = byId("locate");
const fields = /** @type {any} */ (form.elements);
/** @type {Map<string, { event: EventSummary, card: Element }>} */
const shown = new Map();
/** @type {string | null} */
let cursor = null;
let loading = new AbortController();
let typing = 0;

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", ({ target }) => target !== fields.q && search());
fields.q.oninput = () => {
  clearTimeout(typing);
  typing = setTimeout(search, 250, true);
};
byId("clear").onclick = () => drop(...NAMES);
byId("again").onclick = () => load();
more.onclick = loadMore;
near.onclick = locate;
near.hidden = !navigator.geolocation;
addEventListener("popstate", visit);
addEventListener("pagehide", () => history.replaceState({ limit: Math.min(Math.max(shown.size, PAGE), 100), y: scrollY }, ""));
addEventListener("online", () => shown.size || load());
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, 20_000);

/** @returns {Record<string, string>} */
function chosen() {
  const { from, to, ...choice } = Object.fromEntries([...new FormData(form)].filter(([, value]) => value));
  return /** @type {any} */ (choice.when !== "dates" ? choice : { ...choice, ...(from && fields.from.validity.valid && { from }), ...(to && fields.to.validity.valid && { to }) });
}

/** Show the search in the address, and restore the scroll position there. */
async function visit() {
  const given = new URLSearchParams(location.search);
  byId("left-out").hidden = [...NAMES, "radius_km", "from", "to"].map((name) => take(name, given.get(name) ?? "")).every(Boolean);
  const { limit, y } = history.state ?? {};
  await load(limit);
  scrollTo(0, y ?? scrollY);
}

/** Set the field, or clear it if the value is none of its kind. @param {string} name @param {string} value @returns {boolean} is it taken? */
function take(name, value) {
  const kind = READABLE[name];
  const isKnown = !value || !kind || kind.test(value);
  set(name, isKnown ? value : "");
  if (kind || !value) return isKnown;
  const isTaken = fields[name].value === value && fields[name].validity.valid;
  if (!isTaken) set(name, "");
  return isTaken;
}

/** @param {string} name @param {string} value */
function set(name, value) {
  offer(name, value);
  // A group of radio buttons does not take an empty value in Chromium.
  if (name === "category") part(form, `[name=category][value="${CSS.escape(value)}"]`).checked = true;
  else if (name === "available") fields.available.checked = value === "true" || value === "1";
  else fields[name].value = value;
}

/** @param {string} name @param {string} value that can be chosen */
function offer(name, value) {
  const host = { city: fields.city, category: byId("kinds") }[name];
  if (!host || host.querySelector(`[value="${CSS.escape(value)}"]`)) return;
  host.append(name === "city" ? new Option(value, value) : h("label", { class: "chip" }, h("input", { type: "radio", name, value }), value));
}

/** @param {boolean} [isTyping] all of it is one entry in the history */
function search(isTyping = false) {
  const address = `?${new URLSearchParams(chosen())}`;
  byId("left-out").hidden = true;
  history[isTyping && location.search.includes("q=") ? "replaceState" : "pushState"](null, "", address === "?" ? "/" : address);
  void load();
}

/** @param {...string} names filters to take back */
function drop(...names) {
  for (const name of names) set(name, "");
  search();
  list.focus();
}

const active = () => NAMES.filter((name) => chosen()[name]);

/** What is searched for: "for “jazz” in Berlin". */
function words() {
  return listed(active().map((name) => {
    const { dataset, selectedOptions } = part(form, `[name=${name}]`);
    const key = dataset.say ?? selectedOptions[0].dataset.say;
    return text(key, { value: chosen()[name] });
  }), "unit");
}

/** The period of the search, on this machine's calendar. */
function period() {
  const { when, from, to } = chosen();
  const now = new Date();
  /** @param {number} days @param {number} [hours] */
  const at = (days, hours = 0) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hours).toISOString();
  // From Monday, 0; a weekend begins on Friday evening.
  const weekday = (now.getDay() + 6) % 7;
  const end = {
    today: at(1),
    weekend: at(7 - weekday),
    week: at(7),
    month: new Date(now.getFullYear(), now.getMonth() + 1).toISOString(),
    dates: to && new Date(`${to}T23:59`).toISOString(),
  }[when];
  return {
    // A cancelled event is in the list until a day after its start.
    from: from ? new Date(`${from}T00:00`).toISOString() : when === "weekend" && weekday < 5 ? at(4 - weekday, 17) : when ? at(0) : new Date(Date.now() - DAY_MS).toISOString(),
    ...(end && { to: end }),
  };
}

async function showFacets() {
  const { cities = [], categories = [] } = await get("/facets", {}).catch(() => ({}));
  for (const { name } of cities) offer("city", name);
  for (const { name } of categories.slice(0, 12)) offer("category", name);
}

function locate() {
  if (fields.near.value) return drop("near");
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      // Rounded to a kilometre: a shared link gives away no more.
      fields.near.value = `${coords.latitude.toFixed(2)},${coords.longitude.toFixed(2)}`;
      search();
    },
    () => say(text("noPosition")),
    { timeout: 10_000 },
  );
}

/** @param {string} path @param {any} query @param {AbortSignal} [signal] */
async function get(path, query, signal) {
  const response = await fetch(`/v1/events${path}?${new URLSearchParams(query)}`, { signal });
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

/** @param {object} place in the list */
function page(place) {
  const { when, ...query } = chosen();
  return get("", { ...query, ...period(), ...place }, loading.signal).catch(({ message }) => message === UNREADABLE ? { items: [], next_cursor: null } : null);
}

/** Show the results of the search, from the beginning. @param {number} [limit] how many events */
async function load(limit = PAGE) {
  byId("dates").hidden = fields.when.value !== "dates";
  byId("clear").hidden = !words();
  near.ariaPressed = `${!!fields.near.value}`;
  loading.abort();
  const { signal } = (loading = new AbortController());
  list.ariaBusy = "true";
  const found = await page({ limit });
  if (signal.aborted) return;
  list.ariaBusy = null;
  list.replaceChildren();
  shown.clear();
  append(found ?? { items: [], next_cursor: null });
  if (!found) say("");
  document.body.dataset.list = !found ? (navigator.onLine ? "failed" : "offline") : shown.size ? "shown" : words() ? "nothing" : "unsold";
  byId("nothing-title").textContent = text("nothing", { filters: words() });
  byId("wider").replaceChildren(
    ...active().map((name) => {
      const { any } = part(form, `[name=${name}]`).dataset;
      return h("button", { class: "button quiet small", type: "button", onclick: () => drop(name) }, text(any));
    }),
  );
}

async function loadMore() {
  const { signal } = loading;
  more.ariaDisabled = "true";
  const found = await page({ limit: PAGE, cursor });
  more.ariaDisabled = null;
  if (signal.aborted) return;
  if (found) part(append(found)[0], "a").focus({ preventScroll: true });
  else say(text("moreFailed"));
}

/** @param {{ items: EventSummary[], next_cursor: string | null }} page */
function append({ items, next_cursor }) {
  const cards = items.map(draw);
  list.append(...cards);
  cursor = next_cursor;
  more.hidden = cursor === null;
  const filters = words();
  say(text(`${shown.size === 0 ? "none" : cursor ? "first" : "found"}.${filters ? "filtered" : "all"}`, { count: shown.size, filters }));
  return cards;
}

/** Keep the cards in view up to date: people leave this page open. */
async function refresh() {
  const ids = [...shown].filter(([, { card }]) => {
    const { top, bottom } = card.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }).map(([id]) => ["id", id]);
  if (document.hidden || ids.length === 0) return;
  const { items = [] } = await get("/availability", ids.slice(0, 50)).catch(() => ({}));
  for (const now of items) {
    const known = shown.get(now.event_id);
    if (known) showState(known.card, Object.assign(known.event, now));
  }
}

/** @param {EventSummary} event */
function draw(event) {
  const { event_id, name, venue, starts_at, tagline = "", image_url, language, metadata = {} } = event;
  const card = part(part(document, "#card").content, "li").cloneNode(true);
  /** @param {Intl.DateTimeFormatOptions} options */
  const date = (options) => dateFormat(options, venue).format(new Date(starts_at));
  const year = date({ year: "numeric" });
  write(card, {
    ".day :first-child": date({ month: "short" }) + (year === String(new Date().getFullYear()) ? "" : ` ${year}`),
    ".day b": date({ day: "numeric" }),
    ".day :last-child": date({ weekday: "short" }),
    ".unseen": moment(starts_at, venue),
    a: name,
    ".where": [clock(starts_at, venue), [venue.name, venue.city].filter(Boolean).join(", ")].join(" · "),
    ".tagline": tagline,
  });
  for (const words of card.querySelectorAll("a, .tagline")) if (language) words.lang = language;
  part(card, "a").href = `/events/${event_id}`;
  const picture = part(card, ".picture");
  picture.style.setProperty("--hue", String(parseInt(event_id.slice(-3), 16) % 360));
  const src = metadata.poster_svg ? svgAddress(`${metadata.poster_svg}`) : image_url ?? "";
  if (/^(data:|https:\/\/)/.test(src)) {
    picture.prepend(h("img", { alt: "", loading: "lazy", referrerpolicy: "no-referrer", src, onerror: ({ target }) => target.remove() }));
  }
  showState(card, event);
  shown.set(event_id, { event, card });
  return card;
}

/** @param {Element} card @param {EventSummary} event */
function showState(card, { availability, prices_from, status }) {
  const { seats = 0, available = null } = availability ?? {};
  const left = seats && available !== null ? available / seats : 1;
  const [flag, words] = status === "cancelled" ? [text("cancelled"), text("cancelled")]
    : status === "paused" ? [text("salePaused"), text("saleIsPaused")]
    : available === 0 ? [text("soldOutTitle"), text("soldOutTitle")]
    : available === null ? ["", ""]
    : left < FEW_SHARE ? [text("fewLeft"), text("onlyLeft", { count: available })]
    : ["", text("placesLeft", { count: available })];
  write(card, { ".flag": flag, ".left": words });
  // The figure stands out, wherever the language puts it.
  const [before, after] = text("from", { price: "\n" }).split("\n");
  part(card, ".price").replaceChildren(before, h("strong", {}, prices_from ? money(prices_from) : ""), after);
  part(card, "i").style.transform = `scaleX(${1 - left})`;
  part(card, ".price").hidden = status !== "on_sale" || available === 0 || !prices_from;
}

/** @param {ParentNode} root @param {string} selector @returns {any} */
const part = (root, selector) => root.querySelector(selector);

/** @param {Element} card @param {object} texts by selector */
function write(card, texts) {
  for (const [selector, words] of Object.entries(texts)) part(card, selector).textContent = words;
}

/** @param {string} words */
function say(words) {
  byId("count").textContent = words;
}

await speakHere();
showMine(byId("mine"));
void visit();
void showFacets();
