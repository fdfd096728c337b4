// @ts-check
/**
 * Finding seats without aiming at dots: the legend, filters, best seats, and the map in words. The markup is
 * in seat-map.html.
 *
 * @import { Journey } from "./journey.js"
 * @import { Layout, Row, Venue } from "./layout.js"
 * @import { Palette } from "./draw.js"
 * @import { Api } from "./api.js"
 * @import { EventPage, Filter, FilterParts, FinderParts, ListParts, Money, PriceChange } from "./types.js"
 */
import { h, parts } from "./dom.js";
import { contextOf, drawOffered, drawOwn, drawSeat } from "./draw.js";
import { money, nearby } from "./format.js";
import { ACCESSIBLE, COMPANION, passes, RESTRICTED_VIEW, rowName, seatName, seatNotes, WHEELCHAIR } from "./layout.js";
import { FREE } from "./protocol.js";
import { text } from "./texts.js";
import { reasonText } from "./told.js";

const CHART_WIDTH = 300;
const CHART_HEIGHT = 80;
/** More rows are not read; the drawn line shows all changes. */
const ROWS_MAX = 8;
const SIDE_PX = 22;
const RADIUS_PX = 8;
/** During a busy sale the counts change many times a second, faster than anybody can read. */
const COUNT_MS = 500;
/** A listener can follow a sentence at intervals, not every change of a busy sale. */
const PAUSE_MS = 2000;

/** @param {HTMLElement} list @param {Layout} layout @param {Palette} palette */
export function showLegend(list, { seats }, palette) {
  for (const entry of list.querySelectorAll("li")) {
    const flag = { wheelchair: WHEELCHAIR, companion: COMPANION }[entry.className] ?? 0;
    if (flag) entry.hidden = !seats.flags.some((f) => f & flag);
    entry.querySelector("canvas")?.remove();
    entry.prepend(icon(palette, seats.category[0] ?? 0, Number(entry.dataset.state), flag > 0, flag === COMPANION ? "+" : ""));
  }
}

/** @param {Palette} palette @param {number} category @param {number} state -1: chosen; -2: offered @param {boolean} [square] @param {string} [sign] */
function icon(palette, category, state, square = false, sign = "") {
  const ratio = Math.ceil(devicePixelRatio || 1);
  const canvas = h("canvas", { "aria-hidden": "true" });
  canvas.width = canvas.height = SIDE_PX * ratio;
  const context = contextOf(canvas);
  context.scale(ratio, ratio);
  context.translate(SIDE_PX / 2, SIDE_PX / 2);
  if (state < -1) drawOffered(context, palette, RADIUS_PX, category);
  else if (state < 0) drawOwn(context, palette, RADIUS_PX - 1, { category, mine: true });
  else drawSeat(context, palette, RADIUS_PX, { state, category, square, text: sign });
  return canvas;
}

export class Filters {
  /** @param {HTMLElement} host @param {Venue} venue @param {Journey} journey @param {Filter} onFilter */
  constructor(host, { layout }, journey, onFilter) {
    this.journey = journey;
    this.layout = layout;
    this.onFilter = onFilter;
    /** @type {FilterParts} */
    const ui = (this.ui = parts(host));
    /** @type {number[]} */
    this.picked = [];
    this.priceMax = Infinity;
    this.timer = 0;
    this.rows = [...new Set(layout.seats.category)].sort((a, b) => a - b).map((category) => {
      const pick = () => this.choose(this.picked.includes(category) ? [] : [category]);
      const button = h("button", { type: "button", onclick: pick }, h("span"), h("span", { class: "name" }, layout.categories[category].name), h("span", { class: "left" }), h("strong"), h("small"));
      ui.list.append(h("li", {}, button, ...priceHistory(journey.api, journey.event, category)));
      return { category, button };
    });
    host.hidden = this.rows.length === 0;
    const plain = !layout.seats.flags.some((f) => f & ACCESSIBLE);
    /** @type {HTMLElement} */ (ui.accessible.parentElement).hidden = plain;
    ui.narrow.hidden = plain && this.rows.length < 2;
    ui.price.onchange = () => this.choose([], Number(ui.price.value));
    ui.accessible.onchange = () => this.choose(this.picked, this.priceMax);
    ui.all.onclick = () => {
      ui.accessible.checked = false;
      this.choose([]);
    };
  }

