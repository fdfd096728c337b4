// @ts-check
/**
 * The booking panel: shows a Journey and a Waitlist, and passes on the buyer's actions. The markup, with most
 * of the words, is in seat-map.html.
 *
 * @import { AreaItem, Entry, EventPage, Money, SeatItem, Ticket, Wanted } from "./types.js"
 * @import { finder } from "./dom.js"
 * @import { Journey } from "./journey.js"
 * @import { Waitlist } from "./waitlist.js"
 */
import { isAddress } from "./address.js";
import { priceHistory, priceNote, showTrend } from "./choosing.js";
import { h, svgAddress } from "./dom.js";
import { clock, countdown, digitsOf, listed, longDate, money, sum } from "./format.js";
import { COMPANION, seatNotes, WHEELCHAIR } from "./layout.js";
import { recall, remember } from "./memory.js";
import { spoken, text } from "./texts.js";
import { ticketWords } from "./ticket.js";
import { placeText } from "./told.js";

const HURRY_MS = 60_000;
const TICK_MS = 250;
const BUYER = "tab.buyer";
/** The journey's steps, and the form of the waitlist in place of the first. */
const VIEWS = ["cancelled", "choose", "wait", "held", "pending", "done"];

/** More sections than this are folded up. */
const OPEN_MAX = 12;

export class Panel {
  /** @param {HTMLElement} host @param {ReturnType<typeof finder>} byId @param {Journey} journey @param {Waitlist} waitlist */
  constructor(host, byId, journey, waitlist) {
    const { event } = journey;
    this.host = host;
    this.byId = byId;
    this.journey = journey;
    this.event = event;
    this.waitlist = waitlist;
    this.shownView = "";
    this.shownChoice = "";
    this.shownTickets = "";
    this.shownOthers = "";
    this.clockFullMs = event.hold_ttl_s * 1000;
    this.saidHurry = false;
    /** @type {(id: string) => any} */
    const control = byId;
    this.hold = control("hold");
    this.fields = ["name", "email", "card"].map(control);
    const [name, email, card] = this.fields;
    this.hold.onclick = () => journey.holdChosen();
    byId("release").onclick = () => journey.release();
    byId("pending-card").onclick = () => journey.withdraw(true);
    byId("pending-cancel").onclick = () => journey.withdraw(false);
    byId("own-tickets").onclick = () => journey.resume(journey.bought[journey.bought.length - 1]);
    byId("more").onclick = () => journey.more();
    byId("print").onclick = () => print();
    byId("again").onclick = () => journey.restart();
    byId("take").onclick = () => {
      journey.takeSuggested();
      this.hold.focus();
    };
    const buyer = () => ({ name: name.value.trim(), email: email.value.trim() });
    const isBuyer = () => buyer().name !== "" && isAddress(buyer().email);
    byId("extend").onclick = () => journey.extend(isBuyer() ? buyer() : undefined);
    const form = byId("pay");
    // The second half of a double click on the button that held the seats must not pay.
    byId("pay-button").onclick = (click) => click.detail < 2;
    form.oninput = () => remember(BUYER, buyer());
    form.onsubmit = (submit) => {
      submit.preventDefault();
      const wrong = [
        this.complain(name, buyer().name === "" ? text("nameMissing") : ""),
        this.complain(email, isAddress(buyer().email) ? "" : text("emailMissing")),
      ].find(Boolean);
      if (wrong) wrong.focus();
      else void journey.pay(buyer(), card.value);
    };
    const typed = recall(BUYER);
    name.value = typed?.name ?? "";
    email.value = typed?.email ?? "";
    byId("about").hidden = !event.description;
    this.put("about-text", event.description ?? "");
    byId("areas").append(...journey.venue.layout.areas.map((_, areaNo) => this.areaRow(areaNo)));
    /** For other things with a deadline. */
    this.tick = () => {};
    this.ticking = setInterval(() => {
      this.showClock();
      this.showOthers();
      this.tick();
    }, TICK_MS);
  }

  end() {
    clearInterval(this.ticking);
  }

  /** Live regions speak when they are written to, so only news is written. @param {string} id @param {string} words */
  put(id, words) {
    const element = this.byId(id);
    if (element.textContent !== words) element.textContent = words;
  }

