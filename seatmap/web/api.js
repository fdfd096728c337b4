// @ts-check
/**
 * The HTTP API as functions. Every refusal becomes an ApiError with the problem's stable code.
 *
 * @typedef {{ amount: number, currency: string }} Money amount in minor units
 * @typedef {{ seat_no: number, label: string, category: string, price: Money }} SeatItem
 * @typedef {{ area_no: number, label: string, category: string, quantity: number, price: Money }} AreaItem
 * @typedef {{ hold_id: string, event_id: string,
 *             status: "held" | "paying" | "booked" | "released" | "expired",
 *             seats: SeatItem[], areas: AreaItem[], total: Money, expires_at: string }} Hold
 * @typedef {{ booking_id: string, reference: string, event_id: string, hold_id: string,
 *             status: "pending" | "confirmed" | "declined" | "expired" | "cancelled",
 *             seats: SeatItem[], areas: AreaItem[], total: Money,
 *             buyer: { email: string, name: string }, version: number, created_at: string,
 *             expires_at?: string | null, next_action?: { type: "redirect" | "wait", url: string } | null,
 *             note?: string | null, refunded?: Money | null }} Booking
 * @typedef {{ ticket_id: string, label: string, category: string, code: string,
 *             status: "valid" | "void", qr_svg?: string | null }} Ticket
 * @typedef {{ category_no: number, category: string, price: Money }} Price
 * @typedef {{ venue_id: string, name: string, city?: string, timezone?: string }} Venue
 * @typedef {{ event_id: string, name: string, starts_at: string, venue: Venue, status: string,
 *             prices_from: Money | null, availability: { seats: number, available: number | null } | null,
 *             metadata?: { [key: string]: any }, description?: string }} EventSummary
 * @typedef {EventSummary & { currency: string, seat_count: number, prices: Price[],
 *             buyer_limit: number, hold_ttl_s: number, live_url: string, layout_url: string }} EventPage
 * @import { Layout } from "./layout.js"
 * @import { MapState } from "./protocol.js"
 */
import { forget, recall, remember } from "./memory.js";
import { decode, ProtocolError } from "./protocol.js";

const ATTEMPTS_MAX = 3;
const RETRY_AFTER_MAX_MS = 4000;
const TOKEN = "token";

/** The server said no, or could not be reached (`code` "network", status 0). */
export class ApiError extends Error {
  /**
   * @param {string} detail
   * @param {{ status: number, code: string, problem?: any }} what
   */
  constructor(detail, { status, code, problem = {} }) {
    super(detail);
    this.detail = detail;
    this.status = status;
    this.code = code;
    /** The whole problem document: `seats`, `areas`, `retry_after`, … */
    this.problem = problem;
  }

  /** Trying the same thing again later is right. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500 || this.code === "request-in-flight";
  }
}

/** A UUIDv7 (RFC 9562) made here, so that a retried request names the same thing. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let ms = Date.now();
  for (let i = 5; i >= 0; i--) {
    bytes[i] = ms % 256;
    ms = Math.floor(ms / 256);
  }
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

export class Api {
  /** @param {string} base origin of the API; empty: where the page came from */
  constructor(base = "") {
    this.base = base;
    /** Server clock minus ours, so that a countdown is right on a badly set machine. */
    this.clockOffsetMs = 0;
    /** @type {Promise<string> | null} */
    this.tokenRequest = null;
  }

  /** The server's present time. */
  nowMs() {
    return Date.now() + this.clockOffsetMs;
  }

  /** @param {string} [cursor] @returns {Promise<{ items: EventSummary[], next_cursor: string | null }>} */
  events(cursor) {
    const query = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    return this.call("GET", `/v1/events?limit=24${query}`, { anonymous: true });
  }

  /** @param {string} eventId @returns {Promise<EventPage>} */
  event(eventId) {
    return this.call("GET", `/v1/events/${encodeURIComponent(eventId)}`, { anonymous: true });
  }

  /** @param {EventPage} event @returns {Promise<Layout>} */
  layout(event) {
    const url = event.layout_url ?? `/v1/events/${event.event_id}/layout`;
    return this.call("GET", url, { anonymous: true });
  }

  /** @param {string} eventId @returns {Promise<MapState>} */
  async seats(eventId) {
    const response = await this.send("GET", `/v1/events/${eventId}/seats`, {
      anonymous: true,
      accept: "application/octet-stream",
    });
    const frame = await decode(await response.arrayBuffer());
    if (frame.kind !== "snapshot") throw new ProtocolError("expected a snapshot");
    return { epoch: frame.epoch, seq: frame.seq, seats: frame.seats };
  }

  /**
   * @param {string} eventId
   * @param {{ hold_id: string, seats?: number[], areas?: Record<string, number> }} wish
   * @returns {Promise<Hold>}
   */
  hold(eventId, wish) {
    return this.call("POST", `/v1/events/${eventId}/holds`, { body: wish });
  }

  /** @param {string} holdId @returns {Promise<Hold>} */
  getHold(holdId) {
    return this.call("GET", `/v1/holds/${holdId}`);
  }

