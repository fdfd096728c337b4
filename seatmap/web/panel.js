// @ts-check
/**
 * The booking panel: shows a Journey, and passes on what the buyer does. The markup is in event.html.
 *
 * @import { AreaItem, EventPage, SeatItem, Ticket } from "./api.js"
 * @import { Journey, Step } from "./journey.js"
 * @import { Palette } from "./palette.js"
 */
import { byId, h, svgAddress } from "./dom.js";
import { clock, count, countdown, longDate, money, plural } from "./format.js";
import { icon } from "./legend.js";
import { seatNotes } from "./drawing.js";
import { FREE } from "./protocol.js";

const HURRY_MS = 60_000;
const TICK_MS = 250;
/** A sale in full swing changes the counts many times a second; nobody can read that. */
const COUNT_MS = 500;
/** @type {Step[]} */
const STEPS = ["choose", "held", "pending", "done"];
const EMAIL = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;

export class Panel {
  /** @param {Journey} journey @param {EventPage} event */
  constructor(journey, event) {
    this.journey = journey;
    this.event = event;
    /** @type {Step | null} */
    this.shownStep = null;
    this.clockFullMs = event.hold_ttl_s * 1000;
    this.saidHurry = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.countTimer = undefined;
    this.hold = /** @type {HTMLButtonElement} */ (byId("hold"));
    this.payButton = /** @type {HTMLButtonElement} */ (byId("pay-button"));
    this.form = /** @type {HTMLFormElement} */ (byId("pay"));
    this.name = /** @type {HTMLInputElement} */ (byId("name"));
    this.email = /** @type {HTMLInputElement} */ (byId("email"));
    this.card = /** @type {HTMLSelectElement} */ (byId("card"));
    this.hold.addEventListener("click", () => void journey.holdChosen());
    byId("extend").addEventListener("click", () => void journey.extend());
    byId("release").addEventListener("click", () => void journey.release());
    byId("print").addEventListener("click", () => print());
    byId("again").setAttribute("href", `/events/${event.event_id}`);
    this.form.addEventListener("submit", (submit) => {
      submit.preventDefault();
      this.pay();
    });
    setInterval(() => this.showClock(), TICK_MS);
  }

  pay() {
    const name = this.name.value.trim();
    const email = this.email.value.trim();
    const wrong = [
      this.complain(this.name, name === "" ? "Who are the tickets for?" : ""),
      this.complain(this.email, EMAIL.test(email) ? "" : "We need an e-mail address, like ada@example.com."),
    ].find((field) => field !== null);
    if (wrong) wrong.focus();
    else void this.journey.pay({ name, email }, this.card.value);
  }

  /** @param {HTMLInputElement} field @param {string} text empty: nothing wrong @returns {HTMLInputElement | null} */
  complain(field, text) {
    const error = byId(`${field.id}-error`);
    error.textContent = text;
    error.hidden = text === "";
    field.setAttribute("aria-invalid", String(text !== ""));
    return text === "" ? null : field;
  }

  show() {
    const { journey } = this;
    for (const step of STEPS) byId(`step-${step}`).hidden = step !== journey.step;
    document.body.classList.toggle("done", journey.step === "done");
    this.showNotice();
    if (journey.step === "choose") this.showChoice();
    if (journey.step === "held") this.showHeld();
    if (journey.step === "pending") this.showPending();
    if (journey.step === "done") this.showTickets();
    if (this.shownStep !== null && this.shownStep !== journey.step) {
      byId(`title-${journey.step}`).focus({ preventScroll: true });
      byId("panel").scrollTo({ top: 0 });
      if (journey.step === "done") scrollTo({ top: 0 });
      // On a phone the panel is below the map.
      else if (journey.step !== "choose") byId("panel").scrollIntoView({ block: "start" });
    }
    this.shownStep = journey.step;
  }

  showNotice() {
    const { notice } = this.journey;
    const box = byId("notice");
    const shown = notice !== null && notice.tone !== "quiet";
    const spoken = byId("spoken");
    // Visible words are a live region themselves: each is said once, by one of the two.
    const aloud = notice !== null && !shown ? notice.text : "";
    if (spoken.textContent !== aloud) spoken.textContent = aloud;
    box.className = shown ? `notice ${notice.tone}` : "";
    const text = shown ? notice.text : "";
    if (box.textContent !== text) box.textContent = text;
  }

