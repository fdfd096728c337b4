// @ts-check
/**
 * My tickets: the bookings of this browser's token, and the way to mailed links for other devices.
 *
 * @import { Booking, EventPage, Ticket } from "./types.js"
 */
import { Api, ApiError } from "./api.js";
import { byId, h, svgAddress } from "./dom.js";
import { clock, longDate, money, moment } from "./format.js";
import { seatNotes } from "./layout.js";
import { speakHere, text } from "./texts.js";
import { ticketWords } from "./ticket.js";
import { placeText } from "./told.js";

/** @type {Record<string, string>} */
const MOODS = { confirmed: "good", cancelled: "bad" };

const api = new Api(location.origin);
const list = byId("bookings");
const more = byId("more");
/** @type {Map<string, Promise<EventPage | null>>} */
const events = new Map();

/** @param {string} id */
function eventOf(id) {
  if (!events.has(id)) events.set(id, api.event(id).catch(() => null));
  return /** @type {Promise<EventPage | null>} */ (events.get(id));
}

/** @param {string} [cursor] */
async function load(cursor) {
  list.ariaBusy = "true";
  try {
    // Without a token nothing was bought here.
    const page = api.keptToken() === null ? { items: [] } : await api.call("GET", `/v1/bookings?limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    const cards = await Promise.all(page.items.map(async (/** @type {Booking} */ booking) => card(booking, await eventOf(booking.event_id))));
    if (cursor) list.append(...cards);
    else list.replaceChildren(...cards);
    if (cursor) cards[0]?.querySelector("a")?.focus();
    more.hidden = !page.next_cursor;
    more.onclick = () => load(page.next_cursor);
    say("said", list.childElementCount > 0 ? "" : text("nothingBought"));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (!cursor) list.replaceChildren();
    say("said", error.passing ? text("ticketsOffline") : error.detail, "bad");
  }
  list.ariaBusy = null;
}

/** @param {Booking} booking @param {EventPage | null} event */
function card(booking, event) {
  const { areas, booking_id, buyer, next_action, reference, refunded, seats, status, total } = booking;
  const places = seats.length + areas.reduce((n, { quantity }) => n + quantity, 0);
  const labels = [...seats.map(({ label }) => placeText(label)), ...areas.map(({ label, quantity }) => (quantity > 1 ? text("times", { count: quantity, name: label }) : label))];
  const tickets = h("ul", { class: "tickets", "aria-label": text("ticketsOf", { reference }) });
  const live = status === "confirmed";
  const past = event !== null && Date.parse(event.starts_at) < Date.now();
  const href = `/events/${booking.event_id}`;
  /** @type {HTMLLIElement} */
  const item = h(
    "li",
    { class: "card" },
    h("p", { class: `badge ${MOODS[status] ?? ""}` }, text(`booking.${status}`)),
    h("h2", {}, h("a", { href }, event?.name ?? text("event"))),
    event && h("p", { class: "lead" }, [moment(event.starts_at, event.venue), event.venue.name, event.venue.city].filter(Boolean).join(" · ")),
    h("p", {}, text("bought", { count: places, price: money(total), places: labels.join("; ") })),
    h("p", { class: "note" }, text(live ? "bookingMailed" : refunded ? "bookingRefunded" : "bookingFor", { reference, name: buyer.name, email: buyer.email, price: money(refunded ?? total) })),
    h(
      "p",
      { class: "actions screen" },
      live ? h("button", { class: "button small", type: "button", "aria-expanded": "false", onclick: ({ currentTarget }) => toggle(currentTarget, booking, event, tickets, item) }, text("showTickets")) : null,
      live && !past && event ? h("a", { class: "button quiet small", href: api.calendar(booking.event_id), download: "" }, text("toCalendar")) : null,
      next_action?.type === "redirect" ? h("a", { class: "button small", href: next_action.url }, text("toBank")) : null,
      live && !past ? h("button", { class: "button quiet small", type: "button", "aria-label": text("cancelThis", { reference }), onclick: () => cancel(booking, event, item) }, text("cancel")) : null,
    ),
    tickets,
  );
  item.dataset.booking = booking_id;
  item.classList.add("unprinted");
  return item;
}

/** @param {HTMLElement} button @param {Booking} booking @param {EventPage | null} event @param {HTMLElement} host @param {HTMLElement} item */
async function toggle(button, booking, event, host, item) {
  const open = button.ariaExpanded === "true";
  if (!open) {
    try {
      const { items } = await api.tickets(booking.booking_id);
      // Without the plan there are tickets all the same.
      const layout = event && (await api.layout(event).catch(() => null));
      host.replaceChildren(...items.map((ticket) => ticketCard(ticket, event, booking, seatNotes(layout?.seats.flags[ticket.seat_no ?? -1] ?? 0))), h("li", { class: "actions screen" }, h("button", { class: "button small", type: "button", onclick: () => print() }, text("print"))));
      say("said", "");
    } catch (error) {
      fail(error);
      return;
    }
  } else host.replaceChildren();
  // Only the open booking is printed.
  item.classList.toggle("unprinted", open);
  button.ariaExpanded = String(!open);
  button.textContent = open ? text("showTickets") : text("hideTickets");
}

/** @param {Ticket} ticket @param {EventPage | null} event @param {Booking} booking @param {string[]} notes about the seat */
function ticketCard(ticket, event, booking, notes) {
  const { category, code, label, qr_svg, status } = ticket;
  const valid = status === "valid";
  const lines = event ? [`${longDate(event.starts_at, event.venue)}, ${clock(event.starts_at, event.venue)}`, [event.venue.name, event.venue.city].filter(Boolean).join(", ")] : [];
  return h(
    "li",
    { class: `ticket ${status}` },
    h("div", { class: "words" }, h("p", { class: "event-name" }, event?.name), h("h3", {}, placeText(label)), ...[...lines, [category, ...notes].join(" · "), ticketWords(ticket, booking)].map((line) => h("p", {}, line)), h("p", { class: "code" }, valid ? code : text("invalid"))),
    valid && qr_svg ? h("div", { class: "scan" }, h("img", { src: svgAddress(qr_svg), alt: text("qrCode", { place: placeText(label) }) })) : null,
  );
}

/** @param {Booking} booking @param {EventPage | null} event @param {HTMLElement} item */
async function cancel({ booking_id, total }, event, item) {
  const ask = /** @type {HTMLDialogElement} */ (byId("ask"));
  byId("ask-text").textContent = text(total.amount ? "askCancel" : "askCancelFree", { event: event?.name ?? text("thisEvent"), price: money(total) });
  ask.returnValue = "";
  ask.showModal();
  await new Promise((resolve) => (ask.onclose = resolve));
  if (ask.returnValue !== "yes") return;
  try {
    const fresh = card(await api.call("POST", `/v1/bookings/${booking_id}/cancel`), event);
    item.replaceWith(fresh);
    fresh.querySelector("a")?.focus();
    say("said", text("isCancelled"), "good");
  } catch (error) {
    fail(error);
  }
}

/** @param {unknown} error */
function fail(error) {
  if (!(error instanceof ApiError)) throw error;
  say("said", error.passing ? text("ticketsOffline") : error.detail, "bad");
}

/** @param {string} id @param {string} words @param {string} [mood] */
function say(id, words, mood = "") {
  byId(id).textContent = words;
  byId(id).className = `notice screen ${mood}`;
}

byId("lookup").onsubmit = async (event) => {
  event.preventDefault();
  const email = /** @type {HTMLInputElement} */ (byId("email")).value.trim();
  try {
    const { detail } = await api.call("POST", "/v1/bookings/lookup", { anonymous: true, body: { email } });
    say("mailed", text("lookedUp", { detail }), "good");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say("mailed", error.passing && error.status !== 429 ? text("ticketsOffline") : error.detail, "bad");
  }
};

await speakHere();
void load();
