// @ts-check
/**
 * One buyer's way through one event. No DOM: its methods get the buyer's actions and the map's changes; it
 * calls the API, then `changed` after every step and `emit` for events.
 *
 *     choose ──hold──▶ held ──pay──▶ done
 *        ▲              │ ▲ └─▶ pending ─┘
 *        └─release/expiry┘ └── declined ─┘
 *
 * @import { AreaItem, BestWish, Booking, Buyer, EventPage, Hold, HoldWish, Money, Notice, Price, SeatItem, Step, Ticket, Wanted } from "./types.js"
 * @import { Api } from "./api.js"
 * @import { Venue } from "./layout.js"
 */
import { ApiError, newId, sleep } from "./api.js";
import { listed, money, sum } from "./format.js";
import { nearestFree, rowName } from "./layout.js";
import { forget, recall, remember } from "./memory.js";
import { FREE, HELD, SOLD } from "./protocol.js";
import { text } from "./texts.js";

const POLL_FIRST_MS = 600;
const POLL_MAX_MS = 4000;
/** After a hold has ended its seats may take this long to come free; until then they are still ours. */
const ECHO_MS = 3000;
const ECHO_RETRY_MS = 400;
const AGAIN_MS = 1500;
/** How long a choice is restored after a reload. */
const CHOICE_MS = 15 * 60_000;
/** Deadlines closer than this count as equal. */
const SAME_MS = 1000;
/** In what respect best seats are less than ideal. */
const RELAXED = ["restricted-view", "neighbouring-rows", "split"];

export class Journey {
  /**
   * @param {Api} api @param {EventPage} event @param {Venue} venue
   * @param {() => void} changed
   * @param {(name: string, detail: Record<string, unknown>) => void} emit
   */
  constructor(api, event, venue, changed, emit) {
    this.emit = emit;
    this.api = api;
    this.event = event;
    this.venue = venue;
    this.changed = changed;
    /** @type {Step} */
    this.step = "choose";
    /** @type {"" | "holding" | "accepting" | "releasing" | "extending" | "paying" | "withdrawing"} */
    this.busy = "";
    /** @type {Set<number>} */
    this.chosen = new Set();
    /** Places wanted by area number. @type {Map<number, number>} */
    this.wanted = new Map();
    /** The one to pay for. @type {Hold | null} */
    this.hold = null;
    /** This buyer's other live holds: made in another window, or before more was chosen. @type {Hold[]} */
    this.others = [];
    /** Answers to older questions about holds are ignored. */
    this.turn = 0;
    /** @type {Booking | null} */
    this.booking = null;
    /** @type {Ticket[]} */
    this.tickets = [];
    /** @type {Notice | null} */
    this.notice = null;
    /** Names of the categories that are sold out. @type {string[]} */
    this.gone = [];
    /** Seats that the waitlist keeps for this buyer. @type {ReadonlySet<number>} */
    this.offered = new Set();
    /** Seats that somebody else took first, while the notice names them. @type {number[]} */
    this.lost = [];
    /** The nearest free seats, to take instead. @type {number[]} */
    this.suggested = [];
    /** Why the last request failed. @type {ApiError | null} */
    this.failure = null;
    /** It is unknown what is held or booked: the network cut the answer off. */
    this.unresolved = false;
    /** The booking to come back to. @type {string | null | undefined} */
    this.sought = null;
    this.over = false;
    /** Ends a wait for the bank early. */
    this.wake = () => {};
    /** @type {Uint8Array | null} */
    this.seats = null;
    /** @type {Map<number, number>} */
    this.available = new Map();
    /** @type {(Money | undefined)[]} */
    this.prices = [];
    this.setPrices(event.prices);
    this.status = event.status;
    this.ownEchoUntilMs = 0;
    /** The last request for best seats. @type {Partial<Wanted>} */
    this.unmet = {};
    this.deadline = 0;
    this.otherDeadline = 0;
    this.bookedKey = `booked.${event.event_id}`;
    this.holdKey = `hold.${event.event_id}`;
    this.attemptKey = `tab.attempt.${event.event_id}`;
    this.choiceKey = `tab.choice.${event.event_id}`;
  }

  /** The journey is over: no step may follow. */
  end() {
    this.over = true;
    clearTimeout(this.deadline);
    clearTimeout(this.otherDeadline);
    this.wake();
  }

  /** Places chosen so far. */
  get quantity() {
    return [...this.wanted.values()].reduce((total, n) => total + n, this.chosen.size);
  }

  /** The price of the choice at today's prices; null while a price is unknown. @returns {Money | null} */
  get total() {
    if (this.hold !== null) return this.hold.total;
    const parts = [...this.chosen].map((seatNo) => this.seatPrice(seatNo));
    for (const [areaNo, n] of this.wanted) {
      const price = this.areaPrice(areaNo);
      parts.push(price && { ...price, amount: price.amount * n });
    }
    const known = parts.filter((p) => p !== undefined);
    return known.length < parts.length ? null : sum(known);
  }