  /** @param {HTMLInputElement} field @param {string} words empty: no error */
  complain(field, words) {
    this.put(`${field.id}-error`, words);
    this.byId(`${field.id}-error`).hidden = words === "";
    field.setAttribute("aria-invalid", String(words !== ""));
    return words && field;
  }

  show() {
    const { byId, host, journey, shownView, waitlist } = this;
    const { step } = journey;
    const isOff = journey.status === "cancelled" && (step === "choose" || step === "held");
    const view = isOff ? "cancelled" : step === "choose" && waitlist.form !== null ? "wait" : step;
    for (const other of VIEWS) byId(`step-${other}`).hidden = other !== view;
    host.setAttribute("step", step);
    host.toggleAttribute("cancelled", isOff);
    this.showNotice();
    this.showOthers();
    if (step === "choose") this.showChoice();
    byId("own-tickets").hidden = journey.bought.length === 0;
    if (step === "held") this.showHeld();
    if (step === "pending") this.showPending();
    if (step === "done") this.showTickets();
    this.shownView = view;
    if (shownView === "" || shownView === view) return;
    // The focus is not moved while the buyer is busy elsewhere in the page.
    const { activeElement, body } = document;
    if (activeElement && activeElement !== body && !host.matches(":focus-within")) return;
    const title = byId(`title-${shownView === "wait" && waitlist.waits ? "line" : view}`);
    title.focus({ preventScroll: true });
    byId("panel").scrollTo({ top: 0 });
    const { top, bottom } = title.getBoundingClientRect();
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    // On a phone the panel is below the map.
    if (top < 0 || bottom > innerHeight / 2) byId(view === "choose" && shownView !== "wait" ? "stage" : "panel").scrollIntoView({ behavior });
  }