  /** @param {number[]} categories none: all @param {number} [priceMax] in minor units */
  choose(categories, priceMax = Infinity) {
    const { journey, rows, ui } = this;
    this.picked = categories;
    this.priceMax = priceMax;
    ui.price.value = String(priceMax);
    const shown = rows.filter(({ category }) => (categories.length === 0 || categories.includes(category)) && (journey.prices[category]?.amount ?? 0) <= priceMax);
    for (const row of rows) {
      row.button.ariaPressed = String(categories.includes(row.category));
      row.button.classList.toggle("out", !shown.includes(row));
    }
    const accessible = ui.accessible.checked;
    ui.all.hidden = shown.length === rows.length && !accessible;
    this.onFilter(ui.all.hidden ? null : Object.assign(new Set(shown.map(({ category }) => category)), { accessible }), priceMax);
  }

  /** After prices or colours changed. @param {Palette} palette */
  refresh(palette) {
    const { price } = this.ui;
    const prices = this.rows.flatMap(({ category, button }) => {
      const [mark, , , words, note] = button.children;
      const price = this.journey.prices[category];
      mark.replaceChildren(icon(palette, category, FREE));
      words.textContent = price ? money(price) : "";
      note.textContent = priceNote(this.journey.event, category);
      showTrend(/** @type {Element} */ (button.parentElement), this.journey.event, category);
      return price ?? [];
    });
    const steps = new Map(prices.sort((a, b) => a.amount - b.amount).map((step) => [step.amount, text("priceUpTo", { price: money(step) })]));
    price.hidden = steps.size < 3;
    price.replaceChildren(new Option(text("anyPrice"), "Infinity"), ...[...steps].slice(0, -1).map(([amount, words]) => new Option(words, String(amount))));
    this.choose(this.picked, steps.has(this.priceMax) ? this.priceMax : Infinity);
    this.countFree();
  }

  countSoon() {
    this.timer ||= setTimeout(() => this.countFree(), COUNT_MS);
  }

  countFree() {
    this.timer = 0;
    const { journey, layout } = this;
    const { available, seats } = journey;
    if (seats === null) return;
    const free = layout.categories.map(() => 0);
    const used = new Set(layout.seats.category);
    layout.seats.category.forEach((category, s) => (free[category] += Number(seats[s] === FREE)));
    for (const { category, button } of this.rows) button.children[2].textContent = free[category] > 0 ? text("left", { count: free[category] }) : text("soldOut");
    layout.areas.forEach(({ category }, areaNo) => {
      used.add(category);
      free[category] += available.get(areaNo) ?? 1;
    });
    const gone = layout.categories.flatMap(({ name }, i) => (used.has(i) && free[i] === 0 ? name : []));
    if (String(gone) === String(journey.gone)) return;
    journey.gone = gone;
    journey.changed();
  }
}

/** Best seats, among the seats that the filter shows. */
export class Finder {
  /** @param {HTMLElement} host @param {Venue} venue @param {Journey} journey */
  constructor(host, { layout }, journey) {
    this.host = host;
    this.layout = layout;
    this.journey = journey;
    /** @type {FinderParts} */
    const ui = (this.ui = parts(host));
    this.quantity = Math.min(2, journey.event.buyer_limit);
    /** @type {string | null} */
    this.category = null;
    this.isOther = false;
    /** @type {number | null} */
    this.priceMax = null;
    for (const name of new Set(layout.sections.map((section) => section.name))) ui.section.append(new Option(name));
    const step = (/** @type {number} */ by) => () => {
      this.quantity = Math.min(journey.event.buyer_limit, Math.max(1, this.quantity + by));
      this.refresh();
    };
    ui.fewer.onclick = step(-1);
    ui.more.onclick = step(1);
    ui.form.onsubmit = (submit) => {
      submit.preventDefault();
      const { quantity, category, priceMax: max_price } = this;
      void journey.holdBest({ quantity, category, max_price, section: ui.section.value || null, together: ui.together.checked, relax: true });
    };
    this.refresh();
  }

