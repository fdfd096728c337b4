// @ts-check
/**
 * The page of one event: a header with its facts, and `<seat-map>`. The address names the booking, so
 * that a reload (or a bookmark) shows its tickets.
 *
 * @import { SeatMap } from "./seat-map.js"
 */
import { Api } from "./api.js";
import { byId, h } from "./dom.js";
import { longDate, moment } from "./format.js";
import { remember } from "./memory.js";
import "./seat-map.js";
import { asked, speakHere, text, translatePage } from "./texts.js";

const map = /** @type {SeatMap} */ (byId("map"));
const [, , eventId = "", preview] = location.pathname.split("/").map(decodeURIComponent);

/** An offer that was accepted on a mailed link's page becomes this browser's hold. */
async function takeOver() {
  const [, token] = /^#w=([\w-]+)$/.exec(location.hash) ?? [];
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  try {
    const { hold_id } = await new Api(location.origin).call("POST", `/w/${token}/accept`, { body: {} });
    remember(`hold.${eventId}`, hold_id);
  } catch {
    // The link's own page shows the result.
    location.replace(`/w/${token}`);
  }
}

/** As the server writes it, in the reader's own form. @param {boolean} [offered] are there seats for this person? */
function setTitle(offered) {
  const { name, venue, starts_at } = /** @type {NonNullable<SeatMap["eventPage"]>} */ (map.eventPage);
  document.title = [...(offered ? [text("offerTitle")] : []), name, longDate(starts_at, venue), venue.name].join(" · ");
}

map.addEventListener("load", () => {
  const { name, venue, starts_at, status, tagline = "", language } = /** @type {NonNullable<SeatMap["eventPage"]>} */ (map.eventPage);
  // Published meanwhile.
  if (preview && status !== "draft") return location.replace(`/events/${eventId}`);
  byId("preview").hidden = !preview;
  translatePage();
  setTitle();
  for (const [id, words] of [["event-name", name], ["event-tagline", tagline]]) {
    byId(id).textContent = words;
    if (language) byId(id).lang = language;
  }
  // On a phone these are two lines.
  byId("event-facts").replaceChildren(h("span", {}, moment(starts_at, venue)), h("i", {}, " · "), h("span", {}, [venue.name, venue.city].filter(Boolean).join(", ")));
});

map.addEventListener("error", () => {
  const name = byId("event-name");
  if (name.textContent) return;
  // The message is shown below; this heads the page for people who hear it.
  name.className = "unseen";
  name.textContent = map.root.getElementById("message")?.querySelector("h2")?.textContent ?? "";
  document.title = `${name.textContent} · Frontrow`;
});

map.addEventListener("bookingchange", (change) => {
  const { bookingId } = /** @type {CustomEvent} */ (change).detail;
  const url = new URL(location.href);
  if (bookingId === null) url.searchParams.delete("booking");
  else url.searchParams.set("booking", bookingId);
  history.replaceState(null, "", url);
});

map.addEventListener("offer", (news) => {
  const { change } = /** @type {CustomEvent} */ (news).detail;
  const open = change !== "ended";
  setTitle(open);
  /** @type {HTMLLinkElement} */ (byId("icon")).href = `/web/icon${open ? "-offer" : ""}.svg`;
});

// The target of links in mails about the waitlist.
map.toggleAttribute("waitlist", location.hash === "#waitlist");
map.setAttribute("booking", new URLSearchParams(location.search).get("booking") ?? "");
map.lang = asked() ?? "";
map.setAttribute("preview", preview ? location.hash.slice(1) : "");
await Promise.all([takeOver(), speakHere()]);
map.setAttribute("event", eventId);
