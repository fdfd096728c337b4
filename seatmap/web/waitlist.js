// @ts-check
/**
 * One person's entry in an event's waitlist. No DOM: it asks the API, gets messages from the live connection,
 * and gives an accepted offer to the journey.
 *
 *     join ──▶ waiting ⇄ offered ──accept──▶ the journey's hold
 *                 └─ leave   └─ decline, lapse: the entry has ended
 *
 * @import { Contact, Entry, EventPage, Offer, OfferMessage, Wanted } from "./types.js"
 * @import { Api } from "./api.js"
 * @import { Journey } from "./journey.js"
 */
import { ApiError, sleep } from "./api.js";
import { money, nearby } from "./format.js";
import { recall, remember } from "./memory.js";
import { text } from "./texts.js";
import { placeText } from "./told.js";

/** Ranks move slowly, and everybody in the waitlist asks. */
const LOOK_MS = 30_000;
const SOON_MS = 500;
/** A message may arrive before the API shows the change. */
const TRIES_AFTER_NEWS = 5;
const NEWS = ["lapsed", "declined", "left", "dismissed", "withdrawn"];
/** Also shown after an absence; the others are the person's own actions. */
const BAD_NEWS = ["lapsed", "dismissed", "withdrawn"];

export class Waitlist {
  /**
   * @param {Api} api @param {EventPage} event @param {Journey} journey
   * @param {() => void} changed
   * @param {(name: string, detail: Record<string, unknown>) => void} emit
   * @param {(seats: number[]) => void} showSeats on the map
   */
  constructor(api, event, journey, changed, emit, showSeats) {
    this.api = api;
    this.event = event;
    this.journey = journey;
    this.changed = changed;
    this.emit = emit;
    this.showSeats = showSeats;
    /** The latest entry, whatever its status. @type {Entry | null} */
    this.entry = null;
    /** The form's first values; null: it is closed. @type {Partial<Wanted> | null} */
    this.form = null;
    this.busy = false;
    this.over = false;
    /** Places asked for. */
    this.asked = 0;
    /** Has the person come for a place in line? */
    this.sought = false;
    /** Answers to older requests are ignored. */
    this.turn = 0;
    this.timer = 0;
    this.toldKey = `line.${event.event_id}`;
  }

  end() {
    this.over = true;
    clearTimeout(this.timer);
  }

  get waits() {
    return this.entry?.status === "waiting" || this.entry?.status === "offered";
  }

  /** The open one. */
  get offer() {
    const { entry } = this;
    return entry?.status === "offered" && entry.offer?.status === "open" ? entry.offer : null;
  }

  /** @param {Partial<Wanted>} wish what the form begins with */
  ask(wish) {
    this.form = wish;
    this.journey.say("quiet", "");
  }

  close() {
    this.form = null;
    this.changed();
  }

  /** Read the entry's present state. */
  async look() {
    const turn = ++this.turn;
    if (this.over || this.busy) return;
    try {
      // Without a token the person has never joined.
      const { items } = this.api.keptToken() === null ? { items: [] } : await this.api.waitlist(this.event.event_id);
      if (turn === this.turn) this.enter(items[0] ?? null);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.watch();
    }
  }

  watch() {
    clearTimeout(this.timer);
    if (this.over || !this.waits) return;
    const leftMs = Date.parse(this.offer?.expires_at ?? "") - this.api.nowMs();
    const waitMs = leftMs < LOOK_MS ? Math.max(0, leftMs) + SOON_MS : LOOK_MS;
    this.timer = setTimeout(() => (document.hidden && this.offer === null ? this.watch() : void this.look()), waitMs);
  }

  /** @param {OfferMessage} message */
  async told({ offer_id, change, status }) {
    for (let i = 0; i < TRIES_AFTER_NEWS && !this.over; i++) {
      await this.look();
      const { offer = null } = this.entry ?? {};
      if (offer?.offer_id === offer_id && offer.status === status) break;
      await sleep(SOON_MS);
    }
    const { offer } = this;
    if (change !== "ending" || offer?.offer_id !== offer_id) return;
    this.emit("offer", { offer, change });
    this.journey.say("info", text("offerEnding", { time: this.until(offer) }));
  }