  /** @type {Filter} */
  setFilter = (categories, priceMax) => {
    const [only, ...more] = categories ?? [];
    this.category = only === undefined || more.length > 0 ? null : this.layout.categories[only].name;
    this.priceMax = priceMax < Infinity ? priceMax : null;
    // Best seats are never places for wheelchair users: those are chosen one by one.
    this.isOther = categories?.accessible === true;
    this.refresh();
  };

  refresh() {
    const { host, journey, quantity, ui } = this;
    const { currency } = journey.event;
    host.hidden = this.isOther || journey.quantity > 0 || this.layout.seats.x.length === 0;
    // The element is a live region, too.
    if (ui.count.value !== String(quantity)) ui.count.value = String(quantity);
    ui.find.disabled = !journey.onSale || journey.busy !== "" || journey.soldOut;
    ui.find.textContent = journey.busy ? text("finding") : text("findBest", { count: quantity });
    ui.within.textContent = [this.category, this.priceMax && text("upTo", { price: money({ amount: this.priceMax, currency }) })].filter(Boolean).join(" · ");
  }
}

/** Section, row, and a button per seat of that row. */
export class SeatList {
  /**
   * @param {HTMLElement} host
   * @param {Venue} venue
   * @param {Journey} journey
   * @param {(seatNo: number) => void} onFocus
   */
  constructor(host, venue, journey, onFocus) {
    this.host = host;
    this.venue = venue;
    this.layout = venue.layout;
    this.journey = journey;
    this.onFocus = onFocus;
    /** @type {ReadonlySet<number> | null} */
    this.filter = null;
    this.row = this.layout.rows[0];
    /** @type {Map<number, HTMLButtonElement>} */
    this.buttons = new Map();
    /** Seats of the row that were free at its last announcement. @type {number[]} */
    this.known = [];
    this.timer = 0;
    /** @type {ListParts} */
    const ui = (this.ui = parts(host));
    ui.search.onsubmit = (submit) => {
      submit.preventDefault();
      this.find(ui.query.value);
    };
    ui.sections.onchange = () => this.showFirst(this.section(Number(ui.sections.value)));
    ui.rows.onchange = () => this.showRow(this.layout.rows[Number(ui.rows.value)]);
    ui.seats.onkeydown = (press) => this.steer(press);
    ui.all.onchange = () => this.recount();
    // A closed list counts nothing.
    host.closest("details")?.addEventListener("toggle", () => this.setFilter(this.filter));
  }

  /** @param {ReadonlySet<number> | null} categories null: all */
  setFilter(categories) {
    this.filter = categories;
    if (this.row) this.showFirst([this.row, ...this.layout.rows]);
  }

  /** The first row with a free seat. @param {Row[]} rows */
  showFirst(rows) {
    const row = rows.find((each) => this.free([each]).length > 0) ?? rows[0];
    if (row !== this.row || this.buttons.size === 0) this.showRow(row);
    this.known = this.free([row]);
    this.recount();
  }

  /** @param {Row} row @param {number} [seatNo] where Tab comes in */
  showRow(row, seatNo) {
    if (!this.host.checkVisibility()) return;
    this.row = row;
    this.known = this.free([row]);
    this.buttons.clear();
    for (const s of seatsOf(row)) {
      const enter = () => {
        this.rove(s);
        this.onFocus(s);
      };
      this.buttons.set(s, h("button", { type: "button", class: this.layout.seats.flags[s] & ACCESSIBLE ? "accessible" : "", onclick: () => this.journey.toggleSeat(s), onfocus: enter }, this.layout.seats.number[s].replace(/.* /, "")));
    }
    this.ui.seats.replaceChildren(...this.buttons.values());
    this.ui.seats.ariaLabel = text("seatsOf", { row: [rowName(row.label), this.layout.sections[row.section].name].filter(Boolean).join(", ") });
    this.ui.notes.replaceChildren(...this.notesOf(row));
    this.ui.spoken.textContent = "";
    this.rove(seatNo ?? this.known[0] ?? row.first_seat);
    this.refresh();
    this.recount();
  }

