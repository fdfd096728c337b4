// @ts-check
/**
 * The booking panel: shows a Journey, and passes on what the buyer does. The markup is in seat-map.html.
 *
 * @import { AreaItem, EventPage, SeatItem, Step, Ticket } from "./types.js"
 * @import { finder } from "./dom.js"
 * @import { Journey } from "./journey.js"
 */
import { h, svgAddress } from "./dom.js";
import { clock, count, countdown, longDate, money, plural, sum } from "./format.js";
import { seatNotes } from "./drawing.js";
import { recall, remember } from "./memory.js";

const HURRY_MS = 60_000;
const TICK_MS = 250;
const BUYER = "tab.buyer";
/** @type {Step[]} */
const STEPS = ["choose", "held", "pending", "done"];
const EMAIL = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;

export class Panel {
  /** @param {HTMLElement} host @param {ReturnType<typeof finder>} byId @param {Journey} journey @param {EventPage} event */
  constructor(host, byId, journey, event) {
    this.host = host;
    this.byId = byId;
    this.journey = journey;
    this.event = event;
    /** @type {Step | null} */
    this.shownStep = null;
    this.shownChoice = "";
    this.shownTickets = "";
    this.clockFullMs = event.hold_ttl_s * 1000;
    this.saidHurry = false;
    /** @type {(id: string) => any} */
    const control = byId;
    this.hold = control("hold");
    this.fields = ["name", "email", "card"].map(control);
    const [name, email, card] = this.fields;
    this.hold.onclick = () => journey.holdChosen();
    byId("extend").onclick = () => journey.extend();
    byId("release").onclick = () => journey.release();
    byId("print").onclick = () => print();
    byId("again").onclick = () => journey.restart();
    byId("take").onclick = () => {
      journey.takeSuggested();
      this.hold.focus();
    };
    const buyer = () => ({ name: name.value.trim(), email: email.value.trim() });
    const form = byId("pay");
    // Of a double click on the button that held the seats, the second is no wish to pay.
    byId("pay-button").onclick = (click) => click.detail < 2;
    form.oninput = () => remember(BUYER, buyer());
    form.onsubmit = (submit) => {
      submit.preventDefault();
      const wrong = [
        this.complain(name, buyer().name === "" ? "Who are the tickets for?" : ""),
        this.complain(email, EMAIL.test(buyer().email) ? "" : "We need an e-mail address, like ada@example.com."),
      ].find(Boolean);
      if (wrong) wrong.focus();
      else void journey.pay(buyer(), card.value);
    };
    const typed = recall(BUYER);
    name.value = typed?.name ?? "";
    email.value = typed?.email ?? "";
    byId("about").hidden = !event.description;
    this.put("about-text", event.description ?? "");
    byId("areas").append(...journey.venue.layout.areas.map(({ name }, areaNo) => this.areaRow(name, areaNo)));
    this.ticking = setInterval(() => this.showClock(), TICK_MS);
  }

  end() {
    clearInterval(this.ticking);
  }

  /** Live regions speak when they are written to, so only news is. @param {string} id @param {string} text */
  put(id, text) {
    const element = this.byId(id);
    if (element.textContent !== text) element.textContent = text;
  }

  /** @param {HTMLInputElement} field @param {string} text empty: nothing wrong */
  complain(field, text) {
    this.put(`${field.id}-error`, text);
    this.byId(`${field.id}-error`).hidden = text === "";
    field.setAttribute("aria-invalid", String(text !== ""));
    return text && field;
  }

  show() {
    const { byId, host, journey, shownStep } = this;
    const { step } = journey;
    for (const other of STEPS) byId(`step-${other}`).hidden = other !== step;
    host.setAttribute("step", step);
    this.showNotice();
    if (step === "choose") this.showChoice();
    if (step === "held") this.showHeld();
    if (step === "pending") this.showPending();
    if (step === "done") this.showTickets();
    this.shownStep = step;
    if (shownStep === null || shownStep === step) return;
    // Who is busy elsewhere in the page is not torn away from there.
    const { activeElement, body } = document;
    if (activeElement && activeElement !== body && !host.matches(":focus-within")) return;
    const title = byId(`title-${step}`);
    title.focus({ preventScroll: true });
    byId("panel").scrollTo({ top: 0 });
    const { top, bottom } = title.getBoundingClientRect();
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    // On a phone the panel is below the map.
    if (top < 0 || bottom > innerHeight / 2) byId(step === "choose" ? "stage" : "panel").scrollIntoView({ behavior });
  }

