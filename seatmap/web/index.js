// @ts-check
/**
 * The list of events.
 *
 * @import { EventSummary } from "./api.js"
 */
import { Api, ApiError } from "./api.js";
import { byId, h, svgAddress } from "./dom.js";
import { count, moment, money } from "./format.js";
import { drawPoster } from "./poster.js";

/** Below this share of free places an event is worth hurrying for. */
const FEW_SHARE = 0.1;

const api = new Api();
const list = byId("events");
const more = byId("more");
const message = byId("message");
/** @type {string | null} */
let cursor = null;

more.addEventListener("click", () => void load());
void load();

async function load() {
  message.hidden = true;
  try {
    const page = await api.events(cursor ?? undefined);
    if (cursor === null) list.replaceChildren();
    list.append(...page.items.map(card));
    cursor = page.next_cursor;
    more.hidden = cursor === null;
    if (list.childElementCount === 0) {
      tell("Nothing on sale yet", "When an organiser publishes an event it appears here.");
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (cursor === null) list.replaceChildren();
    tell("The programme did not load", "The box office cannot be reached just now. Your connection may be down, or ours.", () => void load());
  } finally {
    list.removeAttribute("aria-busy");
  }
}

/** @param {EventSummary} event */
function card(event) {
  const { venue, starts_at } = event;
  return h(
    "li",
    { class: "event" },
    picture(event),
    h(
      "div",
      { class: "body" },
      h("p", { class: "when" }, h("time", { datetime: starts_at }, moment(starts_at, venue.timezone))),
      h("h2", {}, h("a", { href: `/events/${event.event_id}` }, event.name)),
      h("p", { class: "where" }, [venue.name, venue.city].filter(Boolean).join(", ")),
    ),
    fill(event),
  );
}

/** @param {EventSummary} event */
function picture(event) {
  const poster = event.metadata?.poster_svg;
  if (typeof poster === "string") return h("img", { class: "poster", src: svgAddress(poster), alt: "" });
  const canvas = h("canvas", { class: "poster", "aria-hidden": "true" });
  drawPoster(canvas, event.event_id);
  return canvas;
}

/** How full it is, and from what price. @param {EventSummary} event */
function fill({ availability, prices_from, status }) {
  const from = prices_from ? h("span", {}, "from ", h("strong", {}, money(prices_from))) : h("span");
  if (!availability || availability.seats === 0 || availability.available === null) return h("div", { class: "fill" }, h("p", { class: "facts" }, from));
  const { seats, available } = availability;
  const left = available / seats;
  const bar = h("i");
  bar.style.transform = `scaleX(${1 - left})`;
  const few = status === "on_sale" && left > 0 && left < FEW_SHARE;
  return h(
    "div",
    { class: "fill" },
    h("div", { class: "meter", "aria-hidden": "true" }, bar),
    h("p", { class: "facts" }, h("span", few ? { class: "few" } : {}, fullness(status, available, left)), available > 0 ? from : null),
  );
}

/** @param {string} status @param {number} available @param {number} left share of places still free */
function fullness(status, available, left) {
  if (status === "paused") return "Sale is paused";
  if (status === "cancelled") return "Cancelled";
  if (available === 0) return "Sold out";
  if (left < FEW_SHARE) return `Only ${count(available)} left`;
  return `${count(available)} places left`;
}

/** @param {string} title @param {string} text @param {() => void} [again] */
function tell(title, text, again) {
  message.replaceChildren(
    h("h2", {}, title),
    h("p", {}, text),
    again ? h("button", { class: "button quiet", type: "button", onclick: again }, "Try again") : "",
  );
  message.hidden = false;
}
