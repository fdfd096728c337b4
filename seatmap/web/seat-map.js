// @ts-check
/**
 * `<seat-map event="…">`: the live map of an event and the whole way to its tickets, in anyone's page.
 * Attributes, methods, events and colours are described in docs/embedding.md.
 *
 * @import { BestWish, Buyer, Change, Contact, Entry, EventPage, LiveMessage, LiveStatus, Wanted } from "./types.js"
 * @import { Drawing } from "./drawing.js"
 * @import { Texts } from "./texts.js"
 */
import { Api, ApiError, sleep } from "./api.js";
import { Filters, Finder, SeatList, showLegend } from "./choosing.js";
import { finder, h } from "./dom.js";
import { listed, nearby } from "./format.js";
import { Journey } from "./journey.js";
import { Venue } from "./layout.js";
import { LiveConnection } from "./live.js";
import { forget, recall, remember, windows } from "./memory.js";
import { Panel, Waiting } from "./panel.js";
import { replaceTexts, speak, spoken, text, translate } from "./texts.js";
import { Waitlist } from "./waitlist.js";
import "./drawing.js";

/** How often the map is read while the live connection is down. */
const POLL_MS = 5000;
/** A map older than this is called old. */
const STALE_MS = 8000;
/** After this long the page says that the map is still loading. */
const WAIT_MS = 1000;
/** The colours that the drawing gets as plain values. */
const THEME = ["background", "ink", "muted", "line", "surface", "focus"];

const beside = (/** @type {string} */ name) => new URL(name, import.meta.url).href;
/** @type {Promise<string> | undefined} */
let markup;

function readMarkup() {
  markup ??= fetch(beside("seat-map.html"))
    .then((answer) => (answer.ok ? answer.text() : Promise.reject()))
    .catch(() => {
      markup = undefined;
      throw new ApiError(text("pageFailed"), "network");
    });
  return markup;
}

/** One event, shown in one element. `end` removes everything again. */
class Showing {
  /** @param {SeatMap} host @param {ShadowRoot} root @param {HTMLElement} body */
  constructor(host, root, body) {
    this.host = host;
    this.body = body;
    this.byId = finder(root);
    this.api = new Api(host.getAttribute("api") || new URL(import.meta.url).origin);
    this.api.preview = host.getAttribute("preview") ?? "";
    this.eventId = host.getAttribute("event") ?? "";
    this.bookingKey = `tab.booking.${this.eventId}`;
    this.over = false;
    this.selected = "[[],[]]";
    this.polling = false;
    /** When the map was last known to be true. */
    this.trueAtMs = -Infinity;
    this.ageing = 0;
    this.retry = () => host.reload();
    this.look = () => {
      if (document.hidden) return;
      void this.journey?.look();
      void this.waitlist?.look();
    };
    this.windows = windows((eventId) => eventId === this.eventId && void this.journey?.look());
  }