  get onSale() {
    return this.status === "on_sale";
  }

  /** @param {number} seatNo */
  seatPrice(seatNo) {
    return this.prices[this.venue.layout.seats.category[seatNo]];
  }

  /** @param {number} areaNo */
  areaPrice(areaNo) {
    return this.prices[this.venue.layout.areas[areaNo].category];
  }

  /** As far as known. */
  get soldOut() {
    return this.seats !== null && !this.seats.includes(FREE) && this.venue.layout.areas.every((_, areaNo) => this.available.get(areaNo) === 0);
  }

  /** Seats the buyer holds now. */
  heldSeats() {
    const own = this.hold && (this.step === "held" || this.step === "pending") ? [this.hold, ...this.others] : this.others;
    return new Set(own.flatMap(({ seats }) => seats.map((s) => s.seat_no)));
  }

  /** Bookings that were made in this browser. @returns {string[]} */
  get bought() {
    return recall(this.bookedKey) ?? [];
  }

  /** How many more places this buyer may hold. */
  get room() {
    return this.event.buyer_limit - sizeOf(this.others);
  }

  // --- the map's changes ------------------------------------------------------------------------

  /** A price that rises while seats are being chosen is announced before they are held. @param {Price[]} prices */
  setPrices(prices) {
    const before = this.prices;
    this.prices = [];
    for (const { category_no, price } of prices) this.prices[category_no] = price;
    if (this.step !== "choose") return;
    const own = new Set([...this.chosen].map((s) => this.venue.layout.seats.category[s]));
    for (const areaNo of this.wanted.keys()) own.add(this.venue.layout.areas[areaNo].category);
    const risen = prices.filter(({ category_no: n, price }) => own.has(n) && price.amount > (before[n]?.amount ?? Infinity));
    if (risen.length === 0) return;
    const words = risen.map(({ category, category_no: n, price }) => text("priceNow", { category, price: money(price), before: money(/** @type {Money} */ (before[n])) }));
    this.say("info", this.total ? text("priceUpTotal", { prices: words, price: money(this.total) }) : text("priceUp", { prices: words }));
  }

  /** @param {Uint8Array} seats @param {number[]} changedSeats */
  seatsChanged(seats, changedSeats) {
    this.seats = seats;
    const held = this.heldSeats();
    if (changedSeats.some((seatNo) => seats[seatNo] === FREE && held.has(seatNo))) void this.reconnected();
    if (this.step !== "choose" || this.busy !== "" || performance.now() < this.ownEchoUntilMs) return;
    const lost = changedSeats.filter((seatNo) => this.chosen.has(seatNo) && seats[seatNo] !== FREE);
    if (lost.length > 0) void this.miss(lost);
    else if (this.suggested.some((seatNo) => seats[seatNo] !== FREE)) this.suggest();
  }

  areasChanged() {
    if (this.step !== "choose" || this.busy !== "") return;
    for (const [areaNo, n] of this.wanted) {
      const left = this.available.get(areaNo) ?? Infinity;
      if (left >= n) continue;
      const { name } = this.venue.layout.areas[areaNo];
      this.want(areaNo, left);
      if (left === 0) this.say("bad", text("areaGone", { area: name }), [], { quantity: n, sections: [name] });
      else this.say("bad", text("areaReduced", { count: left, area: name }));
    }
  }

  // --- choosing ---------------------------------------------------------------------------------

  /** @param {number} seatNo */
  toggleSeat(seatNo) {
    if (!this.mayChoose()) return;
    if (this.chosen.delete(seatNo)) {
      this.say("quiet", text("wasPutBack", { places: this.venue.label(seatNo) }));
      return;
    }
    const state = this.seats?.[seatNo];
    const label = this.venue.label(seatNo);
    if (this.heldSeats().has(seatNo)) this.say("info", text("holdAlready", { places: label }));
    else if (this.offered.has(seatNo)) this.say("info", text("isOffered", { places: label }));
    else if (state === HELD) this.say("info", text("isHeld", { places: label }));
    else if (state === SOLD) this.say("info", text("isSold", { places: label }));
    else if (state !== FREE) this.say("info", text("isBlocked", { places: label }));
    else if (this.withinLimit(1)) {
      this.chosen.add(seatNo);
      const price = this.seatPrice(seatNo);
      this.say("quiet", price ? text("wasChosenAt", { places: label, price: money(price) }) : text("wasChosen", { places: label }));
    }
  }