  /** "Restricted view: 1, 2". @param {Row} row */
  notesOf(row) {
    const { flags, number } = this.layout.seats;
    return [WHEELCHAIR, COMPANION, RESTRICTED_VIEW].flatMap((flag) => {
      const these = seatsOf(row).filter((s) => flags[s] & flag);
      return these.length > 0 ? h("span", {}, `${seatNotes(flag)}: ${these.map((s) => number[s].replace(/.* /, "")).join(", ")}`) : [];
    });
  }

  /** @param {number} seatNo the one that Tab reaches; arrows reach the others */
  rove(seatNo) {
    for (const [s, button] of this.buttons) button.tabIndex = s === seatNo ? 0 : -1;
  }

  /** @param {KeyboardEvent} press */
  steer(press) {
    const seats = [...this.buttons.keys()];
    const at = seats.findIndex((s) => this.buttons.get(s)?.tabIndex === 0);
    const along = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: seats.length - 1 }[press.key];
    const across = { ArrowUp: -1, ArrowDown: 1 }[press.key];
    if (along === undefined && across === undefined) return;
    press.preventDefault();
    const option = this.ui.rows.options[this.ui.rows.selectedIndex + (across ?? NaN)];
    const { x, y } = this.venue;
    const way = (/** @type {number} */ s) => Math.hypot(x[s] - x[seats[at]], y[s] - y[seats[at]]);
    this.goTo(option ? seatsOf(this.layout.rows[Number(option.value)]).reduce((a, b) => (way(b) < way(a) ? b : a)) : seats[along ?? at]);
  }

  /** @param {number} seatNo */
  goTo(seatNo) {
    if (this.rowOf(seatNo) !== this.row) this.showRow(this.rowOf(seatNo), seatNo);
    this.buttons.get(seatNo)?.focus();
  }

  /** "F 12", "block 226", "row C": words of a seat's name in their order, rather here than elsewhere. @param {string} sought */
  find(sought) {
    // As it is written; if there is no such seat, "F12" may be "F 12".
    for (const word of [/[\p{L}\p{N}]+/gu, /\p{L}+|\p{N}+/gu]) {
      const words = (/** @type {string} */ name) => (name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().match(word) ?? []).map((w) => ` ${w} `);
      const wanted = new RegExp(words(sought).map((w) => (w.length > 4 ? w.trimEnd() : w)).join(".*"));
      const found = [...this.layout.seats.row.keys()].filter((s) => wanted.test(words(this.venue.label(s)).join("")));
      const here = found.filter((s) => this.rowOf(s).section === this.row.section);
      const nearer = here.length > 0 ? here : found;
      if (nearer.length > 0) return this.goTo(nearer.find((s) => this.fits(s)) ?? nearer[0]);
    }
    this.ui.spoken.textContent = text("noSeatCalled", { name: sought });
  }

  /** @param {number} seatNo */
  rowOf(seatNo) {
    return this.layout.rows[this.layout.seats.row[seatNo]];
  }

  /** @param {number} sectionNo */
  section(sectionNo) {
    return this.layout.rows.filter(({ section }) => section === sectionNo);
  }

  /** @param {number} seatNo */
  fits(seatNo) {
    const { category, flags } = this.layout.seats;
    return this.journey.seats?.[seatNo] === FREE && passes(this.filter, category[seatNo], flags[seatNo]);
  }

  /** @param {Row[]} rows */
  free(rows) {
    return rows.flatMap(seatsOf).filter((s) => this.fits(s));
  }

  recount() {
    if (!this.host.checkVisibility()) return;
    const { rows, sections } = this.layout;
    this.fill(this.ui.sections, this.row.section, sections.map(({ name }, i) => [i, name, this.section(i)]));
    this.fill(this.ui.rows, rows.indexOf(this.row), this.section(this.row.section).map((row) => [rows.indexOf(row), rowName(row.label) || text("seats"), [row]]));
  }

  /** @param {HTMLSelectElement} select @param {number} current @param {[number, string, Row[]][]} entries */
  fill(select, current, entries) {
    // The list does not change while the buyer is choosing from it.
    if (select.matches(":focus") && Number(select.value) === current) return;
    const options = entries.flatMap(([i, name, rows]) => {
      const free = this.free(rows);
      if (free.length === 0 && !this.ui.all.checked && i !== current) return [];
      const [from] = free.flatMap((s) => this.journey.seatPrice(s) ?? []).sort((a, b) => a.amount - b.amount);
      const words = [upper(name), free.length > 0 ? text("freeOf", { count: free.length }) : text("noneFree"), from && text("from", { price: money(from) })].filter(Boolean).join(", ");
      return new Option(words, String(i), false, i === current);
    });
    select.replaceChildren(...options);
  }

  /** @param {unknown} [changed] seats; without it, only the choice changed */
  refresh(changed) {
    for (const [s, button] of this.buttons) this.refreshButton(s, button);
    if (changed) this.timer ||= setTimeout(() => this.catchUp(), PAUSE_MS);
  }

  /** Announce other buyers' changes in this row while the focus is in it; the journey announces the buyer's own seats. */
  catchUp() {
    this.timer = 0;
    // An event of areas has no rows.
    if (!this.row) return;
    const { chosen, lost } = this.journey;
    const before = this.known;
    const now = (this.known = this.free([this.row]));
    /** @type {(these: number[], others: number[], news: string) => string} */
    const tell = (these, others, news) => {
      const seats = these.filter((s) => !others.includes(s) && !chosen.has(s) && !lost.includes(s));
      return seats.length > 0 ? text(`seats.${news}`, { count: seats.length, row: rowName(this.row.label), seat: this.nameOf(seats[0]) }) : "";
    };
    const words = [tell(before, now, "taken"), tell(now, before, "free")].filter(Boolean).join(" ");
    if (words && this.host.matches(":focus-within")) this.ui.spoken.textContent = words;
    this.recount();
  }

  /** @param {number} seatNo */
  nameOf(seatNo) {
    const { row, number } = this.venue.place(seatNo);
    return upper([rowName(row), seatName(number)].filter(Boolean).join(", "));
  }

  /** @param {number} seatNo @param {HTMLButtonElement} button */
  refreshButton(seatNo, button) {
    const { journey, venue } = this;
    const { category, flags } = venue.place(seatNo);
    const state = journey.seats?.[seatNo] ?? FREE;
    const own = journey.chosen.has(seatNo);
    const price = journey.seatPrice(seatNo);
    const name = [this.nameOf(seatNo), this.layout.categories[category].name, price && money(price), ...seatNotes(flags), own ? text("chosen") : text(`state.${state}`)].filter(Boolean).join(", ");
    if (button.ariaLabel === name) return;
    button.ariaLabel = name;
    button.ariaPressed = String(own);
    // Not `disabled`: a seat that is lost while focused must not lose the keyboard focus, too.
    button.ariaDisabled = String(!own && state !== FREE);
  }
}