  async open() {
    const { api, body, byId, eventId, host } = this;
    this.ageing = setTimeout(() => {
      body.hidden = false;
      body.replaceChildren(h("p", { class: "empty", role: "status" }, text("loading")));
    }, WAIT_MS);
    const wish = /** @type {HTMLElement | null} */ (host.closest("[lang]"))?.lang;
    const [html, event] = await Promise.all([readMarkup(), api.event(eventId), speak(wish)]);
    await speak(wish, event.language);
    const [layout, firstState] = await Promise.all([api.layout(event), api.seats(eventId).catch(() => null), host.styled]);
    if (this.over) return;
    clearTimeout(this.ageing);
    this.event = event;
    body.innerHTML = html;
    body.lang = spoken();
    translate(body);
    body.hidden = false;
    const venue = new Venue(layout);
    const drawing = /** @type {Drawing} */ (byId("drawing"));
    this.drawing = drawing;
    drawing.covers = [/** @type {Element} */ (byId("live").parentElement)];
    drawing.venue = venue;
    const refresh = () => this.refresh();
    const emit = (/** @type {string} */ name, /** @type {Record<string, unknown>} */ detail) => this.emit(name, detail);
    const journey = new Journey(api, event, venue, refresh, emit);
    this.journey = journey;
    api.onWork = (words) => journey.say("quiet", words);
    const waitlist = new Waitlist(api, event, journey, refresh, emit, (seats) => drawing.showSeat(seats[seats.length >> 1]));
    this.waitlist = waitlist;
    waitlist.sought = host.hasAttribute("waitlist");
    this.panel = new Panel(host, byId, journey, waitlist);
    this.waiting = new Waiting(this.panel, waitlist, (names) => drawing.setPicked(names));
    this.list = new SeatList(byId("list-body"), venue, journey, (seatNo) => drawing.showSeat(seatNo));
    this.finder = new Finder(byId("finder"), venue, journey);
    this.filters = new Filters(byId("categories"), venue, journey, (categories, priceMax) => {
      drawing.setFilter(categories);
      this.list?.setFilter(categories);
      this.finder?.setFilter(categories, priceMax);
    });
    this.live = new LiveConnection({
      url: event.live_url,
      ticket: () => api.liveTicket(),
      onChange: ({ seats }, changed) => {
        this.trueAtMs = performance.now();
        journey.seatsChanged(seats, changed);
        drawing.setSeats(seats, changed);
        this.list?.refresh(changed);
        this.filters?.countSoon();
      },
      onMessage: (message) => this.told(message),
      onStatus: (status) => this.showStatus(status),
    });
    byId("list").hidden = venue.seatCount === 0;
    byId("skip").onclick = () => byId("panel").focus();
    drawing.addEventListener("transitionend", () => this.showTheme());
    drawing.addEventListener("choose", (choice) => {
      const { seatNo, areaNo, name } = /** @type {CustomEvent} */ (choice).detail;
      if (name !== undefined) this.waiting?.toggle(name);
      else if (seatNo !== undefined) journey.toggleSeat(seatNo);
      else journey.setArea(areaNo, (journey.wanted.get(areaNo) ?? 0) + 1);
    });
    drawing.addEventListener("sweep", (sweep) => {
      const { seats, remove } = /** @type {CustomEvent} */ (sweep).detail;
      if (remove) journey.dropSeats(seats);
      else journey.chooseSeats(seats);
    });
    this.showTheme();
    if (firstState !== null) this.live.adopt(firstState);
    if (event.status === "draft") {
      // Nothing changes, and nothing can be held.
      byId("live").hidden = true;
      this.told({ type: "areas", areas: (await api.call("GET", `/v1/events/${eventId}/seats`, { anonymous: true })).areas });
      this.emit("load", { eventPage: event });
      return;
    }
    this.live.start();
    this.ageing = setInterval(() => this.showAge(), 1000);
    this.emit("load", { eventPage: event });
    document.addEventListener("visibilitychange", this.look);
    await journey.resume(host.getAttribute("booking") ?? recall(this.bookingKey));
    await waitlist.look();
    this.refresh();
  }

  end() {
    this.over = true;
    clearInterval(this.ageing);
    removeEventListener("online", this.retry);
    document.removeEventListener("visibilitychange", this.look);
    this.windows?.close();
    this.waitlist?.end();
    this.live?.stop();
    this.journey?.end();
    this.panel?.end();
    this.body.replaceChildren();
  }

  /** @param {string} name @param {Record<string, unknown>} detail */
  emit(name, detail) {
    if (this.over) return;
    if (["hold", "release", "expire", "booked"].includes(name)) this.windows?.postMessage(this.eventId);
    // A host page that names the booking itself also stores it itself.
    if (name === "bookingchange" && !this.host.hasAttribute("booking")) {
      if (detail.bookingId === null) forget(this.bookingKey);
      else remember(this.bookingKey, detail.bookingId);
    }
    // An `error` that bubbled would reach `window.onerror`, where scripts' mistakes are reported.
    this.host.dispatchEvent(new CustomEvent(name, { detail, bubbles: name !== "error", composed: true }));
  }

  refresh() {
    const { journey, drawing, waiting, waitlist } = this;
    if (this.over || journey === undefined || drawing === undefined || waiting === undefined || waitlist === undefined) return;
    journey.offered = new Set(waiting.seats);
    drawing.setOffered(journey.offered);
    waiting.show();
    const held = journey.heldSeats();
    drawing.setOwn(journey.step === "choose" ? journey.chosen : new Set(), held, journey.wanted);
    drawing.setSuggested(journey.suggested);
    this.panel?.show();
    this.list?.refresh();
    this.finder?.refresh();
    if (held.size > 0 || journey.others.length > 0 || journey.step === "held" || waitlist.waits) this.live?.becomePersonal();
    const selected = JSON.stringify([[...journey.chosen], [...journey.wanted]]);
    if (selected === this.selected) return;
    this.selected = selected;
    journey.keepChoice();
    this.emit("selectionchange", this.host.selection);
  }