  showNotice() {
    const { byId, journey } = this;
    const { notice, suggested } = journey;
    // The visible text is a live region itself: each message is spoken once, by one of the two.
    const quiet = notice?.tone === "quiet";
    byId("notice").className = notice && !quiet ? `notice ${notice.tone}` : "";
    this.put("notice", (!quiet && notice?.text) || "");
    this.put("spoken", (quiet && notice?.text) || "");
    const price = sum(suggested.flatMap((s) => journey.seatPrice(s) ?? []));
    byId("instead").hidden = suggested.length === 0 && byId("invite-lost").hidden;
    byId("instead-text").hidden = byId("take").hidden = suggested.length === 0;
    const values = { count: suggested.length, places: journey.seatsWords(suggested) };
    this.put("instead-text", price ? text("freeAt", { ...values, price: money(price) }) : text("free", values));
    this.put("take", text("takeInstead", values));
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
    this.put("choose-count", text("places", { count: quantity }));
    this.put("choose-total", total ? money(total) : "");
    hold.disabled = quantity === 0 || !journey.onSale || busy !== "";
    this.put("hold", busy === "holding" ? text("holding") : quantity > 0 ? text("holdPlaces", { count: quantity }) : text("chooseFirst"));
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
        item(label, kind, price, h("button", { type: "button", "aria-label": text("putBack", { place: label }), onclick: () => journey.toggleSeat(seatNo) }, "×")),
      ),
    );
    this.showAccess();
    // After a seat is put back by keyboard, the focus goes to the next one.
    if (at >= 0) (buttons()[Math.min(at, rows.length - 1)] ?? byId("title-choose")).focus();
  }

  /** Said before a place is held: it is meant for somebody. */
  showAccess() {
    const { byId, journey } = this;
    const { venue } = journey;
    const words = [WHEELCHAIR, COMPANION].flatMap((flag) => {
      const places = [...journey.chosen].filter((seatNo) => venue.place(seatNo).flags & flag).map((seatNo) => venue.label(seatNo));
      const values = { count: places.length, places };
      return places.length === 0 ? [] : flag === WHEELCHAIR ? text("isWheelchair", values) : text("isCompanion", values);
    });
    this.put("access", words.join(" "));
    byId("access").hidden = words.length === 0;
  }

  hint() {
    const { journey } = this;
    if (journey.status === "paused") return text("hintPaused");
    if (!journey.onSale) return text("hintNotOnSale");
    if (journey.quantity > 0) return "";
    const areas = journey.venue.layout.areas.length > 0;
    if (journey.soldOut) return text("hintTaken");
    const limit = { count: this.event.buyer_limit };
    if (journey.venue.seatCount === 0) return text("hintAreas", limit);
    return areas ? text("hintBoth", limit) : text("hintSeats", limit);
  }

  showAreas() {
    const { byId, journey } = this;
    journey.venue.layout.areas.forEach(({ category }, areaNo) => {
      const left = journey.available.get(areaNo);
      const price = journey.areaPrice(areaNo);
      const own = journey.wanted.get(areaNo) ?? 0;
      const words = [price && money(price), left === undefined ? "" : left === 0 ? text("soldOut") : text("left", { count: left })];
      this.put(`area-${areaNo}-facts`, words.filter(Boolean).join(" · "));
      this.put(`area-${areaNo}-price`, priceNote(this.event, category));
      showTrend(/** @type {Element} */ (byId(`area-${areaNo}-price`).parentElement), this.event, category);
      this.put(`area-${areaNo}-own`, String(own));
      byId(`area-${areaNo}-less`).ariaDisabled = String(own === 0);
      byId(`area-${areaNo}-more`).ariaDisabled = String(left !== undefined && own >= left);
    });
  }

  /** @param {number} areaNo */
  areaRow(areaNo) {
    const { journey } = this;
    const { areas, seats } = journey.venue.layout;
    const { category, name } = areas[areaNo];
    // Shown with the seats' prices, where there are such seats.
    const [trend, history] = seats.category.includes(category) ? [] : priceHistory(journey.api, this.event, category);
    const step = (/** @type {number} */ by, /** @type {string} */ id, /** @type {string} */ label, /** @type {string} */ sign) => {
      const onclick = () => journey.setArea(areaNo, Math.max(0, (journey.wanted.get(areaNo) ?? 0) + by));
      return h("button", { type: "button", id: `area-${areaNo}-${id}`, "aria-label": label, onclick }, sign);
    };
    return h(
      "div",
      { class: "area", role: "group", "aria-label": name },
      h("p", { class: "name" }, name, h("span", { class: "kind", id: `area-${areaNo}-facts` })),
      h("div", { class: "stepper" }, step(-1, "less", text("fewerIn", { area: name }), "−"), h("output", { id: `area-${areaNo}-own` }), step(1, "more", text("moreIn", { area: name }), "+")),
      trend,
      h("p", { class: "kind", id: `area-${areaNo}-price` }),
      history,
    );
  }

  showHeld() {
    const { byId, fields, journey } = this;
    const { hold, busy } = journey;
    if (hold === null) return;
    byId("held").replaceChildren(...itemsOf(hold, journey.venue));
    this.put("pay-total", money(hold.total));
    const free = !hold.total.amount;
    byId("card-field").hidden = free;
    this.put("clock-what", text(free ? "toBook" : "toPay"));
    this.put("pay-button", busy === "paying" ? text(free ? "booking" : "paying") : payWords(hold.total));
    byId("more").hidden = this.event.buyer_limit <= hold.seats.length + hold.areas.reduce((n, { quantity }) => n + quantity, 0);
    for (const id of ["extend", "release", "more", "pay-button"]) /** @type {HTMLButtonElement} */ (byId(id)).disabled = busy !== "";
    for (const field of fields) field.disabled = busy === "paying";
    this.showClock();
  }

  /** Holds made in another window, or before more was chosen. */
  showOthers() {
    const { byId, journey } = this;
    const { busy, others, step } = journey;
    byId("others").hidden = others.length === 0;
    const shown = JSON.stringify([others, step, busy]);
    if (shown !== this.shownOthers) {
      this.shownOthers = shown;
      const idle = busy === "" && step !== "pending";
      this.put("title-others", step === "choose" ? text("youHold") : text("youAlsoHold"));
      byId("other-holds").replaceChildren(
        ...others.map((of) => {
          const words = journey.placesWords(of);
          const button = h("button", { class: "button small", type: "button", disabled: !idle, "aria-label": text(of.total.amount ? "payFor" : "bookFor", { places: words }), onclick: () => journey.turnTo(of.hold_id) }, payWords(of.total));
          return h("li", {}, h("p", {}, h("span", {}, words), h("span", { class: "kind", role: "timer" })), of.status === "held" ? button : null);
        }),
      );
    }
    others.forEach(({ expires_at, status }, i) => {
      const left = byId("other-holds").children[i].querySelector(".kind");
      const words = status === "held" ? text("timeLeft", { time: countdown(Date.parse(expires_at) - journey.api.nowMs()) }) : text("paidElsewhere");
      if (left && left.textContent !== words) left.textContent = words;
    });
  }

  showClock() {
    const { booking, hold, step, api } = this.journey;
    this.byId("pending-time").hidden = !booking?.expires_at;
    if (step === "pending" && booking?.expires_at) this.put("pending-time", text("pendingLeft", { time: countdown(Date.parse(booking.expires_at) - api.nowMs()) }));
    if (step !== "held" || hold === null) {
      this.saidHurry = false;
      return;
    }
    this.clockFullMs = Math.max(this.clockFullMs, Date.parse(hold.expires_at) - api.nowMs());
    const hurry = this.showLeft("clock", hold.expires_at, this.clockFullMs);
    // Said once: a screen reader must not count every second aloud.
    const news = hurry && !this.saidHurry;
    this.saidHurry = hurry;
    if (news) this.journey.say("info", text("hurry"));
  }

  /** @param {string} id of what has a deadline @param {string} deadline @param {number} fullMs @returns {boolean} is there little left? */
  showLeft(id, deadline, fullMs) {
    const { byId, journey } = this;
    const leftMs = Date.parse(deadline) - journey.api.nowMs();
    const hurry = leftMs < HURRY_MS;
    this.put(`${id}-left`, countdown(leftMs));
    byId(`${id}-bar`).style.transform = `scaleX(${Math.max(0, leftMs / fullMs)})`;
    byId(id).classList.toggle("hurry", hurry);
    return hurry;
  }

  showPending() {
    const { booking, busy } = this.journey;
    const action = booking?.next_action;
    for (const id of ["pending-card", "pending-cancel"]) /** @type {HTMLButtonElement} */ (this.byId(id)).disabled = busy !== "";
    this.showClock();
    const link = /** @type {HTMLAnchorElement} */ (this.byId("pending-link"));
    const toBank = action?.type === "redirect";
    link.hidden = !toBank;
    link.href = action?.url ?? "";
    // The bank leads back to our own page, so a host page stays open beside it.
    if (!this.host.hasAttribute("booking")) link.target = "_blank";
    const words = toBank ? text("bankAsks") : text("bankSilent");
    this.put("pending-text", words);
  }

  showTickets() {
    const { byId } = this;
    const { booking, tickets } = this.journey;
    if (booking === null) return;
    const { buyer, reference, refunded, total } = booking;
    const cancelled = booking.status === "cancelled";
    this.put("title-done", cancelled ? text("bookingCancelled") : text("going"));
    const values = { reference, name: buyer.name, email: buyer.email, price: money(refunded ?? total) };
    this.put("done-text", text(!cancelled ? (total.amount ? "doneText" : "doneFree") : refunded ? "doneRefunded" : "doneCancelled", values));
    byId("print").hidden = cancelled || tickets.length === 0;
    const calendar = /** @type {HTMLAnchorElement} */ (byId("calendar"));
    calendar.hidden = cancelled;
    calendar.href = this.journey.api.calendar(booking.event_id);
    // The buyer may be copying a code.
    const shown = JSON.stringify(tickets);
    if (shown === this.shownTickets) return;
    this.shownTickets = shown;
    byId("tickets").replaceChildren(...tickets.map((ticket) => this.ticketCard(ticket)));
  }

  /** @param {Ticket} ticket */
  ticketCard(ticket) {
    const { category, code, label, qr_svg, seat_no, status } = ticket;
    const { name, starts_at, venue } = this.event;
    const notes = seat_no === null ? [] : seatNotes(this.journey.venue.place(seat_no).flags);
    const { booking } = this.journey;
    const lines = [`${longDate(starts_at, venue)}, ${clock(starts_at, venue)}`, [venue.name, venue.city].filter(Boolean).join(", "), [category, ...notes].join(" · "), booking ? ticketWords(ticket, booking) : ""];
    const valid = status === "valid";
    return h(
      "li",
      { class: `ticket ${status}` },
      h("div", { class: "words" }, h("p", { class: "event-name" }, name), h("h3", {}, placeText(label)), ...lines.map((line) => h("p", {}, line)), h("p", { class: "code" }, valid ? code : text("invalid"))),
      qr_svg && valid ? h("div", { class: "scan" }, h("img", { src: svgAddress(qr_svg), alt: text("qrCode", { place: placeText(label) }) })) : null,
    );
  }
}