  /** @param {Entry | null} entry */
  enter(entry) {
    if (this.over) return;
    const { entry: before, offer: offered } = this;
    this.entry = entry;
    const { offer } = this;
    if (JSON.stringify(entry) !== JSON.stringify(before)) this.emit("waitlist", { entry });
    if (offer !== null && offer.offer_id !== offered?.offer_id) {
      this.form = null;
      this.emit("offer", { offer, change: "made" });
      this.journey.say("quiet", text("offerMade", { places: [...offer.seats, ...offer.areas].map(({ label }) => placeText(label)), price: money(offer.total), time: this.until(offer) }));
    } else if (offer === null && offered !== null) this.emit("offer", { offer: entry?.offer ?? offered, change: "ended" });
    if (entry !== null) this.tell(entry, before);
    else if (this.sought) this.journey.say("bad", text("notInLine"));
    this.sought = false;
    this.changed();
    this.watch();
  }

  /** @param {Entry} entry @param {Entry | null} before */
  tell({ entry_id, offer, status, wanted }, before) {
    if (status === "accepted" && offer !== null) void this.journey.adopt(offer.offer_id);
    const what = status === "waiting" && offer?.status === "withdrawn" ? "withdrawn" : status;
    const mark = [entry_id, what, offer?.offer_id].join();
    const isKnown = recall(this.toldKey) === mark;
    remember(this.toldKey, mark);
    const isBad = BAD_NEWS.includes(what);
    const isNews = before?.entry_id === entry_id ? before.status !== status : isBad && !isKnown;
    if (isNews && NEWS.includes(what)) this.journey.say(isBad ? "bad" : "info", text(`line.${what}`), [], wanted);
  }

  /** @param {Offer} offer */
  until({ expires_at }) {
    return nearby(expires_at, this.event.venue);
  }

  // --- the person's actions ---------------------------------------------------------------------

  /** Join, or wait for something else at the same place. @param {Wanted} wanted @param {Contact} contact */
  send(wanted, contact) {
    const { api, entry, event } = this;
    const body = { ...wanted, contact };
    this.asked = wanted.quantity;
    return this.doing(async () => {
      this.enter(entry !== null && this.waits ? await api.changeEntry(entry, body) : await api.join(event.event_id, body));
      this.close();
    });
  }

  /** @returns {Promise<void>} */
  leave() {
    return this.doing(() => this.api.leave(this.entry?.entry_id ?? ""), true);
  }

  /** @returns {Promise<void>} */
  decline() {
    return this.doing(() => this.api.answer(this.offer?.offer_id ?? "", "decline"), true);
  }

  async accept() {
    const { journey, offer } = this;
    if (offer === null) return;
    await journey.accept(offer.offer_id);
    await this.look();
  }

  /** @param {() => Promise<unknown>} act @param {boolean} [look] at the result */
  async doing(act, look = false) {
    if (this.busy) return;
    this.busy = true;
    // A request under way may be answered with the state before the change.
    this.turn++;
    this.changed();
    try {
      await act();
    } catch (error) {
      look = this.refused(error);
    } finally {
      this.busy = false;
    }
    if (look) await this.look();
    this.watch();
    this.changed();
  }

  /** @param {unknown} error @returns {boolean} has the entry another state than shown? */
  refused(error) {
    const { journey } = this;
    if (!(error instanceof ApiError)) throw error;
    const { code, detail, passing, problem } = error;
    if (code === "still-on-sale") {
      const { seats = [], areas = [] } = problem;
      journey.clear();
      journey.chooseSeats(seats);
      for (const areaNo of areas) journey.setArea(areaNo, (this.asked - seats.length) / areas.length);
      journey.say("info", text("stillOnSale", { detail }));
      this.showSeats(seats);
    } else journey.explain(error);
    if (code === "still-on-sale" || code === "already-waiting") this.form = null;
    journey.fail(error);
    return !passing;
  }
}
