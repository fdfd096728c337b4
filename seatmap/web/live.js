// @ts-check
/**
 * One event's live connection: keeps a MapState equal to the server's, whatever the network does.
 *
 *     connecting → live ⇄ reconnecting ⇄ offline        gone: no such event, no more attempts
 *              ↘ polling: this page may not open such a connection
 *
 * A reconnect offers the (epoch, seq) it has, so the server sends only what was missed.
 *
 * @import { LiveOptions, LiveStatus, MapState } from "./types.js"
 */
import { applyDelta, applySnapshot, decode, SUBPROTOCOL } from "./protocol.js";

const BACKOFF_FIRST_MS = 400;
const BACKOFF_MAX_MS = 20_000;
/** A server that shuts down spreads its clients' reconnects over this long at most. */
const TOLD_MAX_MS = 60_000;
/** A connection this old was a good one: the next failure starts the backoff afresh. */
const SETTLED_MS = 10_000;
const MALFORMED = 4400;
const UNAUTHORISED = 4401;
const NO_SUCH_EVENT = 4404;
/** First attempt number of the backoff, by close code: some conditions do not pass at once. @type {Record<number, number>} */
const ATTEMPTS_AFTER = { 1013: 2, [MALFORMED]: 5, 4429: 4 };
/** The browser announces that it is online again; this is for machines that are wrong about it. */
const OFFLINE_ATTEMPT = 5;
/** Some networks neither pass nor refuse WebSocket connections, or pass the handshake only. */
const OPEN_MS = 12_000;
/** As in the protocol, until a beat says otherwise; and the silence in beats after which the connection is doubted. */
const BEAT_MS = 15_000;
const BEATS = 2.5;
/** Time limit for the answer of a connection that is in doubt. */
const ALIVE_MS = 5000;
/** Somebody who comes back to a page is told the truth if it is older than this. */
const RECENT_MS = 1000;

/**
 * Wait before the next attempt: exponential, with enough jitter that ten thousand browsers that
 * lost the same server do not come back in the same moment.
 *
 * @param {number} attempt 0 for the first
 */
function backoffMs(attempt) {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt) * (0.25 + 0.75 * Math.random());
}

export class LiveConnection {
  /** @param {LiveOptions} options */
  constructor(options) {
    this.options = options;
    /** @type {MapState | null} */
    this.state = null;
    /** @type {LiveStatus} */
    this.status = "connecting";
    /** @type {WebSocket | null} */
    this.socket = null;
    this.attempt = 0;
    this.openedAtMs = 0;
    /** How long the server asked us to wait before we reconnect. */
    this.toldMs = NaN;
    this.awaitingSnapshot = false;
    /** Personal messages are wanted, too. */
    this.personal = false;
    this.authenticating = false;
    /** How many times in a row our ticket was not accepted. */
    this.refusals = 0;
    this.timer = 0;
    this.beatMs = BEAT_MS;
    /** When something last came, on the monotonic clock. */
    this.heardAtMs = -Infinity;
    this.doubting = 0;
    this.over = new AbortController();
  }