  /** @param {LiveMessage} body a message of the live protocol */
  told(body) {
    const { event, journey } = this;
    if (event === undefined || journey === undefined) return;
    switch (body.type) {
      case "prices":
        event.prices = body.prices;
        journey.setPrices(body.prices);
        this.showPrices();
        break;
      case "areas":
        // Only the prices that changed.
        for (const [areaNo, { available }] of Object.entries(body.areas)) journey.available.set(Number(areaNo), available);
        journey.areasChanged();
        this.drawing?.setAreas(journey.available);
        this.filters?.countSoon();
        break;
      case "event":
        journey.status = body.status;
        if (body.status === "cancelled" && journey.step === "held") journey.holdEnded("");
        break;
      case "notice":
        if (body.code === "event-changed" && body.event_id === this.eventId) {
          const changed = (body.changes ?? []).map(({ what }) => text(`changed.${what}`));
          journey.say("info", text("eventChanged", { changed }));
        }
        return;
      case "presence":
        this.byId("watching").textContent = body.watching > 1 ? text("watching", { count: body.watching }) : "";
        return;
      case "authenticated":
        // Earlier messages may have been missed.
        void journey.reconnected();
        void this.waitlist?.look();
        return;
      case "offer":
        if (body.event_id === this.eventId) void this.waitlist?.told(body);
        return;
      case "hold":
        if (body.event_id === this.eventId) void journey.look();
        return;
      case "booking":
        void journey.bookingChanged(body.booking_id, body.status);
        return;
    }
    this.refresh();
  }

  showPrices() {
    const { drawing, event, journey } = this;
    if (drawing === undefined || event === undefined || journey === undefined) return;
    drawing.setPrices(event.prices);
    if (!drawing.palette) return;
    showLegend(this.byId("legend"), journey.venue.layout, drawing.palette);
    this.filters?.refresh(drawing.palette);
  }

  /** The canvas needs plain colours: the computed values of our CSS colours. */
  showTheme() {
    const { drawing } = this;
    if (drawing === undefined) return;
    const { style } = drawing;
    for (const name of THEME) {
      style.outlineColor = `var(--map-${name})`;
      style.setProperty(`--seat-map-${name}`, hex(getComputedStyle(drawing).outlineColor));
    }
    style.outlineColor = "";
    drawing.readTheme();
    this.showPrices();
  }

  // --- how fresh the map is ---------------------------------------------------------------------

  /** @param {LiveStatus} status */
  showStatus(status) {
    const badge = this.byId("live");
    badge.dataset.status = status;
    badge.textContent = text(`live.${status}`);
    if (status !== "live") this.byId("watching").textContent = "";
    if (status === "live") {
      void this.journey?.reconnected();
      void this.waitlist?.look();
    } else {
      // Not until now, but as long as something came.
      this.trueAtMs = Math.min(this.trueAtMs, this.live?.heardAtMs ?? 0);
      void this.poll();
    }
    this.showAge();
    this.emit("livechange", { status });
  }

  async poll() {
    const { api, live } = this;
    if (this.polling || live === undefined) return;
    this.polling = true;
    while (!this.over && live.status !== "live" && live.status !== "offline") {
      try {
        live.adopt(await api.seats(this.eventId));
      } catch {
        // The next round, or the connection itself, will update the map.
      }
      await sleep(POLL_MS * (0.75 + Math.random() / 2));
    }
    this.polling = false;
  }

  showAge() {
    const { byId, live } = this;
    if (live?.status === "live") this.trueAtMs = performance.now();
    const offline = live?.status === "offline";
    const old = offline || this.trueAtMs < performance.now() - STALE_MS;
    const words = [text(offline ? "stale.offline" : "stale.down")];
    if (this.trueAtMs > 0) words.push(text("mapAt", { time: nearby(new Date(this.api.originMs + this.trueAtMs).toISOString(), this.event?.venue ?? {}) }));
    if (this.journey?.step === "choose") words.push(text("goOnChoosing"));
    const banner = byId("stale");
    banner.hidden = !old;
    if (old && banner.textContent !== words.join(" ")) banner.textContent = words.join(" ");
  }

