// @ts-check
/** What this browser's buyer holds, shown on the list of events with the time that is left to pay. @import { Hold } from "./types.js" */
import { h } from "./dom.js";
import { countdown } from "./format.js";
import { eventsWith, recall, windows } from "./memory.js";
import { text } from "./texts.js";

const EVENTS_MAX = 6;
const TICK_MS = 1000;

/** Where it is shown, and until when it is shown, on the page's own monotonic clock. @type {{ card: HTMLElement, left: Element, untilMs: number }[]} */
let shown = [];

/** @param {string} path */
async function get(path) {
  const token = recall(`token.${location.origin}`)?.access_token;
  const response = await fetch(path, { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`${response.status}`);
  const atMs = Date.parse(response.headers.get("date") ?? "") || Date.now();
  return { atMs, body: await response.json() };
}

/** @param {string} eventId */
async function cardsOf(eventId) {
  const { atMs, body } = await get(`/v1/holds?event_id=${eventId}`);
  /** @type {Hold[]} */
  const holds = body.items;
  if (holds.length === 0) return [];
  const { name } = (await get(`/v1/events/${eventId}`)).body;
  return holds.map(({ areas, expires_at, seats }) => {
    const left = h("strong", { role: "timer" });
    const places = areas.reduce((n, { quantity }) => n + quantity, seats.length);
    const card = h("li", {}, h("a", { href: `/events/${eventId}` }, text("holdFor", { count: places, event: name })), left, " ", text("leftToPay"));
    return { card, left, untilMs: performance.now() + Date.parse(expires_at) - atMs };
  });
}

/** Read it again, and show it in `list`. @param {HTMLElement} list */
export function showMine(list) {
  let turn = 0;
  const read = async (news = "") => {
    const own = ++turn;
    const found = await Promise.all([...new Set([...eventsWith("hold."), news])].filter(Boolean).slice(-EVENTS_MAX).map((id) => cardsOf(id).catch(() => [])));
    if (own !== turn) return;
    shown = found.flat();
    list.replaceChildren(...shown.map(({ card }) => card));
    tick();
  };
  const tick = () => {
    for (const { card, left, untilMs } of shown) {
      const leftMs = untilMs - performance.now();
      card.hidden = leftMs <= 0;
      left.textContent = countdown(leftMs);
    }
    list.hidden = shown.every(({ card }) => card.hidden);
  };
  setInterval(tick, TICK_MS);
  windows((eventId) => void read(eventId));
  document.addEventListener("visibilitychange", () => document.hidden || void read());
  addEventListener("pageshow", () => void read());
}