  showChoice() {
    const { journey } = this;
    const { venue, quantity, total } = journey;
    const hint = this.hint();
    byId("choose-hint").textContent = hint;
    byId("choose-hint").hidden = hint === "";
    byId("chosen").replaceChildren(
      ...[...journey.chosen].map((seatNo) => {
        const { category, flags } = venue.place(seatNo);
        const price = journey.seatPrice(seatNo);
        const label = venue.label(seatNo);
        const kind = [venue.layout.categories[category].name, ...seatNotes(flags)].join(" · ");
        const remove = h("button", { type: "button", "aria-label": `Put back ${label}`, onclick: () => journey.toggleSeat(seatNo) }, "×");
        return item(label, kind, price ? money(price) : "", remove);
      }),
    );
    this.showAreas();
    byId("choose-foot").classList.toggle("idle", quantity === 0);
    byId("choose-count").textContent = quantity === 0 ? "" : plural(quantity, "place");
    byId("choose-total").textContent = quantity > 0 && total ? money(total) : "";
    this.hold.disabled = quantity === 0 || !journey.onSale || journey.busy !== "";
    this.hold.textContent = journey.busy === "holding" ? "Holding…" : quantity > 1 ? "Hold these places" : "Hold this place";
    if (quantity === 0) this.hold.textContent = "Choose a place first";
  }

  hint() {
    const { journey } = this;
    if (journey.status === "paused") return "The sale is paused by the organiser. You can look around; seats can be taken when it goes on.";
    if (journey.status === "cancelled") return "This event is cancelled.";
    if (!journey.onSale) return "This event is not on sale yet.";
    if (journey.quantity > 0) return "";
    const seats = journey.venue.seatCount > 0;
    const areas = journey.venue.layout.areas.length > 0;
    const what = seats && areas ? "Tap free seats on the map, or add standing places below." : areas ? "Say how many places you want." : "Tap the free seats you want on the map.";
    return `${what} Up to ${count(this.event.buyer_limit)} per person.`;
  }

  /** What each category of seats costs and how many are free. @param {Palette} palette */
  showCategories(palette) {
    const { layout } = this.journey.venue;
    const used = new Set(layout.seats.category);
    byId("categories").replaceChildren(
      ...layout.categories.flatMap(({ name }, category) => {
        if (!used.has(category)) return [];
        const price = this.journey.prices[category];
        return h(
          "li",
          {},
          icon(palette, category, FREE),
          h("span", { class: "name" }, name),
          h("span", { class: "left", id: `left-${category}` }),
          h("strong", {}, price ? money(price) : ""),
        );
      }),
    );
    this.countFree();
  }

  countSoon() {
    this.countTimer ??= setTimeout(() => this.countFree(), COUNT_MS);
  }

  countFree() {
    this.countTimer = undefined;
    const { seats, venue } = this.journey;
    if (seats === null) return;
    const { category } = venue.layout.seats;
    const left = venue.layout.categories.map(() => 0);
    for (let s = 0; s < seats.length; s++) if (seats[s] === FREE) left[category[s]]++;
    left.forEach((n, i) => {
      const shown = document.getElementById(`left-${i}`);
      if (shown !== null) shown.textContent = n === 0 ? "sold out" : `${count(n)} left`;
    });
  }

  showAreas() {
    const { journey } = this;
    const host = byId("areas");
    if (host.childElementCount === 0) host.append(...journey.venue.layout.areas.map((_, areaNo) => this.areaRow(areaNo)));
    journey.venue.layout.areas.forEach((_, areaNo) => {
      const left = journey.available.get(areaNo);
      const price = journey.areaPrice(areaNo);
      const own = journey.wanted.get(areaNo) ?? 0;
      const words = [price ? money(price) : null, left === undefined ? null : left === 0 ? "sold out" : `${count(left)} left`];
      byId(`area-${areaNo}-facts`).textContent = words.filter(Boolean).join(" · ");
      byId(`area-${areaNo}-own`).textContent = String(own);
      byId(`area-${areaNo}-less`).setAttribute("aria-disabled", String(own === 0));
      byId(`area-${areaNo}-more`).setAttribute("aria-disabled", String(left !== undefined && own >= left));
    });
  }

  /** @param {number} areaNo */
  areaRow(areaNo) {
    const { journey } = this;
    const { name } = journey.venue.layout.areas[areaNo];
    const step = (/** @type {number} */ by) => () => {
      const own = journey.wanted.get(areaNo) ?? 0;
      if (own + by >= 0) journey.setArea(areaNo, own + by);
    };
    return h(
      "div",
      { class: "area", role: "group", "aria-label": name },
      h("p", { class: "name" }, name, h("span", { class: "kind", id: `area-${areaNo}-facts` })),
      h(
        "div",
        { class: "stepper" },
        h("button", { type: "button", id: `area-${areaNo}-less`, "aria-label": `One fewer in ${name}`, onclick: step(-1) }, "−"),
        h("output", { id: `area-${areaNo}-own` }, "0"),
        h("button", { type: "button", id: `area-${areaNo}-more`, "aria-label": `One more in ${name}`, onclick: step(1) }, "+"),
      ),
    );
  }