  showNotice() {
    const { byId, journey } = this;
    const { notice, suggested } = journey;
    // Visible words are a live region themselves: each is said once, by one of the two.
    const quiet = notice?.tone === "quiet";
    byId("notice").className = notice && !quiet ? `notice ${notice.tone}` : "";
    this.put("notice", (!quiet && notice?.text) || "");
    this.put("spoken", (quiet && notice?.text) || "");
    const several = suggested.length > 1;
    const price = sum(suggested.flatMap((s) => journey.seatPrice(s) ?? []));
    byId("instead").hidden = suggested.length === 0;
    this.put("instead-text", `${journey.seatsWords(suggested)} ${several ? "are" : "is"} free${price ? `, ${money(price)}` : ""}.`);
    this.put("take", several ? "Take these instead" : "Take it instead");
  }

  showChoice() {
    const { byId, hold, journey } = this;
    const { busy, quantity, total } = journey;
    const hint = this.hint();
    this.put("choose-hint", hint);
    byId("choose-hint").hidden = hint === "";
    this.showChosen();
    this.showAreas();
    byId("choose-foot").classList.toggle("idle", quantity === 0);
    this.put("choose-count", plural(quantity, "place"));
    this.put("choose-total", total ? money(total) : "");
    hold.disabled = quantity === 0 || !journey.onSale || busy !== "";
    this.put("hold", busy === "holding" ? "Holding…" : quantity > 1 ? "Hold these places" : quantity > 0 ? "Hold this place" : "Choose a place first");
  }

  showChosen() {
    const { byId, journey } = this;
    const { venue } = journey;
    const rows = [...journey.chosen].map((seatNo) => {
      const { category, flags } = venue.place(seatNo);
      const price = journey.seatPrice(seatNo);
      return { seatNo, label: venue.label(seatNo), kind: [venue.layout.categories[category].name, ...seatNotes(flags)].join(" · "), price: price ? money(price) : "" };
    });
    const choice = JSON.stringify(rows);
    if (choice === this.shownChoice) return;
    this.shownChoice = choice;
    const list = byId("chosen");
    const buttons = () => [...list.querySelectorAll("button")];
    const at = buttons().findIndex((button) => button.matches(":focus"));
    list.replaceChildren(
      ...rows.map(({ seatNo, label, kind, price }) =>
        item(label, kind, price, h("button", { type: "button", "aria-label": `Put back ${label}`, onclick: () => journey.toggleSeat(seatNo) }, "×")),
      ),
    );
    // Who puts seats back by keyboard stays where the next one is.
    if (at >= 0) (buttons()[Math.min(at, rows.length - 1)] ?? byId("title-choose")).focus();
  }

  hint() {
    const { journey } = this;
    if (journey.status === "paused") return "The sale is paused by the organiser. You can look around; seats can be taken when it goes on.";
    if (journey.status === "cancelled") return "This event is cancelled.";
    if (!journey.onSale) return "This event is not on sale yet.";
    if (journey.quantity > 0) return "";
    const areas = journey.venue.layout.areas.length > 0;
    if (journey.soldOut) return "Everything is taken just now. What comes free again is shown here at once.";
    const what = journey.venue.seatCount === 0 ? "Say how many places you want." : areas ? "Tap free seats on the map, or add standing places below." : "Tap the free seats you want on the map.";
    return `${what} Up to ${count(this.event.buyer_limit)} per person.`;
  }

  showAreas() {
    const { byId, journey } = this;
    journey.venue.layout.areas.forEach((_, areaNo) => {
      const left = journey.available.get(areaNo);
      const price = journey.areaPrice(areaNo);
      const own = journey.wanted.get(areaNo) ?? 0;
      const words = [price && money(price), left === undefined ? "" : left === 0 ? "sold out" : `${count(left)} left`];
      this.put(`area-${areaNo}-facts`, words.filter(Boolean).join(" · "));
      this.put(`area-${areaNo}-own`, String(own));
      byId(`area-${areaNo}-less`).ariaDisabled = String(own === 0);
      byId(`area-${areaNo}-more`).ariaDisabled = String(left !== undefined && own >= left);
    });
  }

  /** @param {string} name @param {number} areaNo */
  areaRow(name, areaNo) {
    const { journey } = this;
    const step = (/** @type {number} */ by, /** @type {string} */ id, /** @type {string} */ words, /** @type {string} */ sign) => {
      const onclick = () => journey.setArea(areaNo, Math.max(0, (journey.wanted.get(areaNo) ?? 0) + by));
      return h("button", { type: "button", id: `area-${areaNo}-${id}`, "aria-label": `${words} in ${name}`, onclick }, sign);
    };
    return h(
      "div",
      { class: "area", role: "group", "aria-label": name },
      h("p", { class: "name" }, name, h("span", { class: "kind", id: `area-${areaNo}-facts` })),
      h("div", { class: "stepper" }, step(-1, "less", "One fewer", "−"), h("output", { id: `area-${areaNo}-own` }), step(1, "more", "One more", "+")),
    );
  }