/** What the button says that buys. @param {{ amount: number, currency: string }} total */
function payWords(total) {
  return total.amount ? text("pay", { price: money(total) }) : text("book");
}

/** The waitlist in the panel: the invitation, the entry, the offer. */
export class Waiting {
  /**
   * @param {Panel} panel @param {Waitlist} waitlist
   * @param {(names: Set<string> | null) => void} pick sections picked on the map; null: sections cannot be
   * picked
   */
  constructor(panel, waitlist, pick) {
    const { byId, journey } = panel;
    const { layout } = journey.venue;
    this.panel = panel;
    this.byId = byId;
    this.journey = journey;
    this.waitlist = waitlist;
    this.pick = pick;
    this.quantity = 0;
    /** @type {Partial<Wanted> | null} */
    this.filled = null;
    this.shownOffer = "";
    this.fields = ["together", "most", "name", "email"].map((name) => /** @type {any} */ (byId(`wait-${name}`)));
    this.names = [...new Set([...layout.sections, ...layout.areas].map(({ name }) => name))];
    const step = (/** @type {number} */ by) => () => {
      this.quantity = Math.min(journey.event.buyer_limit, Math.max(1, this.quantity + by));
      this.showForm();
    };
    const accept = () => void waitlist.accept();
    /** @type {Record<string, () => void>} */
    const acts = {
      "wait-fewer": step(-1),
      "wait-more": step(1),
      "wait-back": () => waitlist.close(),
      "invite-go": () => waitlist.ask(journey.soldOut ? {} : { categories: journey.gone }),
      "invite-lost": () => waitlist.ask(journey.notice?.unmet ?? {}),
      "line-change": () => waitlist.ask(waitlist.entry?.wanted ?? {}),
      "line-leave": () => this.confirm("leave", () => waitlist.leave()),
      decline: () => this.confirm("decline", () => waitlist.decline()),
      accept: () => (journey.step === "held" ? this.confirm("swap", accept) : accept()),
      "offer-show": () => {
        byId("stage").scrollIntoView({ block: "nearest" });
        waitlist.showSeats(this.seats);
      },
      "offer-pin": () => {
        byId("title-offer").focus({ preventScroll: true });
        byId("title-offer").scrollIntoView({ block: "center" });
      },
    };
    for (const [id, act] of Object.entries(acts)) byId(id).onclick = act;
    byId("wait-sections").onchange = () => this.showForm();
    byId("wait").onsubmit = (submit) => {
      submit.preventDefault();
      this.send();
    };
    panel.tick = () => this.showTime();
  }

