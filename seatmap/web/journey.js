// @ts-check
/**
 * One buyer's way through one event. No DOM: it is told what the buyer does and what the map shows,
 * talks to the API, and calls `changed` after every step.
 *
 *     choose ──hold──▶ held ──pay──▶ done
 *        ▲              │ ▲ └─▶ pending ─┘
 *        └─release/expiry┘ └── declined ─┘
 *
 * @import { Api, Booking, EventPage, Hold, Money, Price, Ticket } from "./api.js"
 * @import { Venue } from "./layout.js"
 * @typedef {"choose" | "held" | "pending" | "done"} Step
 * @typedef {{ tone: "quiet" | "info" | "bad", text: string }} Notice quiet: only said aloud
 */
import { ApiError, newId, sleep } from "./api.js";
import { listed, money, plural, sum } from "./format.js";
import { forget, recall, remember } from "./memory.js";
import { FREE, HELD, SOLD } from "./protocol.js";

const POLL_FIRST_MS = 600;
const POLL_MAX_MS = 4000;
const TICKET_TRIES = 6;
/** After a hold has ended its seats may take this long to come free; until then it is us who have them. */
const ECHO_MS = 3000;
const ECHO_RETRY_MS = 400;
const NAMED_MAX = 3;
/** @type {Record<string, string>} */
const DECLINES = {
  card_declined: "The bank declined the card.",
  insufficient_funds: "There is not enough money on the account.",
};

export class Journey {
  /**
   * @param {object} options
   * @param {Api} options.api
   * @param {EventPage} options.event
   * @param {Venue} options.venue
   * @param {() => void} options.changed
   */
  constructor({ api, event, venue, changed }) {
    this.api = api;
    this.event = event;
    this.venue = venue;
    this.changed = changed;
    /** @type {Step} */
    this.step = "choose";
    /** @type {"" | "holding" | "releasing" | "extending" | "paying"} */
    this.busy = "";
    /** @type {Set<number>} */
    this.chosen = new Set();
    /** Places wanted by area number. @type {Map<number, number>} */
    this.wanted = new Map();
    /** @type {Hold | null} */
    this.hold = null;
    /** @type {Booking | null} */
    this.booking = null;
    /** @type {Ticket[]} */
    this.tickets = [];
    /** @type {Notice | null} */
    this.notice = null;
    /** @type {Uint8Array | null} */
    this.seats = null;
    /** @type {Map<number, number>} */
    this.available = new Map();
    /** @type {(Money | undefined)[]} */
    this.prices = [];
    this.setPrices(event.prices);
    this.status = event.status;
    /** @type {{ print: string, key: string } | null} */
    this.attempt = null;
    this.ownEchoUntilMs = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.deadline = undefined;
  }

  get holdKey() {
    return `hold.${this.event.event_id}`;
  }

  /** Places chosen so far. */
  get quantity() {
    return [...this.wanted.values()].reduce((total, n) => total + n, this.chosen.size);
  }