  /** @param {string} holdId @returns {Promise<Hold>} */
  extendHold(holdId) {
    return this.call("POST", `/v1/holds/${holdId}/extend`, { body: {} });
  }

  /** @param {string} holdId @returns {Promise<unknown>} */
  releaseHold(holdId) {
    return this.call("DELETE", `/v1/holds/${holdId}`);
  }

  /**
   * @param {{ hold_id: string, buyer: { email: string, name: string },
   *           payment: { provider: string, token: string } }} body
   * @param {string} idempotencyKey
   * @returns {Promise<Booking>}
   */
  book(body, idempotencyKey) {
    return this.call("POST", "/v1/bookings", { body, idempotencyKey });
  }

  /** @param {string} bookingId @returns {Promise<Booking>} */
  booking(bookingId) {
    return this.call("GET", `/v1/bookings/${encodeURIComponent(bookingId)}`);
  }

  /** The buyer's latest bookings. @returns {Promise<{ items: Booking[] }>} */
  bookings() {
    return this.call("GET", "/v1/bookings?limit=20");
  }

  /** @param {string} bookingId @returns {Promise<{ items: Ticket[] }>} */
  tickets(bookingId) {
    return this.call("GET", `/v1/bookings/${encodeURIComponent(bookingId)}/tickets`);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Wish} [wish]
   * @returns {Promise<any>}
   */
  async call(method, path, wish = {}) {
    const response = await this.send(method, path, wish);
    if (response.status === 204) return null;
    try {
      return await response.json();
    } catch {
      throw new ApiError("The answer was cut short.", { status: 0, code: "network" });
    }
  }

  /**
   * Send a request, and again when it failed in passing: the idempotency key stays the same, so a
   * retry never does a thing twice.
   *
   * @typedef {{ body?: unknown, idempotencyKey?: string, anonymous?: boolean, accept?: string }} Wish
   * @param {string} method
   * @param {string} path
   * @param {Wish} wish
   * @returns {Promise<Response>}
   */
  async send(method, path, wish) {
    const key = method === "POST" ? (wish.idempotencyKey ?? newId()) : null;
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.sendOnce(method, path, wish, key);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 401 && !wish.anonymous && !renewed) {
          renewed = true;
          forget(TOKEN);
          continue;
        }
        if (!error.passing || attempt >= ATTEMPTS_MAX) throw error;
        await sleep(retryDelayMs(error, attempt));
      }
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Wish} wish
   * @param {string | null} key
   */
  async sendOnce(method, path, wish, key) {
    /** @type {Record<string, string>} */
    const headers = { accept: wish.accept ?? "application/json" };
    if (!wish.anonymous) headers.authorization = `Bearer ${await this.token()}`;
    if (key !== null) headers["idempotency-key"] = key;
    /** @type {RequestInit} */
    const init = { method, headers };
    if (wish.body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(wish.body);
    }
    let response;
    try {
      response = await fetch(new URL(path, this.base || location.origin), init);
    } catch {
      throw new ApiError("The server cannot be reached.", { status: 0, code: "network" });
    }
    this.readClock(response);
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  /** The buyer's token; made on first need and kept, so holds and bookings stay theirs. */
  token() {
    const kept = recall(TOKEN);
    if (kept !== null && kept.expires_at_ms > Date.now() + 60_000) return Promise.resolve(kept.access_token);
    this.tokenRequest ??= this.newToken().finally(() => (this.tokenRequest = null));
    return this.tokenRequest;
  }

  /** @returns {Promise<string>} */
  async newToken() {
    const answer = await this.call("POST", "/v1/auth/guest", { anonymous: true, body: {} });
    const expires_at_ms = Date.now() + answer.expires_in * 1000;
    remember(TOKEN, { access_token: answer.access_token, expires_at_ms });
    return answer.access_token;
  }

  /** @param {Response} response */
  readClock(response) {
    const server = Date.parse(response.headers.get("date") ?? "");
    if (Number.isNaN(server)) return;
    // The header has whole seconds and may be a second old: only a real difference counts.
    const offset = server + 500 - Date.now();
    this.clockOffsetMs = Math.abs(offset) > 2000 ? offset : 0;
  }
}

/** @param {Response} response */
async function problemOf(response) {
  let problem;
  try {
    problem = await response.json();
  } catch {
    problem = {};
  }
  const code = String(problem.type ?? "").split("/").pop() || "http-error";
  const header = Number(response.headers.get("retry-after"));
  if (header > 0 && problem.retry_after === undefined) problem.retry_after = header;
  const detail = problem.detail ?? problem.title ?? `The server answered ${response.status}.`;
  return new ApiError(detail, { status: response.status, code, problem });
}

/**
 * @param {ApiError} error
 * @param {number} attempt 1 after the first failure
 */
function retryDelayMs(error, attempt) {
  const told = Number(error.problem.retry_after) * 1000;
  if (told > 0) return Math.min(told, RETRY_AFTER_MAX_MS) * (1 + Math.random() * 0.2);
  return 250 * 2 ** attempt * (0.5 + Math.random());
}

/** @param {number} ms */
export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
