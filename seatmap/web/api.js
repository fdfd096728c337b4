// @ts-check
/**
 * The HTTP API as functions. Every refusal becomes an ApiError with the problem's stable code.
 *
 * @import { Booking, BookingWish, Buyer, Entry, EventPage, Hold, HoldWish, MapState, PriceChange, Request, Ticket, Wanted } from "./types.js"
 * @import { Layout } from "./layout.js"
 */
import { forget, recall, remember } from "./memory.js";
import { decode, ProtocolError } from "./protocol.js";
import { text } from "./texts.js";
import { problemText } from "./told.js";
import { solve } from "./work.js";

const ATTEMPTS_MAX = 3;
const RETRY_AFTER_MAX_MS = 4000;
/** Time limit for an answer to begin: in a network that drops requests a buyer would wait for ever. */
const ANSWER_MS = 15_000;
/** Token requests under way, by key: several elements on one page are one buyer. @type {Map<string, Promise<string>>} */
const tokenRequests = new Map();

/** The server said no, or could not be reached (`code` "network", status 0). */
export class ApiError extends Error {
  /** @param {string} detail @param {string} code @param {number} [status] @param {any} [problem] */
  constructor(detail, code, status = 0, problem = {}) {
    super(detail);
    this.detail = detail;
    this.status = status;
    this.code = code;
    /** The whole problem document: `seats`, `areas`, `retry_after`, … */
    this.problem = problem;
  }

  /** Retrying the same request later makes sense. */
  get passing() {
    if (this.code === "proof-needed") return false;
    return this.status === 0 || this.status === 429 || this.status >= 500 || this.code === "request-in-flight";
  }
}