  /** Add those that are free, within the limit. @param {number[]} seatNos */
  chooseSeats(seatNos) {
    if (!this.mayChoose()) return;
    const fresh = seatNos.filter((s) => this.seats?.[s] === FREE && !this.chosen.has(s));
    const taken = fresh.slice(0, Math.max(0, this.room - this.quantity));
    for (const seatNo of taken) this.chosen.add(seatNo);
    if (taken.length < fresh.length) this.withinLimit(fresh.length);
    else if (taken.length > 0) this.say("quiet", text("wasChosen", { places: this.seatsWords(taken) }));
  }

  /** @param {number[]} seatNos */
  dropSeats(seatNos) {
    if (!this.mayChoose()) return;
    for (const seatNo of seatNos) this.chosen.delete(seatNo);
    this.say("quiet", text("wasPutBack", { places: this.seatsWords(seatNos) }));
  }

  takeSuggested() {
    const { suggested } = this;
    this.say("quiet", "");
    this.chooseSeats(suggested);
  }

  clear() {
    if (!this.mayChoose()) return;
    this.chosen.clear();
    this.wanted.clear();
    this.say("quiet", text("nothingChosen"));
  }

  /** Seats in as few words as name them all: "Stalls, row F, seats 14 and 15". @param {number[]} seatNos */
  seatsWords(seatNos) {
    const { seats, rows, sections } = this.venue.layout;
    if (seatNos.length === 1) return this.venue.label(seatNos[0]);
    const groups = [...new Set(seatNos.map((s) => seats.row[s]))].map((row) => {
      const own = seatNos.filter((s) => seats.row[s] === row);
      const numbers = text("seatNumbers", { count: own.length, numbers: own.map((s) => seats.number[s]) });
      return [sections[rows[row].section].name, rowName(rows[row].label), numbers].filter(Boolean).join(", ");
    });
    return groups.join("; ");
  }

  /** @param {{ seats: SeatItem[], areas: AreaItem[] }} of */
  placesWords({ seats, areas }) {
    const words = areas.map(({ quantity, label }) => text("times", { count: quantity, name: label }));
    return listed(seats.length > 0 ? [this.seatsWords(seats.map((s) => s.seat_no)), ...words] : words);
  }

  /** @param {number} areaNo @param {number} quantity */
  setArea(areaNo, quantity) {
    if (!this.mayChoose()) return;
    const before = this.wanted.get(areaNo) ?? 0;
    // Only the live connection shows this; without it the server decides.
    const left = this.available.get(areaNo) ?? Infinity;
    const { name } = this.venue.layout.areas[areaNo];
    if (left === 0 && quantity > 0) this.say("info", text("areaSoldOut", { area: name }), [], { sections: [name] });
    else if (quantity > left) this.say("info", text("areaLeft", { count: left, area: name }));
    else if (quantity < before || this.withinLimit(quantity - before)) {
      this.want(areaNo, Math.max(0, quantity));
      this.say("quiet", text("areaChosen", { count: Math.max(0, quantity), area: name }));
    }
  }

  /** @param {number} areaNo @param {number} quantity */
  want(areaNo, quantity) {
    if (quantity > 0) this.wanted.set(areaNo, quantity);
    else this.wanted.delete(areaNo);
  }

  mayChoose() {
    if (this.step === "choose" && this.busy === "") return true;
    if (this.step === "held") this.say("info", text("holdingAlready"));
    return false;
  }

  /** @param {number} more */
  withinLimit(more) {
    if (this.quantity + more <= this.room) return true;
    this.say("info", text("limit", { count: this.event.buyer_limit }));
    return false;
  }

  // --- holding ----------------------------------------------------------------------------------

  async holdChosen() {
    if (this.quantity === 0) return;
    const told = this.total;
    /** @type {Omit<HoldWish, "hold_id">} */
    const wish = {};
    if (this.chosen.size > 0) wish.seats = [...this.chosen].sort((a, b) => a - b);
    if (this.wanted.size > 0) wish.areas = Object.fromEntries(this.wanted);
    await this.doing("holding", async () => {
      for (;;) {
        try {
          const hold = await this.requestHold(wish);
          if (told !== null && hold.total.amount > told.amount) await this.tooDear(hold, told);
          else this.enterHold(hold);
          return;
        } catch (error) {
          const own = error instanceof ApiError && error.code === "seat-unavailable" && performance.now() < this.ownEchoUntilMs;
          if (!own) throw error;
          await sleep(ECHO_RETRY_MS);
        }
      }
    });
    this.dropLost();
  }

  /** Have the best places found and held, regardless of the present choice. @param {BestWish} best */
  async holdBest(best) {
    this.unmet = { ...best, categories: [best.category ?? []].flat(), sections: [best.section ?? []].flat() };
    await this.doing("holding", async () => {
      const hold = await this.requestHold({ best });
      this.enterHold(hold);
      const given = (hold.relaxed ?? []).flatMap((what) => (RELAXED.includes(what) ? text(`relaxed.${what}`) : []));
      if (given.length > 0) this.say("info", text("bestLeft", { count: best.quantity, but: given }));
    });
  }