  /** What the choice costs at today's prices; null while a price is unknown. @returns {Money | null} */
  get total() {
    if (this.hold !== null) return this.hold.total;
    const parts = [];
    for (const seatNo of this.chosen) parts.push(this.seatPrice(seatNo));
    for (const [areaNo, n] of this.wanted) {
      const price = this.areaPrice(areaNo);
      parts.push(price && { ...price, amount: price.amount * n });
    }
    return parts.some((p) => p === undefined) ? null : sum(parts.filter((p) => p !== undefined));
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

  /** Seats the buyer holds now. */
  heldSeats() {
    return new Set(this.step === "held" || this.step === "pending" ? this.hold?.seats.map((s) => s.seat_no) : []);
  }

  // --- what the map says ------------------------------------------------------------------------

  /** @param {Price[]} prices */
  setPrices(prices) {
    this.prices = [];
    for (const { category_no, price } of prices) this.prices[category_no] = price;
  }

  /**
   * @param {Uint8Array} seats
   * @param {number[]} changedSeats
   */
  seatsChanged(seats, changedSeats) {
    this.seats = seats;
    if (this.step !== "choose" || this.busy !== "" || Date.now() < this.ownEchoUntilMs) return;
    const lost = changedSeats.filter((seatNo) => this.chosen.has(seatNo) && seats[seatNo] !== FREE);
    if (lost.length > 0) this.lose(lost, []);
  }

  /** @param {Map<number, number>} available */
  areasChanged(available) {
    this.available = available;
    if (this.step !== "choose" || this.busy !== "") return;
    for (const [areaNo, n] of this.wanted) {
      const left = available.get(areaNo) ?? 0;
      if (left >= n) continue;
      const { name } = this.venue.layout.areas[areaNo];
      this.want(areaNo, left);
      this.say("bad", left === 0 ? `${name} has just sold out.` : `Only ${plural(left, "place")} left in ${name}; your choice was reduced.`);
    }
  }

  // --- choosing ---------------------------------------------------------------------------------

  /** @param {number} seatNo */
  toggleSeat(seatNo) {
    if (!this.mayChoose()) return;
    if (this.chosen.delete(seatNo)) {
      this.say("quiet", `${this.venue.label(seatNo)} put back.`);
      return;
    }
    const state = this.seats?.[seatNo];
    const label = this.venue.label(seatNo);
    if (state === HELD) this.say("info", `Someone else is deciding about ${label}. It may come free again.`);
    else if (state === SOLD) this.say("info", `${label} is sold.`);
    else if (state !== FREE) this.say("info", `${label} is not for sale.`);
    else if (this.withinLimit(1)) {
      this.chosen.add(seatNo);
      const price = this.seatPrice(seatNo);
      this.say("quiet", `${label} chosen${price ? `, ${money(price)}` : ""}.`);
    }
  }

  /** @param {number} areaNo @param {number} quantity */
  setArea(areaNo, quantity) {
    if (!this.mayChoose()) return;
    const before = this.wanted.get(areaNo) ?? 0;
    const left = this.available.get(areaNo) ?? 0;
    const { name } = this.venue.layout.areas[areaNo];
    if (quantity > left) this.say("info", left === 0 ? `${name} is sold out.` : `Only ${plural(left, "place")} left in ${name}.`);
    else if (quantity < before || this.withinLimit(quantity - before)) {
      this.want(areaNo, Math.max(0, quantity));
      this.say("quiet", `${plural(Math.max(0, quantity), "place")} in ${name}.`);
    }
  }

  /** @param {number} areaNo @param {number} quantity */
  want(areaNo, quantity) {
    if (quantity > 0) this.wanted.set(areaNo, quantity);
    else this.wanted.delete(areaNo);
  }

  mayChoose() {
    if (this.step === "choose" && this.busy === "") return true;
    if (this.step === "held") this.say("info", "You are holding seats. Choose “Change seats” to pick others.");
    return false;
  }

  /** @param {number} more */
  withinLimit(more) {
    if (this.quantity + more <= this.event.buyer_limit) return true;
    this.say("info", `One person can have up to ${plural(this.event.buyer_limit, "place")} at this event.`);
    return false;
  }

  // --- holding ----------------------------------------------------------------------------------

  async holdChosen() {
    if (this.step !== "choose" || this.busy !== "" || this.quantity === 0) return;
    await this.doing("holding", async () => {
      for (;;) {
        try {
          this.enterHold(await this.requestHold());
          return;
        } catch (error) {
          const own = error instanceof ApiError && error.code === "seat-unavailable" && Date.now() < this.ownEchoUntilMs;
          if (!own) throw error;
          await sleep(ECHO_RETRY_MS);
        }
      }
    });
    this.dropLost();
  }

  async requestHold() {
    /** @type {{ hold_id: string, seats?: number[], areas?: Record<string, number> }} */
    const wish = { hold_id: newId() };
    if (this.chosen.size > 0) wish.seats = [...this.chosen].sort((a, b) => a - b);
    if (this.wanted.size > 0) wish.areas = Object.fromEntries(this.wanted);
    // Known before it exists: should the answer be lost, a reload still finds the hold.
    remember(this.holdKey, wish.hold_id);
    try {
      return await this.api.hold(this.event.event_id, wish);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 0)) forget(this.holdKey);
      throw error;
    }
  }

  /** @param {Hold} hold */
  enterHold(hold) {
    this.hold = hold;
    this.step = "held";
    this.notice = { tone: "quiet", text: "Held for you." };
    this.chosen = new Set(hold.seats.map((s) => s.seat_no));
    this.wanted = new Map(hold.areas.map((a) => [a.area_no, a.quantity]));
    remember(this.holdKey, hold.hold_id);
    this.watchDeadline();
  }

  watchDeadline() {
    clearTimeout(this.deadline);
    if (this.hold === null) return;
    const leftMs = Date.parse(this.hold.expires_at) - this.api.nowMs();
    this.deadline = setTimeout(() => void this.deadlinePassed(), Math.max(0, leftMs) + 250);
  }

  async deadlinePassed() {
    if (this.step !== "held" || this.hold === null) return;
    if (this.busy !== "") {
      this.deadline = setTimeout(() => void this.deadlinePassed(), 1000);
      return;
    }
    try {
      // The server's clock decides; perhaps another tab has extended it.
      const hold = await this.api.getHold(this.hold.hold_id);
      if (hold.status === "held" && Date.parse(hold.expires_at) > this.api.nowMs()) {
        this.hold = hold;
        this.watchDeadline();
        this.changed();
        return;
      }
    } catch (error) {
      if (error instanceof ApiError && error.passing) {
        this.deadline = setTimeout(() => void this.deadlinePassed(), 2000);
        return;
      }
    }
    this.holdEnded("Your time ran out, so the seats went back on sale. If they are still free you can take them again.");
  }

  /** Back to choosing, with the same places chosen as far as they are free. @param {string} text */
  holdEnded(text) {
    clearTimeout(this.deadline);
    forget(this.holdKey);
    this.hold = null;
    this.step = "choose";
    this.ownEchoUntilMs = Date.now() + ECHO_MS;
    setTimeout(() => this.dropLost(), ECHO_MS);
    this.say("bad", text);
  }

  /** Changes that came while they could have been our own are looked at again. */
  dropLost() {
    if (this.step !== "choose" || this.seats === null) return;
    const seats = this.seats;
    const lost = [...this.chosen].filter((seatNo) => seats[seatNo] !== FREE);
    if (lost.length > 0) this.lose(lost, []);
  }

  async extend() {
    const hold = this.hold;
    if (this.step !== "held" || hold === null || this.busy !== "") return;
    await this.doing("extending", async () => {
      const before = Date.parse(hold.expires_at);
      this.hold = await this.api.extendHold(hold.hold_id);
      this.watchDeadline();
      const longer = Date.parse(this.hold.expires_at) - before > 1000;
      this.say("info", longer ? "You have more time." : "This is the longest the seats can be held for you.");
    });
  }

  /** Give the seats back; they stay chosen, so that changing one of them is easy. */
  async release() {
    const hold = this.hold;
    if (this.step !== "held" || hold === null || this.busy !== "") return;
    await this.doing("releasing", async () => {
      await this.api.releaseHold(hold.hold_id);
      this.holdEnded("");
      this.notice = { tone: "info", text: "Your hold is released. Change your choice and hold again when you are ready." };
    });
  }

  // --- paying -----------------------------------------------------------------------------------

  /**
   * @param {{ name: string, email: string }} buyer
   * @param {string} token of the payment provider
   */
  async pay(buyer, token) {
    const hold = this.hold;
    if (this.step !== "held" || hold === null || this.busy !== "") return;
    const body = { hold_id: hold.hold_id, buyer, payment: { provider: "sandbox", token } };
    const print = JSON.stringify(body);
    // The same wish keeps its key until it is answered, so paying twice by accident cannot happen.
    if (this.attempt?.print !== print) this.attempt = { print, key: newId() };
    const { key } = this.attempt;
    this.notice = null;
    await this.doing("paying", async () => {
      try {
        await this.enterBooking(await this.api.book(body, key));
      } catch (error) {
        if (!(error instanceof ApiError && error.passing)) this.attempt = null;
        throw error;
      }
    });
    if (this.step === "held") await this.refreshHold();
  }

  /** After a refusal: is the hold still there, and until when? */
  async refreshHold() {
    if (this.hold === null) return;
    try {
      const hold = await this.api.getHold(this.hold.hold_id);
      if (this.step !== "held") return;
      if (hold.status === "held") {
        this.hold = hold;
        this.watchDeadline();
      } else await this.resumeHold(hold);
    } catch (error) {
      if (error instanceof ApiError && !error.passing) this.holdEnded("The hold has ended. If the seats are still free you can take them again.");
    }
    this.changed();
  }

  /** @param {Booking} booking */
  async enterBooking(booking) {
    this.booking = booking;
    keepInAddress(booking.booking_id);
    switch (booking.status) {
      case "confirmed":
      case "cancelled":
        await this.finish();
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
      await sleep(waitMs);
      if (this.step !== "pending" || this.booking?.booking_id !== bookingId) return;
      try {
        const booking = await this.api.booking(bookingId);
        if (booking.status === "pending") {
          this.booking = booking;
          this.changed();
          continue;
        }
        await this.enterBooking(booking);
        this.changed();
        return;
      } catch (error) {
        if (error instanceof ApiError && error.passing) continue;
        this.explain(error);
        this.changed();
        return;
      }
    }
  }

  async finish() {
    clearTimeout(this.deadline);
    forget(this.holdKey);
    this.step = "done";
    this.notice = null;
    this.chosen.clear();
    this.wanted.clear();
    this.changed();
    const booking = this.booking;
    if (booking === null) return;
    for (let attempt = 1; attempt <= TICKET_TRIES; attempt++) {
      try {
        this.tickets = (await this.api.tickets(booking.booking_id)).items;
        if (this.tickets.length > 0 || booking.status === "cancelled") break;
      } catch (error) {
        if (attempt === TICKET_TRIES || !(error instanceof ApiError && error.passing)) {
          this.explain(error);
          break;
        }
      }
      await sleep(400 * attempt);
    }
    this.changed();
  }

  /** Declined or expired: back to the hold if it lives, else to the map. @param {Booking} booking */
  async bookingFailed(booking) {
    this.attempt = null;
    keepInAddress(null);
    const why = booking.status === "declined" ? "The payment was declined" : "The payment was not finished in time";
    try {
      const hold = await this.api.getHold(booking.hold_id);
      if (hold.status === "held") {
        this.enterHold(hold);
        this.say("bad", `${why}. Nothing was charged. Your seats are still held: try another card.`);
        return;
      }
    } catch {
      // Then it is gone for all we know.
    }
    this.chosen = new Set(booking.seats.map((s) => s.seat_no));
    this.wanted = new Map(booking.areas.map((a) => [a.area_no, a.quantity]));
    this.holdEnded(`${why}, and the seats went back on sale. If they are still free you can take them again.`);
  }

  // --- coming back ------------------------------------------------------------------------------

  /** After a reload, or back from the bank's page. @param {string | null} bookingId from the address */
  async resume(bookingId) {
    try {
      if (bookingId !== null) {
        await this.enterBooking(await this.api.booking(bookingId));
      } else {
        const holdId = recall(this.holdKey);
        if (typeof holdId === "string") await this.resumeHold(await this.api.getHold(holdId));
      }
    } catch (error) {
      if (error instanceof ApiError && !error.passing) {
        forget(this.holdKey);
        if (bookingId !== null) {
          keepInAddress(null);
          this.say("bad", "We could not find that booking. It may have been made in another browser.");
        }
      } else this.explain(error);
    }
    this.changed();
  }

  /** @param {Hold} hold */
  async resumeHold(hold) {
    if (hold.status === "held") {
      this.enterHold(hold);
      return;
    }
    if (hold.status === "paying" || hold.status === "booked") {
      this.hold = hold;
      const booking = (await this.api.bookings()).items.find((b) => b.hold_id === hold.hold_id);
      if (booking) {
        await this.enterBooking(booking);
        return;
      }
      if (hold.status === "paying") {
        this.enterHold(hold);
        return;
      }
    }
    this.chosen = new Set(hold.seats.map((s) => s.seat_no));
    this.wanted = new Map(hold.areas.map((a) => [a.area_no, a.quantity]));
    this.holdEnded("While you were away your time ran out, and the seats went back on sale. If they are still free you can take them again.");
  }

  // --- words ------------------------------------------------------------------------------------

  /**
   * Seats (or areas) that somebody else was quicker to take.
   *
   * @param {number[]} seats
   * @param {number[]} areas
   */
  lose(seats, areas) {
    for (const seatNo of seats) this.chosen.delete(seatNo);
    for (const areaNo of areas) this.wanted.delete(areaNo);
    const names = [...seats.map((s) => this.venue.label(s)), ...areas.map((a) => this.venue.layout.areas[a]?.name ?? "")];
    const shown = names.length > NAMED_MAX ? [...names.slice(0, NAMED_MAX - 1), `${names.length - NAMED_MAX + 1} more`] : names;
    const rest = this.quantity > 0 ? " The rest of your choice is kept." : "";
    const verb = names.length > 1 ? "were" : "was";
    this.say("bad", `${listed(shown)} ${verb} just taken by someone else.${rest}`);
  }

  /** @param {unknown} error */
  explain(error) {
    if (!(error instanceof ApiError)) throw error;
    const seats = Array.isArray(error.problem.seats) ? error.problem.seats.map(Number) : [];
    const areas = Array.isArray(error.problem.areas) ? error.problem.areas.map(Number) : [];
    switch (error.code) {
      case "seat-unavailable":
        if (this.step === "held") this.holdEnded("");
        if (seats.length + areas.length > 0) this.lose(seats, areas);
        else this.say("bad", error.detail);
        return;
      case "payment-declined":
        this.say("bad", `${DECLINES[error.problem.decline_code] ?? "The payment was declined."} Nothing was charged. Your seats are still held: try another card.`);
        return;
      case "gone":
      case "hold-expired":
      case "payment-too-late":
        this.holdEnded("Your time ran out, so the seats went back on sale. If they are still free you can take them again.");
        return;
      case "network":
        this.say("bad", this.step === "held" ? "We cannot reach the box office. Your seats stay held until the clock runs out: try again." : "We cannot reach the box office. Check your connection and try again.");
        return;
      default:
        this.say("bad", error.passing ? `The box office is catching its breath. ${sentence(error.detail)} Please try again in a moment.` : sentence(error.detail));
    }
  }

  /** @param {Notice["tone"]} tone @param {string} text empty: nothing to say */
  say(tone, text) {
    this.notice = text === "" ? null : { tone, text };
    this.changed();
  }

  /**
   * @param {Exclude<Journey["busy"], "">} what
   * @param {() => Promise<void>} act
   */
  async doing(what, act) {
    this.busy = what;
    this.changed();
    try {
      await act();
    } catch (error) {
      this.explain(error);
    } finally {
      this.busy = "";
      this.changed();
    }
  }
}

/** @param {string} text */
function sentence(text) {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** The address names the booking, so that a reload (or a bookmark) shows its tickets. @param {string | null} bookingId */
function keepInAddress(bookingId) {
  const url = new URL(location.href);
  if (bookingId === null) url.searchParams.delete("booking");
  else url.searchParams.set("booking", bookingId);
  history.replaceState(null, "", url);
}