  start() {
    const { signal } = this.over;
    addEventListener("online", () => this.retryNow(), { signal });
    addEventListener("offline", () => this.drop(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.ask(), { signal });
    this.open();
  }

  stop() {
    this.over.abort();
    clearTimeout(this.timer);
    this.abandon();
  }

  /** Take a state that was read over HTTP. Ignored while the connection itself delivers. @param {MapState} state */
  adopt(state) {
    if (this.status === "live" || this.over.signal.aborted) return;
    const { changed } = applySnapshot(this.state, { kind: "snapshot", ...state });
    this.state = state;
    this.options.onChange(state, changed);
  }

  /** Something came: the connection lives. */
  hear() {
    this.heardAtMs = performance.now();
    if (this.status !== "live") {
      clearTimeout(this.timer);
      this.openedAtMs = this.heardAtMs;
      this.become("live");
    }
    clearTimeout(this.doubting);
    this.doubting = setTimeout(() => this.ask(), this.beatMs * BEATS);
  }

  /** Nothing came for long, or nobody looked: the connection must answer, or it is given up. */
  ask() {
    if (this.status !== "live" || this.socket === null || performance.now() - this.heardAtMs < RECENT_MS) return;
    this.socket.send(JSON.stringify({ type: "snapshot" }));
    clearTimeout(this.doubting);
    this.doubting = setTimeout(() => this.drop(), ALIVE_MS);
  }

  retryNow() {
    if (this.socket !== null || this.status === "gone") return;
    this.attempt = 0;
    this.open();
  }

  drop() {
    if (this.status === "gone") return;
    this.abandon();
    this.schedule();
  }

  open() {
    clearTimeout(this.timer);
    const url = new URL(this.options.url);
    if (this.state !== null) {
      url.searchParams.set("epoch", String(this.state.epoch));
      url.searchParams.set("seq", String(this.state.seq));
    }
    let socket;
    try {
      socket = new WebSocket(url, SUBPROTOCOL);
    } catch {
      // A page on https may not open ws: the map is then read over HTTP.
      this.become("polling");
      return;
    }
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.awaitingSnapshot = this.authenticating = false;
    // Inflating is asynchronous; the chain keeps frames in the order they came.
    let queue = Promise.resolve();
    this.timer = setTimeout(() => this.drop(), OPEN_MS);
    socket.onopen = () => void this.authenticate();
    socket.onmessage = ({ data }) => {
      if (this.socket === socket) this.hear();
      queue = queue.then(() => this.receive(socket, data));
    };
    socket.onclose = ({ code, reason }) => {
      if (this.socket !== socket) return;
      if (Number.isNaN(this.toldMs)) this.toldMs = Number(/reconnect in (\d+) ms/.exec(reason)?.[1] ?? NaN);
      this.lost(code);
    };
  }

  /** The buyer holds something: ask for personal messages. */
  becomePersonal() {
    if (this.personal) return;
    this.personal = true;
    void this.authenticate();
  }

  /** Without a ticket the map stays live, without personal messages. */
  async authenticate() {
    const { socket } = this;
    if (!this.personal || this.refusals > 1 || socket?.readyState !== WebSocket.OPEN) return;
    try {
      const ticket = await this.options.ticket();
      if (socket !== this.socket) return;
      socket.send(JSON.stringify({ type: "authenticate", ticket }));
      this.authenticating = true;
    } catch {
      // An older or a busy server.
    }
  }

  /** @param {WebSocket} socket @param {ArrayBuffer} data */
  async receive(socket, data) {
    let frame;
    try {
      frame = await decode(data);
    } catch {
      // An unknown frame: our state may be wrong, so begin again from nothing.
      if (this.socket !== socket) return;
      this.state = null;
      this.drop();
      return;
    }
    if (this.socket !== socket) return;
    if (frame.kind === "message") {
      const { body } = frame;
      if (body.type === "beat") this.beatMs = body.every_ms;
      else if (body.type === "notice" && body.code === "going-away") this.toldMs = Number(body.reconnect_in_ms);
      else this.options.onMessage(body);
      return;
    }
    if (frame.kind === "delta" && this.awaitingSnapshot) return;
    const { state, changed, gap } = frame.kind === "delta" ? applyDelta(this.state, frame) : { ...applySnapshot(this.state, frame), gap: false };
    this.awaitingSnapshot = gap;
    if (gap || state === null) {
      socket.send(JSON.stringify({ type: "snapshot" }));
      return;
    }
    this.state = state;
    if (changed.length > 0 || frame.kind === "snapshot") this.options.onChange(state, changed);
  }

  /** @param {number} code */
  lost(code) {
    this.socket = null;
    clearTimeout(this.doubting);
    if (code === NO_SUCH_EVENT) {
      this.become("gone");
      return;
    }
    const settled = this.openedAtMs > 0 && performance.now() - this.openedAtMs > SETTLED_MS;
    if (settled) this.attempt = this.refusals = 0;
    // A gateway that does not know tickets closes with "malformed".
    if (this.authenticating && (code === UNAUTHORISED || code === MALFORMED)) this.refusals++;
    else this.attempt = Math.max(this.attempt, ATTEMPTS_AFTER[code] ?? 0);
    this.schedule();
  }

  schedule() {
    clearTimeout(this.timer);
    const { toldMs } = this;
    const { onLine } = navigator;
    this.openedAtMs = 0;
    this.toldMs = NaN;
    this.become(onLine ? "reconnecting" : "offline");
    if (!onLine) this.attempt = Math.max(this.attempt, OFFLINE_ATTEMPT);
    this.timer = setTimeout(() => this.open(), toldMs >= 0 ? Math.min(toldMs, TOLD_MAX_MS) : backoffMs(this.attempt++));
  }

  abandon() {
    const { socket } = this;
    this.socket = null;
    clearTimeout(this.doubting);
    socket?.close();
  }

  /** @param {LiveStatus} status */
  become(status) {
    if (status === this.status || this.over.signal.aborted) return;
    this.status = status;
    this.options.onStatus(status);
  }
}