  /** @param {unknown} error */
  fail(error) {
    const { body, retry } = this;
    clearInterval(this.ageing);
    const { status = 0, code = "failed", detail = String(error) } = error instanceof ApiError ? error : {};
    const missing = status === 404 || status === 400;
    const [title, words, wayOut] = missing
      ? [text("noEvent"), text("noEventWhy"), h("slot", { name: "missing" })]
      : [text("mapFailed"), text("mapFailedWhy"), h("button", { class: "button", type: "button", onclick: retry }, text("tryAgain"))];
    body.hidden = false;
    body.replaceChildren(h("div", { id: "message", class: "empty", role: "alert" }, h("h2", {}, title), h("p", {}, words), wayOut));
    if (!missing) addEventListener("online", retry, { once: true });
    if (code === "network") void this.explainOrigin();
    this.emit("error", { code, detail });
  }

  /** The API answers, and the browser keeps the answer from this page: say which setting allows the page. */
  async explainOrigin() {
    const { base } = this.api;
    if (new URL(base).origin === location.origin) return;
    try {
      await fetch(`${base}/v1/events/${this.eventId}`, { mode: "no-cors" });
    } catch {
      return;
    }
    if (this.over) return;
    console.error(`<seat-map>: the box office at ${base} refuses pages of ${location.origin}. Its operator allows them with FRONTROW_ALLOWED_ORIGINS, for the API and the live gateway.`);
    const words = this.body.querySelector("#message p");
    if (words) words.textContent = text("notAllowedHere");
  }
}

export class SeatMap extends HTMLElement {
  static observedAttributes = ["event", "api", "booking", "lang"];

  constructor() {
    super();
    const links = ["seat-map.css", "choosing.css", "waiting.css"].map((name) => h("link", { rel: "stylesheet", href: beside(name) }));
    this.styled = Promise.all(links.map((link) => new Promise((resolve) => (link.onload = link.onerror = resolve))));
    this.body = h("div", { class: "body", hidden: true });
    this.root = this.attachShadow({ mode: "open" });
    this.root.append(...links, this.body);
    /** @type {Showing | null} */
    this.showing = null;
    this.turn = 0;
  }

  connectedCallback() {
    // Set before this script ran.
    if (Object.hasOwn(this, "texts")) {
      const { texts } = this;
      delete (/** @type {any} */ (this).texts);
      this.texts = texts;
    }
    this.reload();
  }

  disconnectedCallback() {
    this.close();
  }

  /** @param {string} _name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(_name, before, after) {
    if (this.isConnected && before !== after) this.reload();
  }

  close() {
    this.turn++;
    this.showing?.end();
    this.showing = null;
  }

  /** Load the event again, from nothing. */
  async reload() {
    this.close();
    const { turn } = this;
    // Several attributes set together are one change.
    await null;
    if (turn !== this.turn || !this.isConnected || !this.getAttribute("event")) return;
    this.removeAttribute("step");
    const showing = new Showing(this, this.root, this.body);
    this.showing = showing;
    try {
      await showing.open();
    } catch (error) {
      if (showing.over) return;
      showing.fail(error);
      if (!(error instanceof ApiError)) throw error;
    }
  }

  // --- what it shows ----------------------------------------------------------------------------

  /** Texts in place of ours, by their keys in texts.en.js; for all elements of the page. @param {Texts} texts */
  set texts(texts) {
    replaceTexts(texts);
    if (this.isConnected) this.reload();
  }

  /** The language that the page is in. */
  get language() {
    return spoken();
  }

  /** @returns {EventPage | null} */
  get eventPage() {
    return this.showing?.event ?? null;
  }

  /** One public state per seat: 0 free, 1 held, 2 sold, 3 not for sale. */
  get seats() {
    return this.showing?.journey?.seats ?? new Uint8Array();
  }

  get selection() {
    const { chosen = [], wanted = [], total = null } = this.showing?.journey ?? {};
    return { seats: [...chosen], areas: Object.fromEntries(wanted), total };
  }

  get currentHold() {
    return this.showing?.journey?.hold ?? null;
  }

  /** This buyer's live holds for the event, `currentHold` first. */
  get holds() {
    const { hold = null, others = [] } = this.showing?.journey ?? {};
    return hold === null ? others : [hold, ...others];
  }

  get waitlistEntry() {
    return this.showing?.waitlist?.entry ?? null;
  }