/** A UUIDv7 (RFC 9562) made here, so that a retried request names the same object. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let ms = Date.now();
  for (let i = 5; i >= 0; i--) {
    bytes[i] = ms % 256;
    ms = Math.floor(ms / 256);
  }
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0"))
    .join("")
    .replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export class Api {
  /** @param {string} base its origin */
  constructor(base) {
    this.base = base;
    /** Tokens of different box offices are kept apart. */
    this.tokenKey = `token.${base}`;
    /** The token that opens a draft. */
    this.preview = "";
    /** Called with a message when the buyer has to wait for a moment. */
    this.onWork = (/** @type {string} */ _words) => {};
    /** The server's time when this page began: countdowns are right on a machine whose clock is wrong, or is set. */
    this.originMs = Date.now() - performance.now();
  }

  /** The server's present time. */
  nowMs() {
    return this.originMs + performance.now();
  }

  /** @param {string} eventId @returns {Promise<EventPage>} */
  event(eventId) {
    return this.call("GET", `/v1/events/${encodeURIComponent(eventId)}`, { anonymous: true });
  }

  /** @param {EventPage} event @returns {Promise<Layout>} */
  layout({ layout_url }) {
    return this.call("GET", layout_url, { anonymous: true });
  }

  /** @param {string} eventId @returns {Promise<MapState>} */
  async seats(eventId) {
    const wish = { anonymous: true, accept: "application/octet-stream" };
    const response = await this.send("GET", `/v1/events/${eventId}/seats`, wish);
    const frame = await decode(await response.arrayBuffer());
    if (frame.kind !== "snapshot") throw new ProtocolError("expected a snapshot");
    return frame;
  }

  /** @param {string} eventId @param {HoldWish} body @returns {Promise<Hold>} */
  hold(eventId, body) {
    return this.call("POST", `/v1/events/${eventId}/holds`, { body });
  }

  /** @param {string} holdId @returns {Promise<Hold>} */
  getHold(holdId) {
    return this.call("GET", `/v1/holds/${holdId}`);
  }

  /** This buyer's live ones, whichever window made them. @param {string} eventId @returns {Promise<Hold[]>} */
  async holds(eventId) {
    // Without a token there are none.
    return this.keptToken() === null ? [] : (await this.call("GET", `/v1/holds?event_id=${eventId}`)).items;
  }

  /** @param {string} holdId @param {Buyer} [buyer] given when the checkout has begun @returns {Promise<Hold>} */
  extendHold(holdId, buyer) {
    return this.call("POST", `/v1/holds/${holdId}/extend`, { body: { buyer } });
  }

  /** @param {string} holdId @returns {Promise<unknown>} */
  releaseHold(holdId) {
    return this.call("DELETE", `/v1/holds/${holdId}`);
  }

  /** @param {BookingWish} body @param {string} idempotencyKey @returns {Promise<Booking>} */
  book(body, idempotencyKey) {
    return this.call("POST", "/v1/bookings", { body, idempotencyKey });
  }

  /** @param {string} bookingId @returns {Promise<Booking>} */
  booking(bookingId) {
    return this.call("GET", `/v1/bookings/${encodeURIComponent(bookingId)}`);
  }

  /** Nothing more is charged for it. @param {string} bookingId @param {boolean} keep_hold for another card @returns {Promise<Booking>} */
  withdraw(bookingId, keep_hold) {
    return this.call("POST", `/v1/bookings/${bookingId}/cancel`, { body: { keep_hold } });
  }

  /** The buyer's latest. @returns {Promise<{ items: Booking[] }>} */
  bookings() {
    return this.call("GET", "/v1/bookings?limit=20");
  }

  /** @param {string} bookingId @returns {Promise<{ items: Ticket[] }>} */
  tickets(bookingId) {
    return this.call("GET", `/v1/bookings/${bookingId}/tickets`);
  }

  /** This person's entries in the event's waitlist, the latest first. @param {string} eventId @returns {Promise<{ items: Entry[] }>} */
  waitlist(eventId) {
    return this.call("GET", `/v1/waitlist?event_id=${eventId}`);
  }

  /** @param {string} eventId @param {Wanted} body @returns {Promise<Entry>} */
  join(eventId, body) {
    return this.call("POST", `/v1/events/${eventId}/waitlist`, { body });
  }

  /** @param {Entry} entry as it was when it was changed @param {Wanted} body @returns {Promise<Entry>} */
  changeEntry({ entry_id, version }, body) {
    return this.call("PATCH", `/v1/waitlist/${entry_id}`, { body, version });
  }

  /** @param {string} entryId @returns {Promise<unknown>} */
  leave(entryId) {
    return this.call("DELETE", `/v1/waitlist/${entryId}`);
  }

  /** @param {string} offerId @param {"accept" | "decline"} what @returns {Promise<any>} the hold; or the offer, which has ended */
  answer(offerId, what) {
    return this.call("POST", `/v1/offers/${offerId}/${what}`, { body: {} });
  }

  /** Price changes, the latest first. @param {string} eventId @returns {Promise<{ items: PriceChange[] }>} */
  priceHistory(eventId) {
    return this.call("GET", `/v1/events/${eventId}/prices/history?limit=100`, { anonymous: true });
  }

  /** The address of its calendar file. @param {string} eventId */
  calendar(eventId) {
    return `${this.base}/v1/events/${eventId}/calendar.ics`;
  }

  /** A ticket that identifies the person to the live connection; valid once. @returns {Promise<string>} */
  async liveTicket() {
    return (await this.call("POST", "/v1/live/tickets", { body: {} })).ticket;
  }

  /** @param {string} method @param {string} path @param {Request} [wish] @returns {Promise<any>} */
  async call(method, path, wish = {}) {
    const response = await this.send(method, path, wish);
    if (response.status === 204) return null;
    try {
      return await response.json();
    } catch {
      throw new ApiError(text("cutShort"), "network");
    }
  }

  /**
   * Send a request, and again after a transient failure: the idempotency key stays the same, so a retry never
   * acts twice.
   *
   * @param {string} method @param {string} path @param {Request} wish
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
          await this.renewed();
          continue;
        }
        if (!error.passing || attempt >= ATTEMPTS_MAX || !navigator.onLine) throw error;
        const toldMs = Number(error.problem.retry_after) * 1000;
        await sleep(toldMs > 0 ? Math.min(toldMs, RETRY_AFTER_MAX_MS) * (1 + Math.random() * 0.2) : 250 * 2 ** attempt * (0.5 + Math.random()));
      }
    }
  }

  /** @param {string} method @param {string} path @param {Request} wish @param {string | null} key */
  async sendOnce(method, path, { accept = "application/json", anonymous, body, token, version }, key) {
    /** @type {Record<string, string>} */
    const headers = { accept };
    if (this.preview) headers["frontrow-preview"] = this.preview;
    if (!anonymous || token) headers.authorization = `Bearer ${token ?? (await this.token())}`;
    if (key !== null) headers["idempotency-key"] = key;
    if (version !== undefined) headers["if-match"] = `"${version}"`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), ANSWER_MS);
    let response;
    try {
      response = await fetch(new URL(path, this.base), { method, headers, body: JSON.stringify(body), signal: patience.signal });
    } catch {
      throw new ApiError(text("serverUnreachable"), "network");
    } finally {
      clearTimeout(timer);
    }
    // The header has whole seconds and may be a second old: only larger differences count.
    const originMs = Date.parse(response.headers.get("date") ?? "") + 500 - performance.now();
    if (Math.abs(originMs - this.originMs) > 2000) this.originMs = originMs;
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  /**
   * The buyer's token; made on first need and kept, so that holds and bookings stay the buyer's. Renewed
   * while it is used. The server decides whether it is valid: this machine's clock may be years wrong.
   */
  async token() {
    const kept = recall(this.tokenKey);
    if (!kept) return this.once(() => this.newToken());
    const renewMs = kept.renew_ms ?? 0;
    if (Math.abs(Date.now() - (kept.at_ms ?? 0)) > renewMs) this.renewed().catch(() => {});
    return kept.access_token;
  }

  /** @returns {string | null} */
  keptToken() {
    return recall(this.tokenKey)?.access_token ?? null;
  }

  /** A fresh token of the same buyer; of a new buyer only if the server knows of no bookings to return to. */
  renewed() {
    return this.once(async () => {
      const kept = this.keptToken();
      try {
        return await this.newToken(kept);
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 401)) throw error;
        if (this.keptToken() === kept) forget(this.tokenKey);
        return this.newToken();
      }
    });
  }

  /** @param {() => Promise<string>} ask @returns {Promise<string>} */
  once(ask) {
    const { tokenKey } = this;
    const request = tokenRequests.get(tokenKey) ?? ask().finally(() => tokenRequests.delete(tokenKey));
    tokenRequests.set(tokenKey, request);
    return request;
  }

  /** @param {string | null} [old] @returns {Promise<string>} */
  async newToken(old = null) {
    const { access_token, expires_in } = await this.askToken(old);
    // Another window was first: this is one buyer, so both use its token.
    const kept = this.keptToken();
    if (kept !== old && kept !== null) return kept;
    remember(this.tokenKey, { access_token, at_ms: Date.now(), renew_ms: expires_in * 500 });
    return access_token;
  }

  /** @param {string | null} old @returns {Promise<any>} */
  async askToken(old) {
    /** @type {Request} */
    const wish = { anonymous: true, body: {}, token: old };
    for (let tries = 1; ; tries++) {
      try {
        return await this.call("POST", "/v1/auth/guest", wish);
      } catch (error) {
        if (!(error instanceof ApiError && error.code === "proof-needed") || tries > ATTEMPTS_MAX) throw error;
        this.onWork(text("crowded"));
        wish.body = { proof: await solve(error.problem) };
      }
    }
  }
}

/** @param {Response} response */
async function problemOf(response) {
  const { headers, status } = response;
  const problem = (await response.json().catch(() => null)) ?? {};
  const code = String(problem.type ?? "").split("/").pop() || "http-error";
  problem.retry_after ??= headers.get("retry-after");
  return new ApiError(problemText(code, problem.detail ?? problem.title ?? text("serverAnswered", { status: String(status) })), code, status, problem);
}

/** @param {number} ms */
export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