  showHeld() {
    const { byId, fields, journey } = this;
    const { hold, busy } = journey;
    if (hold === null) return;
    byId("held").replaceChildren(...itemsOf(hold));
    this.put("pay-button", busy === "paying" ? "Paying…" : `Pay ${money(hold.total)}`);
    for (const id of ["extend", "release", "pay-button"]) /** @type {HTMLButtonElement} */ (byId(id)).disabled = busy !== "";
    for (const field of fields) field.disabled = busy === "paying";
    this.showClock();
  }

  showClock() {
    const { byId, journey } = this;
    const { hold, step, api } = journey;
    if (step !== "held" || hold === null) {
      this.saidHurry = false;
      return;
    }
    const leftMs = Date.parse(hold.expires_at) - api.nowMs();
    const hurry = leftMs < HURRY_MS;
    this.clockFullMs = Math.max(this.clockFullMs, leftMs);
    this.put("clock-left", countdown(leftMs));
    byId("clock-bar").style.transform = `scaleX(${Math.max(0, leftMs / this.clockFullMs)})`;
    byId("clock").classList.toggle("hurry", hurry);
    // Said once: a screen reader that counted every second aloud would be unbearable.
    const news = hurry && !this.saidHurry;
    this.saidHurry = hurry;
    if (news) journey.say("info", "Less than a minute left to pay. You can ask for more time.");
  }

  showPending() {
    const action = this.journey.booking?.next_action;
    const link = /** @type {HTMLAnchorElement} */ (this.byId("pending-link"));
    const toBank = action?.type === "redirect";
    link.hidden = !toBank;
    link.href = action?.url ?? "";
    // The bank leads back to our own page, so somebody else's stays open beside it.
    if (!this.host.hasAttribute("booking")) link.target = "_blank";
    const words = toBank ? "Your bank wants to know that it is you. Your seats are safe while you confirm." : "The bank has not answered yet, so we are asking again. Your seats are safe: stay on this page or come back to it later.";
    this.put("pending-text", words);
  }

  showTickets() {
    const { byId } = this;
    const { booking, tickets } = this.journey;
    if (booking === null) return;
    const { buyer, reference, refunded, total } = booking;
    const cancelled = booking.status === "cancelled";
    this.put("title-done", cancelled ? "This booking was cancelled" : "You’re going");
    const words = cancelled ? `.${refunded ? ` ${money(refunded)} were refunded.` : ""}` : ` for ${buyer.name}, ${money(total)} paid. Show the code below at the door, on paper or on a phone.`;
    this.put("done-text", `Booking ${reference}${words}`);
    byId("print").hidden = cancelled || tickets.length === 0;
    // Somebody may be copying a code.
    const shown = JSON.stringify(tickets);
    if (shown === this.shownTickets) return;
    this.shownTickets = shown;
    byId("tickets").replaceChildren(...tickets.map((ticket) => this.ticketCard(ticket)));
  }

  /** @param {Ticket} ticket */
  ticketCard({ category, code, label, qr_svg, status }) {
    const { name, starts_at, venue } = this.event;
    const lines = [`${longDate(starts_at, venue.timezone)}, ${clock(starts_at, venue.timezone)}`, [venue.name, venue.city].filter(Boolean).join(", "), category];
    const valid = status === "valid";
    return h(
      "li",
      { class: `ticket ${status}` },
      h("div", { class: "words" }, h("p", { class: "event-name" }, name), h("h3", {}, label), ...lines.map((line) => h("p", {}, line)), h("p", { class: "code" }, valid ? code : "No longer valid")),
      qr_svg && valid ? h("div", { class: "scan" }, h("img", { src: svgAddress(qr_svg), alt: `QR code of the ticket for ${label}` })) : null,
    );
  }
}

/** @param {{ seats: SeatItem[], areas: AreaItem[] }} hold */
function itemsOf({ seats, areas }) {
  return [
    ...seats.map(({ label, category, price }) => item(label, category, money(price))),
    ...areas.map(({ quantity, label, category, price }) => item(`${quantity} × ${label}`, category, money({ ...price, amount: price.amount * quantity }))),
  ];
}

/** @param {string} place @param {string} kind @param {string} price @param {HTMLElement} [action] */
function item(place, kind, price, action) {
  return h("li", action ? {} : { class: "fixed" }, h("span", { class: "place" }, place, h("span", { class: "kind" }, kind)), h("span", { class: "price" }, price), action);
}