  /** Seats of the open offer. */
  get seats() {
    return this.waitlist.offer?.seats.map((s) => s.seat_no) ?? [];
  }

  show() {
    const { byId, journey, panel, waitlist } = this;
    const { entry, form, offer, waits } = waitlist;
    const { gone, notice, soldOut, step } = journey;
    byId("invite-lost").hidden = waits || form !== null || notice?.unmet === undefined;
    const invite = byId("invite");
    invite.hidden = waits || !journey.onSale || !(soldOut || gone.length > 0);
    panel.put("invite-text", soldOut ? "" : text("goneCategories", { count: gone.length, categories: gone }));
    // When there is nothing to choose, the invitation comes first.
    const after = byId(soldOut ? "finder" : "categories");
    if (invite.previousElementSibling !== after) after.after(invite);
    byId("line").hidden = step !== "choose" || form !== null || entry?.status !== "waiting" || journey.status === "cancelled";
    if (entry !== null && waits) this.showLine(entry);
    if (form !== this.filled) this.fill(form);
    if (form !== null) this.showForm();
    for (const id of ["offer", "offer-pin", "key-offered"]) byId(id).hidden = offer === null;
    if (offer !== null) this.showOffer();
    else this.shownOffer = "";
  }

  // --- in line ----------------------------------------------------------------------------------