  /** An offer becomes a hold like any other, in place of the present hold. @param {string} offerId */
  async accept(offerId) {
    if (this.step === "done") this.restart();
    const before = this.hold;
    await this.doing("accepting", async () => {
      this.enterHold(await this.api.answer(offerId, "accept"));
      // If this fails, the old hold's deadline frees its seats.
      if (before !== null) await this.api.releaseHold(before.hold_id).catch(() => {});
    });
  }

  /** A hold of this buyer that was accepted in another window, or whose answer was lost. @param {string} holdId */
  async adopt(holdId) {
    const isKnown = this.others.some(({ hold_id }) => hold_id === holdId);
    await this.look();
    if (!isKnown && this.step === "choose") await this.turnTo(holdId);
  }

  /** The price rose in the moment of holding: the buyer must learn that before paying. @param {Hold} hold @param {Money} told */
  async tooDear(hold, told) {
    await this.api.releaseHold(hold.hold_id);
    this.forgetHold(hold);
    this.awaitEcho();
    for (const { seat_no, price } of hold.seats) this.prices[this.venue.layout.seats.category[seat_no]] = price;
    for (const { area_no, price } of hold.areas) this.prices[this.venue.layout.areas[area_no].category] = price;
    this.say("info", text("tooDear", { price: money(hold.total), before: money(told) }));
  }

  /** @param {Omit<HoldWish, "hold_id">} wish */
  async requestHold(wish) {
    const hold_id = newId();
    const before = recall(this.holdKey);
    // The id is stored before the hold exists: if the answer is lost, a reload still finds the hold.
    remember(this.holdKey, hold_id);
    try {
      return await this.api.hold(this.event.event_id, { hold_id, ...wish });
    } catch (error) {
      if (error instanceof ApiError && (error.status === 0 || error.status >= 500)) this.seekAgain();
      // Refused for certain; a hold in another window is still held.
      else if (before === null) forget(this.holdKey);
      else remember(this.holdKey, before);
      throw error;
    }
  }

  /** @param {Hold} hold */
  enterHold(hold) {
    const fresh = this.hold?.hold_id !== hold.hold_id;
    this.turn++;
    this.hold = hold;
    this.keepOthers(this.others);
    this.step = "held";
    this.say("quiet", text("nowHeld"));
    this.chooseAgain(hold);
    remember(this.holdKey, hold.hold_id);
    this.watchDeadline();
    if (fresh) this.emit("hold", { hold });
  }

  /** @param {{ seats: SeatItem[], areas: AreaItem[] }} of */
  chooseAgain({ seats, areas }) {
    this.chosen = new Set(seats.map((s) => s.seat_no));
    this.wanted = new Map(areas.map((a) => [a.area_no, a.quantity]));
  }

  watchDeadline() {
    const leftMs = Date.parse(this.hold?.expires_at ?? "") - this.api.nowMs();
    this.lookAgain(Math.max(250, leftMs + 250));
  }