/** @param {Row} row */
function seatsOf({ first_seat, seat_count }) {
  return Array.from({ length: seat_count }, (_, i) => first_seat + i);
}

/** @param {string} words */
function upper(words) {
  return words.replace(/^./, (c) => c.toUpperCase());
}

// --- price history -------------------------------------------------------------------------------

/** @param {EventPage} event @param {number} categoryNo */
const priceOf = (event, categoryNo) => event.prices.find((price) => price.category_no === categoryNo);

/** "Up from €45 since 14:05: 82 % sold". @param {EventPage} event @param {number} categoryNo */
export function priceNote(event, categoryNo) {
  const { price, was, changed_at, reason } = priceOf(event, categoryNo) ?? {};
  if (!price || !was || !changed_at || was.amount === price.amount) return "";
  const values = { price: money(was), time: nearby(changed_at, event.venue), reason: reasonText(reason ?? "") };
  return text(`${price.amount > was.amount ? "up" : "down"}.${reason ? "why" : "plain"}`, values);
}

/** The way to a price's history is shown once the price has moved. @param {Element} row @param {EventPage} event @param {number} categoryNo */
export function showTrend(row, event, categoryNo) {
  row.querySelector(".trend")?.toggleAttribute("hidden", !priceOf(event, categoryNo)?.was);
}