  /** @param {Entry} entry */
  showLine({ contact, estimate, offer_window_s: window_s, rank, waiting, wanted }) {
    const { panel } = this;
    panel.put("title-line", rank === 1 ? text("nextInLine", { waiting }) : rank ? text("rank", { count: rank, waiting }) : text("inLine"));
    const { categories, max_price: most, quantity, sections, together } = wanted;
    const places = together && quantity > 1 ? text("placesTogether", { count: quantity }) : text("places", { count: quantity });
    const price = most && text("upToEach", { count: quantity, price: money(this.amount(most)) });
    panel.put("line-wish", [places, listed(categories, "disjunction"), listed(sections, "disjunction"), price].filter(Boolean).join(" · "));
    const { low_s = null, high_s = null, basis = "" } = estimate ?? {};
    panel.put("line-estimate", low_s === null ? "" : text("perhaps", { time: span(low_s, high_s) }));
    // The server explains its figures in English.
    panel.put("line-basis", spoken() === "en" ? basis : "");
    panel.put("line-next", text("lineNext", { time: span(window_s, window_s) }));
    panel.put("line-mailed", contact.buyer ? text("lineMailed", { email: contact.buyer.email }) : text("lineUnmailed"));
  }

  /** @param {NonNullable<Wanted["max_price"]>} price @returns {Money} */
  amount(price) {
    return typeof price === "number" ? { amount: price, currency: this.journey.event.currency } : price;
  }

  // --- the form ---------------------------------------------------------------------------------

  /** @param {Partial<Wanted> | null} wish */
  fill(wish) {
    const { byId, journey, names, waitlist } = this;
    const { event, venue } = journey;
    this.filled = wish;
    this.pick(null);
    if (wish === null) return;
    const [together, most, name, email] = this.fields;
    this.quantity = Math.min(event.buyer_limit, wish.quantity ?? 2);
    together.checked = wish.together ?? true;
    most.value = wish.max_price ? this.amount(wish.max_price).amount / 10 ** digitsOf(event.currency) : "";
    const chips = (/** @type {string} */ what, /** @type {string[]} */ all, /** @type {string[]} */ ticked = []) => {
      byId(`wait-${what}`).replaceChildren(...all.map((value) => h("label", {}, h("input", { type: "checkbox", value, checked: ticked.includes(value) }), value)));
      byId(`wait-${what}-all`).hidden = all.length < 2;
    };
    chips("categories", venue.layout.categories.map((category) => category.name), wish.categories);
    chips("sections", names, wish.sections);
    byId("wait-sections-all").toggleAttribute("open", names.length <= OPEN_MAX);
    ({ name: name.value, email: email.value } = waitlist.entry?.contact.buyer ?? recall(BUYER) ?? { name: "", email: "" });
  }

  /** @param {"categories" | "sections"} what @returns {string[]} */
  ticked(what) {
    return [...this.byId(`wait-${what}`).querySelectorAll("input")].filter((box) => box.checked).map((box) => box.value);
  }

  /** Picked on the map. @param {string} name */
  toggle(name) {
    this.byId("wait-sections").querySelectorAll("input")[this.names.indexOf(name)].click();
  }

  showForm() {
    const { byId, panel, quantity, waitlist } = this;
    panel.put("wait-count", String(quantity));
    byId("wait-side").hidden = quantity < 2;
    byId("step-wait").toggleAttribute("data-waits", waitlist.waits);
    /** @type {HTMLButtonElement} */ (byId("wait-send")).disabled = waitlist.busy;
    const sections = this.ticked("sections");
    panel.put("wait-where", listed(sections, "disjunction"));
    this.pick(new Set(sections));
  }