  /** @param {number} ms from now */
  lookAgain(ms) {
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => void this.reconnected(), ms);
  }

  /** @param {string | null} [bookingId] */
  seekAgain(bookingId = null) {
    this.unresolved = true;
    this.sought = bookingId;
    this.lookAgain(AGAIN_MS);
  }

  /** @param {Hold[]} holds that live; the one to pay for may be among them */
  keepOthers(holds) {
    this.others = holds.filter(({ hold_id }) => hold_id !== this.hold?.hold_id);
    clearTimeout(this.otherDeadline);
    const ends = this.others.map(({ expires_at }) => Date.parse(expires_at) - this.api.nowMs());
    if (ends.length > 0 && !this.over) this.otherDeadline = setTimeout(() => void this.look(), Math.max(AGAIN_MS, Math.min(...ends) + 250));
  }

  /** Another window may have made, extended or ended holds. */
  async look() {
    const turn = ++this.turn;
    if (this.over) return;
    try {
      const holds = await this.api.holds(this.event.event_id);
      if (turn === this.turn && !this.over) await this.adoptAll(holds);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.keepOthers(this.others);
    }
    this.changed();
  }

  /** Show what this buyer holds: at once where nothing is being chosen, else beside the choice. @param {Hold[]} holds */
  async adoptAll(holds) {
    const { hold, step } = this;
    const news = holds.filter(({ hold_id }) => ![hold, ...this.others].some((known) => known?.hold_id === hold_id));
    const ended = this.others.filter((other) => Date.parse(other.expires_at) < this.api.nowMs() && !holds.some(({ hold_id }) => hold_id === other.hold_id));
    this.keepOthers(holds);
    if (ended.length > 0) this.say("bad", text("otherTimeOut", { places: ended.map((of) => this.placesWords(of)) }));
    const own = this.heldSeats();
    for (const seatNo of this.chosen) if (step === "choose" && own.has(seatNo)) this.chosen.delete(seatNo);
    if (step === "choose" && this.busy === "" && news.length > 0 && this.quantity === 0) await this.resumeHold(news[0]);
    const now = holds.find(({ hold_id }) => hold_id === hold?.hold_id);
    if (step === "held" && hold !== null && !(now?.status === "held" && now.expires_at === hold.expires_at)) await this.refreshHold(true);
  }

  /** Pay for another hold than before. @param {string} holdId */
  async turnTo(holdId) {
    const next = this.others.find(({ hold_id }) => hold_id === holdId);
    if (next === undefined || this.busy !== "" || this.step === "pending") return;
    if (this.step === "done") this.restart();
    const { hold } = this;
    if (hold !== null) this.others.push(hold);
    try {
      await this.resumeHold(next);
    } catch (error) {
      this.explain(error);
    }
    this.changed();
  }

  /** Choose more seats; those that are held stay so. */
  more() {
    const { hold } = this;
    if (hold === null || this.step !== "held" || this.busy !== "") return;
    clearTimeout(this.deadline);
    this.hold = null;
    this.step = "choose";
    this.chosen.clear();
    this.wanted.clear();
    this.keepOthers([...this.others, hold]);
    this.say("quiet", text("chooseMore"));
  }

  /** Another window may have another hold by now. @param {{ hold_id: string } | null} of */
  forgetHold(of) {
    if (of === null || recall(this.holdKey) === of.hold_id) forget(this.holdKey);
  }

  /** Read the hold again: its deadline, another window or a refusal may have changed it. @param {boolean} [told] that it was extended */
  async refreshHold(told = false) {
    const { hold } = this;
    if (this.step !== "held" || hold === null || this.over) return;
    if (this.busy !== "") {
      this.lookAgain(AGAIN_MS);
      return;
    }
    try {
      const now = await this.api.getHold(hold.hold_id);
      if (this.hold !== hold || this.over) return;
      if (now.status === "held") {
        this.hold = now;
        this.watchDeadline();
        const longer = Date.parse(now.expires_at) - Date.parse(hold.expires_at) > SAME_MS;
        // Paying extends the hold, too, and then other messages are shown.
        if (told && longer && this.notice?.tone !== "bad") this.say("info", text("moreTimeElsewhere"));
      } else await this.resumeHold(now);
    } catch (error) {
      if (error instanceof ApiError && error.passing) this.lookAgain(AGAIN_MS);
      else this.holdEnded(text("timeOut"));
    }
    this.changed();
  }

  /** Back to choosing, with the same places chosen where they are free. @param {string} words @param {"expire" | "release"} how */
  holdEnded(words, how = "expire") {
    clearTimeout(this.deadline);
    const { hold } = this;
    this.turn++;
    this.forgetHold(hold);
    this.hold = null;
    this.step = "choose";
    this.awaitEcho();
    this.say("bad", words);
    if (hold) this.emit(how, { hold });
  }

  /** Changes that come now may be our own; lasting ones are checked again. */
  awaitEcho() {
    this.ownEchoUntilMs = performance.now() + ECHO_MS;
    setTimeout(() => this.dropLost(), ECHO_MS + 1);
  }

  dropLost() {
    if (this.step !== "choose" || this.seats === null || this.over || performance.now() < this.ownEchoUntilMs) return;
    const seats = this.seats;
    const lost = [...this.chosen].filter((seatNo) => seats[seatNo] !== FREE);
    if (lost.length > 0) void this.miss(lost);
  }

  /**
   * Chosen seats are not free any more. Another buyer has them; or they are our own, held in another window
   * or by a request whose answer was lost.
   *
   * @param {number[]} lost @param {number[]} [areas]
   */
  async miss(lost, areas = []) {
    const { event_id } = this.event;
    try {
      const holds = await this.api.holds(event_id);
      const holdId = recall(this.holdKey);
      const isListed = holdId === null || holds.some(({ hold_id }) => hold_id === holdId);
      const last = isListed ? null : await this.api.getHold(holdId).catch(unlessPassing);
      const booked = last?.status === "booked" ? [last] : [];
      const bought = recall(this.bookedKey) ? (await this.api.bookings()).items.filter((b) => b.event_id === event_id && ["pending", "confirmed"].includes(b.status)) : [];
      if (this.step !== "choose" || this.busy !== "" || this.over) return;
      const known = this.others.map(({ hold_id }) => hold_id);
      const news = [...booked, ...holds].filter(({ hold_id }) => !known.includes(hold_id));
      this.turn++;
      this.keepOthers(holds);
      const own = new Set([...booked, ...holds, ...bought].flatMap(({ seats }) => seats.map(({ seat_no }) => seat_no)));
      const ours = lost.filter((seatNo) => own.has(seatNo));
      const hold = news.find(({ seats }) => areas.length > 0 || seats.some(({ seat_no }) => lost.includes(seat_no)));
      for (const seatNo of ours) this.chosen.delete(seatNo);
      if (hold && (this.quantity === 0 || areas.length > 0)) {
        await this.resumeHold(hold);
        this.changed();
        return;
      }
      if (ours.length > 0) this.say("info", text("haveAlready", { places: this.seatsWords(ours) }));
      lost = lost.filter((seatNo) => !own.has(seatNo));
    } catch (error) {
      if (error instanceof ApiError && error.passing) {
        this.seekAgain();
        return;
      }
    }
    if (this.step === "choose" && !this.over && lost.length + areas.length > 0) this.lose(lost, areas);
  }

  /** @param {Buyer} [buyer] */
  async extend(buyer) {
    const { hold } = this;
    if (hold === null) return;
    await this.doing("extending", async () => {
      this.hold = await this.api.extendHold(hold.hold_id, buyer);
      this.watchDeadline();
      const longer = Date.parse(this.hold.expires_at) - Date.parse(hold.expires_at) > SAME_MS;
      this.say("info", longer ? text("moreTime") : text("noMoreTime"));
    });
  }

  /** Give the seats back; they stay chosen, so that changing one of them is easy. */
  async release() {
    const { hold } = this;
    if (hold === null) return;
    await this.doing("releasing", async () => {
      await this.api.releaseHold(hold.hold_id);
      this.holdEnded("", "release");
      this.say("info", text("released"));
    });
  }

  /** The network is back: check again what was left open. */
  async reconnected() {
    if (this.over) return;
    if (this.unresolved && this.busy !== "") this.lookAgain(AGAIN_MS);
    else if (this.unresolved) await this.resume(this.sought);
    else {
      await this.refreshHold();
      await this.look();
    }
    this.wake();
  }

  // --- paying -----------------------------------------------------------------------------------

  /** @param {Buyer} buyer @param {string} token of the payment provider */
  async pay(buyer, token) {
    const { hold } = this;
    if (hold === null) return;
    const payment = hold.total.amount ? { provider: "sandbox", token } : undefined;
    const body = { hold_id: hold.hold_id, buyer, payment };
    // The same request keeps its key until it is answered, so nobody can pay twice by accident.
    const print = JSON.stringify(body);
    const kept = recall(this.attemptKey);
    const key = kept?.print === print ? kept.key : newId();
    remember(this.attemptKey, { print, key });
    this.notice = null;
    await this.doing("paying", async () => {
      try {
        await this.enterBooking(await this.api.book(body, key));
      } catch (error) {
        if (!(error instanceof ApiError && error.passing)) forget(this.attemptKey);
        throw error;
      }
    });
    await this.refreshHold();
  }

  /** Stop waiting for the bank: nothing is charged any more. @param {boolean} keepHold to pay with another card */
  async withdraw(keepHold) {
    const { booking } = this;
    if (booking === null) return;
    await this.doing("withdrawing", async () => {
      const now = await this.api.withdraw(booking.booking_id, keepHold);
      if (now.status !== "declined") await this.enterBooking(now);
      else if (keepHold) await this.bookingFailed(now, "withdrawn");
      else {
        forget(this.attemptKey);
        this.setBooking(null);
        this.chooseAgain(now);
        this.holdEnded("", "release");
        this.say("info", text("payLost.withdrawn"));
      }
    });
  }

  /** @param {string} bookingId @param {string} status */
  async bookingChanged(bookingId, status) {
    if (this.booking?.booking_id !== bookingId) return;
    this.wake();
    if (this.step === "done" && status !== this.booking.status) await this.resume(bookingId);
  }

  /** @param {Booking} booking */
  async enterBooking(booking) {
    const news = this.booking?.booking_id !== booking.booking_id || this.booking.status !== booking.status;
    this.setBooking(booking);
    switch (booking.status) {
      case "confirmed":
      case "cancelled":
        if (news && booking.status === "confirmed") this.emit("booked", { booking });
        this.finish();
        void this.fetchTickets(booking);
        return;
      case "pending":
        clearTimeout(this.deadline);
        this.step = "pending";
        void this.poll(booking.booking_id);
        return;
      default:
        await this.bookingFailed(booking);
    }
  }

  /** Ask until the booking has ended, one way or the other. @param {string} bookingId */
  async poll(bookingId) {
    for (let waitMs = POLL_FIRST_MS; ; waitMs = Math.min(POLL_MAX_MS, waitMs * 1.3)) {
      await Promise.race([sleep(waitMs), new Promise((resolve) => (this.wake = () => resolve(null)))]);
      if (this.over || this.step !== "pending" || this.booking?.booking_id !== bookingId) return;
      if (this.busy !== "") continue;
      try {
        const booking = await this.api.booking(bookingId);
        if (booking.status !== "pending") {
          await this.enterBooking(booking);
          this.changed();
          return;
        }
        this.booking = booking;
        this.changed();
      } catch (error) {
        if (error instanceof ApiError && error.passing) continue;
        this.explain(error);
        return;
      }
    }
  }

  finish() {
    clearTimeout(this.deadline);
    for (const key of [this.choiceKey, this.attemptKey]) forget(key);
    this.forgetHold(this.booking);
    const { booking_id = "", status = "" } = this.booking ?? {};
    const others = (recall(this.bookedKey) ?? []).filter((/** @type {string} */ id) => id !== booking_id);
    remember(this.bookedKey, status === "confirmed" ? [...others, booking_id] : others);
    this.turn++;
    this.hold = null;
    this.step = "done";
    this.say("quiet", "");
    this.chosen.clear();
    this.wanted.clear();
    this.changed();
  }

  /** @param {Booking} booking */
  async fetchTickets(booking) {
    for (let attempt = 1; this.booking === booking && !this.over; attempt++) {
      try {
        this.tickets = (await this.api.tickets(booking.booking_id)).items;
        if (this.tickets.length > 0 || booking.status === "cancelled") {
          this.say("quiet", "");
          return;
        }
      } catch (error) {
        if (!(error instanceof ApiError && error.passing)) {
          this.explain(error);
          return;
        }
        this.say("bad", text("ticketsLate"));
      }
      await sleep(Math.min(400 * attempt, POLL_MAX_MS));
    }
  }

  /** Declined or expired: back to the hold if it is still alive, else to the map. @param {Booking} booking @param {string} [said] */
  async bookingFailed(booking, said = "") {
    forget(this.attemptKey);
    this.setBooking(null);
    const why = said || (booking.status === "declined" ? "declined" : "late");
    try {
      const hold = await this.api.getHold(booking.hold_id);
      if (hold.status === "held") {
        this.enterHold(hold);
        this.say("bad", text(`payAgain.${why}`));
        return;
      }
    } catch {
      // The hold counts as gone.
    }
    this.chooseAgain(booking);
    this.holdEnded(text(`payLost.${why}`));
  }

  /** @param {Booking | null} booking */
  setBooking(booking) {
    const before = this.booking?.booking_id;
    this.booking = booking;
    if (before !== booking?.booking_id) this.emit("bookingchange", { bookingId: booking?.booking_id ?? null });
  }

  /** From the tickets back to the map. */
  restart() {
    this.setBooking(null);
    this.tickets = [];
    this.step = "choose";
    this.changed();
  }

  // --- coming back ------------------------------------------------------------------------------

  /** After a reload, or back from the bank's page. @param {string | null} [bookingId] */
  async resume(bookingId) {
    const holdId = recall(this.holdKey);
    const again = this.unresolved;
    this.unresolved = false;
    this.turn++;
    try {
      const holds = await this.api.holds(this.event.event_id);
      const hold = holds.find(({ hold_id }) => hold_id === holdId) ?? holds[0];
      this.keepOthers(holds);
      if (bookingId) await this.enterBooking(await this.api.booking(bookingId));
      else if (hold) await this.resumeHold(hold);
      else if (holdId) await this.resumeHold(await this.api.getHold(holdId));
      else this.resumeChoice();
    } catch (error) {
      if (error instanceof ApiError && error.passing) {
        this.seekAgain(bookingId);
        if (!again) this.say("bad", text("noAnswer"));
      } else {
        forget(this.holdKey);
        this.resumeChoice();
        if (again) this.say("info", text("nothingHeldYet"));
        if (bookingId) {
          this.emit("bookingchange", { bookingId: null });
          this.say("bad", text("noBooking"));
        }
      }
    }
    this.changed();
  }

  keepChoice() {
    if (this.step !== "choose") return;
    if (this.quantity === 0) forget(this.choiceKey);
    else remember(this.choiceKey, { seats: [...this.chosen], areas: [...this.wanted], atMs: this.api.nowMs() });
  }

  resumeChoice() {
    const kept = recall(this.choiceKey);
    if (!(Math.abs(kept?.atMs - this.api.nowMs()) < CHOICE_MS) || this.quantity > 0) return;
    this.chosen = new Set(kept.seats.filter((/** @type {number} */ s) => s < this.venue.seatCount));
    this.wanted = new Map(kept.areas.filter((/** @type {[number, number]} */ [areaNo]) => areaNo < this.venue.layout.areas.length));
    this.dropLost();
  }

  /** @param {Hold} hold */
  async resumeHold(hold) {
    const { status } = hold;
    this.unresolved = false;
    if (status === "paying" || status === "booked") {
      const booking = (await this.api.bookings()).items.find((b) => b.hold_id === hold.hold_id);
      if (booking) {
        this.hold = hold;
        await this.enterBooking(booking);
        return;
      }
    }
    if (status === "held" || status === "paying") this.enterHold(hold);
    else {
      this.chooseAgain(hold);
      if (status === "released") this.holdEnded(text("gaveBack"), "release");
      else this.holdEnded(text("timeOut"));
    }
  }

  // --- words ------------------------------------------------------------------------------------

  /** Seats (or areas) that another buyer took first. @param {number[]} seats @param {number[]} [areas] */
  lose(seats, areas = []) {
    const { layout } = this.venue;
    for (const seatNo of seats) this.chosen.delete(seatNo);
    for (const areaNo of areas) this.wanted.delete(areaNo);
    const kinds = new Set([...seats.map((s) => layout.seats.category[s]), ...areas.map((a) => layout.areas[a].category)]);
    const names = [...(seats.length > 0 ? [this.seatsWords(seats)] : []), ...areas.map((a) => layout.areas[a].name)];
    const values = { count: seats.length + areas.length, places: names };
    this.say("bad", this.quantity > 0 ? text("takenSome", values) : text("taken", values), seats, { quantity: seats.length + areas.length, categories: [...kinds].map((kind) => layout.categories[kind].name) });
  }

  suggest() {
    if (this.seats === null || this.lost.length === 0) this.suggested = [];
    else {
      const seats = this.seats.slice();
      for (const seatNo of this.chosen) seats[seatNo] = HELD;
      this.suggested = nearestFree(this.venue, seats, this.lost, this.lost.length);
    }
    this.changed();
  }

  /** @param {unknown} error */
  explain(error) {
    if (!(error instanceof ApiError)) throw error;
    const { seats = [], areas = [] } = error.problem;
    switch (error.code) {
      case "seat-unavailable":
        if (this.step === "held") this.holdEnded("");
        if (seats.length + areas.length > 0) void this.miss(seats, areas);
        else this.say("bad", sentence(error.detail), [], this.unmet);
        return;
      case "payment-declined":
        this.say("bad", text(`payAgain.${["card_declined", "insufficient_funds"].find((code) => code === error.problem.decline_code) ?? "declined"}`));
        return;
      case "gone":
      case "hold-expired":
      case "payment-too-late":
        this.holdEnded(text("timeOut"));
        return;
      case "network":
        this.say("bad", text(`${navigator.onLine ? "unreachable" : "offline"}.${this.step === "held" ? "held" : "choice"}`));
        return;
      default:
        // The detail of a limit says what helps.
        this.say("bad", error.passing && error.status !== 429 ? text("busy", { detail: sentence(error.detail) }) : sentence(error.detail));
    }
  }

  /**
   * @param {Notice["tone"]} tone @param {string} words empty: nothing to say
   * @param {number[]} [lost] seats that it names
   * @param {Partial<Wanted>} [unmet] places to wait for instead
   */
  say(tone, words, lost = [], unmet) {
    this.notice = words === "" ? null : { tone, text: words, unmet };
    this.lost = lost;
    this.suggest();
  }

  /** @param {ApiError} error that ends the request */
  fail(error) {
    this.failure = error;
    this.emit("error", { code: error.code, detail: error.detail });
  }

  /** @param {Exclude<Journey["busy"], "">} what @param {() => Promise<void>} act */
  async doing(what, act) {
    const step = what === "withdrawing" ? "pending" : what === "holding" || (what === "accepting" && this.hold === null) ? "choose" : "held";
    if (this.busy !== "" || this.step !== step) return;
    this.busy = what;
    this.failure = null;
    this.changed();
    try {
      // The places of an earlier request may be held already.
      if (this.unresolved) await this.resume(this.sought);
      if (!this.unresolved && this.step === step) await act();
    } catch (error) {
      this.explain(error);
      this.fail(/** @type {ApiError} */ (error));
    } finally {
      this.busy = "";
      this.changed();
    }
  }
}

/** @param {Hold[]} holds */
function sizeOf(holds) {
  return holds.reduce((total, { seats, areas }) => total + areas.reduce((n, { quantity }) => n + quantity, seats.length), 0);
}

/** @param {unknown} error @returns {null} */
function unlessPassing(error) {
  if (!(error instanceof ApiError) || error.passing) throw error;
  return null;
}

/** @param {string} words */
function sentence(words) {
  return words.trim().replace(/[^.!?]$/, "$&.");
}