  showHeld() {
    const { journey } = this;
    const { hold, busy } = journey;
    if (hold === null) return;
    byId("held").replaceChildren(...itemsOf(hold));
    const idle = busy === "";
    this.payButton.disabled = !idle;
    this.payButton.textContent = busy === "paying" ? "Paying…" : `Pay ${money(hold.total)}`;
    for (const id of ["extend", "release"]) /** @type {HTMLButtonElement} */ (byId(id)).disabled = !idle;
    for (const field of [this.name, this.email, this.card]) field.disabled = busy === "paying";
    this.showClock();
  }

  showClock() {
    const { hold, step, api } = this.journey;
    if (step !== "held" || hold === null) {
      this.saidHurry = false;
      return;
    }
    const leftMs = Date.parse(hold.expires_at) - api.nowMs();
    this.clockFullMs = Math.max(this.clockFullMs, leftMs);
    const words = countdown(leftMs);
    const shown = byId("clock-left");
    if (shown.textContent === words) return;
    shown.textContent = words;
    byId("clock-bar").style.transform = `scaleX(${Math.max(0, leftMs / this.clockFullMs)})`;
    const hurry = leftMs < HURRY_MS;
    byId("clock").classList.toggle("hurry", hurry);
    // Said once: a screen reader that counted every second aloud would be unbearable.
    if (hurry && !this.saidHurry) this.journey.say("info", "Less than a minute left to pay. You can ask for more time.");
    this.saidHurry = hurry;
  }

  showPending() {
    const action = this.journey.booking?.next_action ?? null;
    const link = byId("pending-link");
    const toBank = action?.type === "redirect";
    link.hidden = !toBank;
    if (toBank) link.setAttribute("href", action.url);
    byId("pending-text").textContent = toBank
      ? "Your bank wants to know that it is you. Your seats are safe while you confirm."
      : "The bank has not answered yet, so we are asking again. Your seats are safe: stay on this page or come back to it later.";
  }

  showTickets() {
    const { booking, tickets } = this.journey;
    if (booking === null) return;
    const cancelled = booking.status === "cancelled";
    byId("title-done").textContent = cancelled ? "This booking was cancelled" : "You’re going";
    const refund = booking.refunded ? ` ${money(booking.refunded)} were refunded.` : "";
    byId("done-text").textContent = cancelled
      ? `Booking ${booking.reference}.${refund}`
      : `Booking ${booking.reference} for ${booking.buyer.name}, ${money(booking.total)} paid. Show the code below at the door, on paper or on a phone.`;
    byId("print").hidden = cancelled || tickets.length === 0;
    byId("tickets").replaceChildren(...tickets.map((ticket) => this.ticketCard(ticket)));
  }

  /** @param {Ticket} ticket */
  ticketCard(ticket) {
    const { name, starts_at, venue } = this.event;
    const when = `${longDate(starts_at, venue.timezone)}, ${clock(starts_at, venue.timezone)}`;
    return h(
      "li",
      { class: `ticket ${ticket.status}` },
      h(
        "div",
        { class: "words" },
        h("p", { class: "event-name" }, name),
        h("h3", {}, ticket.label),
        h("p", {}, when),
        h("p", {}, [venue.name, venue.city].filter(Boolean).join(", ")),
        h("p", {}, ticket.category),
        h("p", { class: "code" }, ticket.status === "void" ? "No longer valid" : ticket.code),
      ),
      ticket.qr_svg && ticket.status === "valid"
        ? h("div", { class: "scan" }, h("img", { src: svgAddress(ticket.qr_svg), alt: `QR code of the ticket for ${ticket.label}` }))
        : null,
    );
  }
}

/** @param {{ seats: SeatItem[], areas: AreaItem[] }} hold */
function itemsOf({ seats, areas }) {
  return [
    ...seats.map((seat) => item(seat.label, seat.category, money(seat.price))),
    ...areas.map((area) => item(`${area.quantity} × ${area.label}`, area.category, money({ ...area.price, amount: area.price.amount * area.quantity }))),
  ];
}

/** @param {string} place @param {string} kind @param {string} price @param {HTMLElement} [action] */
function item(place, kind, price, action) {
  return h(
    "li",
    action ? {} : { class: "fixed" },
    h("span", { class: "place" }, place, h("span", { class: "kind" }, kind)),
    h("span", { class: "price" }, price),
    action,
  );
}