  send() {
    const { journey, panel, waitlist } = this;
    const [together, most, name, email] = this.fields;
    const buyer = { name: name.value.trim(), email: email.value.trim() };
    const wrong = [
      panel.complain(most, most.validity.valid ? "" : text("priceWrong")),
      panel.complain(email, isAddress(buyer.email) || buyer.email === "" ? "" : text("emailOptional")),
      panel.complain(name, buyer.name || buyer.email === "" ? "" : text("yourName")),
    ].find(Boolean);
    if (wrong) return wrong.focus();
    if (buyer.email) {
      remember(BUYER, buyer);
      // Given once, name and address need not be typed again to pay.
      [panel.fields[0].value, panel.fields[1].value] = [buyer.name, buyer.email];
    }
    const [language = "en"] = /^[a-z]{2}(-[A-Z]{2})?(?=-|$)/.exec(navigator.language) ?? [];
    const max_price = most.value === "" ? null : Math.round(most.value * 10 ** digitsOf(journey.event.currency));
    const wanted = { quantity: this.quantity, together: together.checked, categories: this.ticked("categories"), sections: this.ticked("sections"), max_price };
    void waitlist.send(wanted, { buyer: buyer.email ? buyer : null, language });
  }

  // --- the offer --------------------------------------------------------------------------------

  showOffer() {
    const { byId, journey, panel, seats, waitlist } = this;
    const { offer } = waitlist;
    if (offer === null) return;
    const idle = journey.busy === "" && !waitlist.busy && journey.step !== "pending";
    for (const id of ["accept", "decline"]) /** @type {HTMLButtonElement} */ (byId(id)).disabled = !idle;
    this.showTime();
    if (offer.offer_id === this.shownOffer) return;
    this.shownOffer = offer.offer_id;
    byId("offered").replaceChildren(...itemsOf(offer, journey.venue));
    panel.put("offer-total", money(offer.total));
    panel.put("offer-until", text("keptUntil", { time: waitlist.until(offer) }));
    byId("offer-show").hidden = seats.length === 0;
    waitlist.showSeats(seats);
    byId("panel").scrollTo({ top: 0 });
    // The focus is not moved: the offer is announced, and on a phone it is pinned.
    const { activeElement } = /** @type {ShadowRoot} */ (byId("offer").getRootNode());
    if (activeElement ? activeElement.matches("h2") : document.activeElement === document.body) byId("title-offer").focus({ preventScroll: true });
  }

  showTime() {
    const { byId, panel, waitlist } = this;
    const { offer } = waitlist;
    if (offer === null) return;
    panel.showLeft("offer", offer.expires_at, Date.parse(offer.expires_at) - Date.parse(offer.made_at));
    panel.put("offer-pin-left", byId("offer-left").textContent ?? "");
  }

  /** @param {string} what @param {() => void} act if so */
  confirm(what, act) {
    const dialog = /** @type {HTMLDialogElement} */ (this.byId(`ask-${what}`));
    dialog.returnValue = "";
    dialog.onclose = () => dialog.returnValue && act();
    dialog.showModal();
  }
}

/** @param {{ seats: SeatItem[], areas: AreaItem[] }} hold @param {Journey["venue"]} venue */
function itemsOf({ seats, areas }, venue) {
  return [
    ...seats.map(({ seat_no, label, category, price }) => item(placeText(label), [category, ...seatNotes(venue.place(seat_no).flags)].join(" · "), money(price))),
    ...areas.map(({ quantity, label, category, price }) => item(text("times", { count: quantity, name: label }), category, money({ ...price, amount: price.amount * quantity }))),
  ];
}

/** @param {string} place @param {string} kind @param {string} price @param {HTMLElement} [action] */
function item(place, kind, price, action) {
  return h("li", action ? {} : { class: "fixed" }, h("span", { class: "place" }, place, h("span", { class: "kind" }, kind)), h("span", { class: "price" }, price), action);
}

/** @param {number} low @param {number | null} high seconds */
function span(low, high) {
  const [unit, length] = low > 172_800 ? ["day", 86_400] : low > 7200 ? ["hour", 3600] : ["minute", 60];
  const [from, to] = [low, high ?? low].map((s) => Math.max(1, Math.round(s / Number(length))));
  const values = { from, count: to };
  return high === null ? text(`atLeast.${unit}`, values) : from < to ? text(`between.${unit}`, values) : text(`about.${unit}`, values);
}