/**
 * A button, and the element where it shows the history; nothing where the history is not public.
 *
 * @param {Api} api @param {EventPage} event @param {number} categoryNo
 */
export function priceHistory(api, event, categoryNo) {
  const name = priceOf(event, categoryNo)?.category;
  if (!event.pricing?.history_public || !name) return [];
  const box = h("div", { class: "history", hidden: true });
  const onclick = async () => {
    box.hidden = !box.hidden;
    button.ariaExpanded = String(!box.hidden);
    try {
      if (!box.hidden) box.replaceChildren(...picture(event, categoryNo, (await api.priceHistory(event.event_id)).items));
    } catch {
      box.textContent = text("historyFailed");
    }
  };
  const button = h("button", { type: "button", class: "trend", "aria-expanded": "false", "aria-label": text("historyOf", { name }), onclick });
  return [button, box];
}

/** The last changes in words, and all changes as steps over the band that they stay in. @param {EventPage} event @param {number} categoryNo @param {PriceChange[]} items the latest first */
function picture(event, categoryNo, items) {
  const changes = items.filter((change) => change.category_no === categoryNo);
  const { category = "", floor, ceiling } = priceOf(event, categoryNo) ?? {};
  const row = (/** @type {"td" | "th"} */ cell, /** @type {string[]} */ ...cells) => h("tr", {}, ...cells.map((words) => h(cell, {}, words)));
  const rows = changes.slice(0, ROWS_MAX).map((change) => row("td", nearby(change.changed_at, event.venue), money(change.new), reasonText(change.reason)));
  const table = h("table", {}, h("caption", {}, text("priceOf", { name: category })), row("th", text("since"), text("price"), text("why")), ...rows);
  const prices = [...changes.map((change) => change.new), floor ?? [], ceiling ?? []].flat().sort((a, b) => a.amount - b.amount);
  if (changes.length === 0) return [table];
  const [low, high] = [prices[0], prices[prices.length - 1]];
  const nowMs = Date.now();
  const firstMs = Date.parse(changes[changes.length - 1].changed_at);
  const y = (/** @type {Money} */ { amount }) => CHART_HEIGHT * (high.amount > low.amount ? (high.amount - amount) / (high.amount - low.amount) : 0.5);
  const steps = changes.map((change) => `H${((Date.parse(change.changed_at) - firstMs) / (nowMs - firstMs)) * CHART_WIDTH}V${y(change.new)}`).reverse();
  const chart = h("div", { class: "chart", "aria-hidden": "true" });
  // Figures only: the markup contains no text from people.
  chart.innerHTML = `<svg viewBox="0 -9 ${CHART_WIDTH} ${CHART_HEIGHT + 18}" preserveAspectRatio="none">${floor && ceiling ? `<rect y="${y(ceiling)}" width="${CHART_WIDTH}" height="${y(floor) - y(ceiling)}"/>` : ""}<path d="M0 ${steps.join("").replace(/H0V/, "")}H${CHART_WIDTH}"/></svg>`;
  chart.append(...[...new Set([high, low].map(money))].map((price) => h("span", {}, price)));
  return [chart, floor && ceiling ? h("p", {}, text("range", { low: money(floor), high: money(ceiling) })) : "", table];
}