  get booking() {
    return this.showing?.journey?.booking ?? null;
  }

  // --- its methods -------------------------------------------------------------------------------

  /** @param {number[]} seatNos @returns {number[]} the seats chosen now */
  choose(seatNos) {
    this.journey.more();
    this.journey.chooseSeats(seatNos);
    return this.selection.seats;
  }

  clear() {
    this.journey.clear();
  }

  hold() {
    return this.ask("choose", (journey) => journey.holdChosen(), "hold");
  }

  /** @param {BestWish} wish */
  holdBest(wish) {
    return this.ask("choose", (journey) => journey.holdBest(wish), "hold");
  }

  /** @param {Buyer} [buyer] */
  extend(buyer) {
    return this.ask("held", (journey) => journey.extend(buyer), "hold");
  }

  /** @returns {Promise<void>} */
  async release() {
    await this.ask("held", (journey) => journey.release(), "step");
  }

  /** @param {Buyer} buyer @param {string} token of the payment provider */
  book(buyer, token) {
    return this.ask("held", (journey) => journey.pay(buyer, token), "booking");
  }

  /** Join the waitlist; or change what the person waits for, at the same place. @param {Wanted} wanted @param {Contact} [contact] */
  joinWaitlist(wanted, contact = { buyer: null, language: spoken() }) {
    return this.askLine((waitlist) => waitlist.send(wanted, contact));
  }

  leaveWaitlist() {
    return this.askLine((waitlist) => waitlist.leave());
  }

  /** The offer becomes the hold. */
  acceptOffer() {
    return this.askLine((waitlist) => waitlist.accept());
  }

  declineOffer() {
    return this.askLine((waitlist) => waitlist.decline());
  }

  /** Let other seats step back. @param {{ categories?: string[], maxPrice?: number }} [wish] names; minor units */
  filter({ categories = [], maxPrice = Infinity } = {}) {
    const all = this.journey.venue.layout.categories.map(({ name }) => name);
    this.showing?.filters?.choose(categories.map((name) => all.indexOf(name)), maxPrice);
  }

  /** @param {number} seatNo */
  showSeat(seatNo) {
    this.showing?.drawing?.showSeat(seatNo);
  }

  /** @param {number} sectionNo */
  showSection(sectionNo) {
    this.showing?.drawing?.showSection(sectionNo);
  }

  fit() {
    this.showing?.drawing?.fit();
  }

  /** Where a seat is in the browser's window. @param {number} seatNo */
  clientPoint(seatNo) {
    return this.showing?.drawing?.clientPoint(seatNo) ?? null;
  }

  get journey() {
    const journey = this.showing?.journey;
    if (journey === undefined) throw new ApiError(text("notLoaded"), "not-loaded");
    return journey;
  }

  /** @param {(waitlist: Waitlist) => Promise<void>} act @returns {Promise<Entry>} */
  async askLine(act) {
    const { journey } = this;
    const waitlist = /** @type {Waitlist} */ (this.showing?.waitlist);
    journey.failure = null;
    await act(waitlist);
    if (journey.failure || waitlist.entry === null) throw journey.failure ?? new ApiError(text("notWaiting"), "not-waiting");
    return waitlist.entry;
  }

  /**
   * @template {"hold" | "booking" | "step"} K
   * @param {Journey["step"]} step in which this can be done
   * @param {(journey: Journey) => Promise<void>} act
   * @param {K} answer
   * @returns {Promise<NonNullable<Journey[K]>>}
   */
  async ask(step, act, answer) {
    const { journey } = this;
    if (journey.busy !== "") throw new ApiError(text("requestBusy"), "busy");
    if (journey.step !== step) throw new ApiError(text("wrongStep", { step, now: journey.step }), "wrong-step");
    journey.failure = null;
    await act(journey);
    if (journey.failure !== null) throw journey.failure;
    const given = journey[answer];
    if (!given) throw new ApiError(journey.notice?.text ?? text("nothingChosen"), "nothing-held");
    return given;
  }
}

const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** Any colour of CSS as `#rrggbb`. @param {string} colour */
function hex(colour) {
  if (pixel === null) return colour;
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  const [r, g, b] = pixel.getImageData(0, 0, 1, 1).data;
  return `#${((r << 16) | (g << 8) | b).toString(16).padStart(6, "0")}`;
}

customElements.define("seat-map", SeatMap);
