// @ts-check
/**
 * The page of one event: loads it, and joins the live connection, the map, the list and the journey.
 *
 * @import { EventPage } from "./api.js"
 * @import { LiveStatus } from "./live.js"
 * @import { Drawing } from "./drawing.js"
 */
import { Api, ApiError } from "./api.js";
import { byId, h } from "./dom.js";
import { moment } from "./format.js";
import { Journey } from "./journey.js";
import { Venue } from "./layout.js";
import { showLegend } from "./legend.js";
import { LiveConnection } from "./live.js";
import "./drawing.js";
import { Panel } from "./panel.js";
import { SeatList } from "./seat-list.js";

/** While the live connection is away the map is asked for this often. */
const POLL_MS = 5000;

/** @type {Record<LiveStatus, string>} */
const STATUS_WORDS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  offline: "Offline",
  gone: "Not live",
};

const api = new Api();
const eventId = decodeURIComponent(location.pathname.split("/").filter(Boolean).pop() ?? "");

boot().catch((error) => {
  fail(error);
  if (!(error instanceof ApiError)) throw error;
});

async function boot() {
  const event = await api.event(eventId);
  showFacts(event);
  const [layout, firstState] = await Promise.all([api.layout(event), api.seats(eventId).catch(() => null)]);
  const venue = new Venue(layout);
  const map = /** @type {Drawing} */ (byId("map"));
  map.venue = venue;

  const journey = new Journey({ api, event, venue, changed: () => refresh() });
  const panel = new Panel(journey, event);
  const list = new SeatList(byId("list-body"), venue, journey, (seatNo) => map.showSeat(seatNo));
  byId("list").hidden = venue.seatCount === 0;

  const refresh = () => {
    const held = journey.heldSeats();
    map.setOwn(held.size > 0 ? new Set() : journey.chosen, held, journey.wanted);
    panel.show();
    list.refresh();
  };
  const legend = () => {
    map.setPrices(event.prices);
    if (!map.palette) return;
    showLegend(byId("legend"), layout, map.palette);
    panel.showCategories(map.palette);
  };

  const live = new LiveConnection({
    url: event.live_url,
    onChange: (state, changed) => {
      journey.seatsChanged(state.seats, changed);
      map.setSeats(state.seats, changed);
      list.refresh(changed);
      panel.countSoon();
    },
    onMessage: (body) => {
      switch (body.type) {
        case "prices":
          event.prices = body.prices;
          journey.setPrices(body.prices);
          legend();
          refresh();
          break;
        case "areas":
          setAreas(body.areas);
          break;
        case "event":
          if (typeof body.status === "string") journey.status = body.status;
          refresh();
          break;
        case "notice":
          if (typeof body.text === "string") journey.say("info", body.text);
      }
    },
    onStatus: (status) => {
      showStatus(status);
      if (status === "reconnecting") startPolling();
    },
  });

  /** @param {Record<string, { available: number }>} areas only those that changed */
  function setAreas(areas) {
    const available = new Map(journey.available);
    for (const [areaNo, { available: left }] of Object.entries(areas)) available.set(Number(areaNo), left);
    journey.areasChanged(available);
    map.setAreas(available);
    refresh();
  }

  let polling = false;
  async function startPolling() {
    if (polling) return;
    polling = true;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS * (0.75 + Math.random() / 2)));
      if (live.status !== "reconnecting") break;
      try {
        live.adopt(await api.seats(eventId));
      } catch {
        // The next round, or the connection itself, will do it.
      }
    }
    polling = false;
  }

  if (firstState !== null) live.adopt(firstState);
  live.start();
  legend();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => requestAnimationFrame(legend));
  map.addEventListener("choose", (choice) => {
    const { seatNo, areaNo } = /** @type {CustomEvent} */ (choice).detail;
    if (seatNo !== undefined) journey.toggleSeat(seatNo);
    else journey.setArea(areaNo, (journey.wanted.get(areaNo) ?? 0) + 1);
  });
  document.body.classList.remove("loading");
  await journey.resume(new URLSearchParams(location.search).get("booking"));
  refresh();
}

/** @param {EventPage} event */
function showFacts(event) {
  const { venue, starts_at } = event;
  document.title = `${event.name} · Frontrow`;
  byId("event-name").textContent = event.name;
  const where = [venue.name, venue.city].filter(Boolean).join(", ");
  byId("about").hidden = !event.description;
  byId("about-text").textContent = event.description ?? "";
  byId("event-facts").textContent = `${moment(starts_at, venue.timezone)} · ${where}`;
}

/** @param {LiveStatus} status */
function showStatus(status) {
  const badge = byId("live");
  badge.dataset.status = status;
  badge.replaceChildren(h("span", {}, STATUS_WORDS[status]));
  badge.title = status === "live" ? "The map changes as it happens" : "The map may be a little behind";
}

/** @param {unknown} error */
function fail(error) {
  const missing = error instanceof ApiError && (error.status === 404 || error.status === 400);
  document.body.classList.remove("loading");
  document.body.classList.add("failed");
  byId("live").hidden = true;
  const message = byId("message");
  message.hidden = false;
  message.replaceChildren(
    h("h2", {}, missing ? "There is no such event" : "The seat map did not load"),
    h("p", {}, missing ? "The address may be mistyped, or the event was taken off the programme." : "The box office cannot be reached just now. Nothing you hold is lost."),
    missing
      ? h("a", { class: "button", href: "/" }, "See all events")
      : h("button", { class: "button", type: "button", onclick: () => location.reload() }, "Try again"),
  );
}
