// @ts-check
/**
 * One event's live connection: keeps a MapState true to the server's, whatever the network does.
 *
 *     connecting → live ⇄ reconnecting ⇄ offline        gone: no such event, nothing more to try
 *
 * A reconnect offers the (epoch, seq) it has, so the server sends only what was missed.
 *
 * @import { MapState } from "./protocol.js"
 * @typedef {"connecting" | "live" | "reconnecting" | "offline" | "gone"} LiveStatus
 */
import { applyDelta, applySnapshot, decode, SUBPROTOCOL } from "./protocol.js";

const BACKOFF_FIRST_MS = 400;
const BACKOFF_MAX_MS = 20_000;
/** A connection this old was a good one: the next failure starts the backoff afresh. */
const SETTLED_MS = 10_000;
const CLOSE_NO_SUCH_EVENT = 4404;
const CLOSE_TOO_MANY = 4429;

/**
 * Wait before the next attempt: exponential, with enough jitter that ten thousand browsers that
 * lost the same server do not come back in the same moment.
 *
 * @param {number} attempt 0 for the first
 * @param {number} random 0…1
 */
export function backoffMs(attempt, random = Math.random()) {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt);
  return ceiling * (0.25 + 0.75 * random);
}

export class LiveConnection {
  /**
   * @param {object} options
   * @param {string} options.url address without query
   * @param {(state: MapState, changed: number[]) => void} options.onChange
   * @param {(body: { type: string, [key: string]: any }) => void} options.onMessage
   * @param {(status: LiveStatus) => void} options.onStatus
   */
  constructor({ url, onChange, onMessage, onStatus }) {
    this.url = url;
    this.onChange = onChange;
    this.onMessage = onMessage;
    this.onStatus = onStatus;
    /** @type {MapState | null} */
    this.state = null;
    /** @type {LiveStatus} */
    this.status = "connecting";
    /** @type {WebSocket | null} */
    this.socket = null;
    this.attempt = 0;
    this.openedAtMs = 0;
    this.awaitingSnapshot = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.stopped = true;
    this.wentOnline = () => this.retryNow();
    this.wentOffline = () => this.drop();
  }

  start() {
    this.stopped = false;
    addEventListener("online", this.wentOnline);
    addEventListener("offline", this.wentOffline);
    this.open();
  }

  stop() {
    this.stopped = true;
    removeEventListener("online", this.wentOnline);
    removeEventListener("offline", this.wentOffline);
    clearTimeout(this.timer);
    this.abandon();
  }

  /**
   * Take a state that came another way (over HTTP). Ignored while the connection itself delivers.
   *
   * @param {MapState} state
   */
  adopt(state) {
    if (this.status === "live") return;
    const { changed } = applySnapshot(this.state, { kind: "snapshot", ...state });
    this.state = state;
    this.onChange(state, changed);
  }

  retryNow() {
    if (this.stopped || this.socket !== null || this.status === "gone") return;
    clearTimeout(this.timer);
    this.attempt = 0;
    this.open();
  }

  drop() {
    if (this.stopped || this.status === "gone") return;
    this.abandon();
    this.schedule();
  }

  open() {
    const url = new URL(this.url, location.href);
    if (this.state !== null) {
      url.searchParams.set("epoch", String(this.state.epoch));
      url.searchParams.set("seq", String(this.state.seq));
    }
    let socket;
    try {
      socket = new WebSocket(url, SUBPROTOCOL);
    } catch {
      // A page on https may not open ws: the map then lives by asking over HTTP.
      this.schedule();
      return;
    }
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.awaitingSnapshot = false;
    // Inflating is asynchronous; the chain keeps frames in the order they came.
    let queue = Promise.resolve();
    socket.onopen = () => {
      this.openedAtMs = performance.now();
      this.become("live");
    };
    socket.onmessage = ({ data }) => {
      queue = queue.then(() => this.receive(socket, data));
    };
    socket.onclose = ({ code }) => {
      if (this.socket === socket) this.lost(code);
    };
  }

  /**
   * @param {WebSocket} socket
   * @param {ArrayBuffer} data
   */
  async receive(socket, data) {
    let frame;
    try {
      frame = await decode(data);
    } catch {
      // Not a frame we know: what we have may be wrong, so begin again from nothing.
      if (this.socket !== socket) return;
      this.state = null;
      this.drop();
      return;
    }
    if (this.socket !== socket) return;
    switch (frame.kind) {
      case "snapshot": {
        const { state, changed } = applySnapshot(this.state, frame);
        this.awaitingSnapshot = false;
        this.state = state;
        this.onChange(state, changed);
        return;
      }
      case "delta": {
        if (this.awaitingSnapshot) return;
        const { state, changed, gap } = applyDelta(this.state, frame);
        if (gap || state === null) {
          this.awaitingSnapshot = true;
          socket.send(JSON.stringify({ type: "snapshot" }));
          return;
        }
        this.state = state;
        if (changed.length > 0) this.onChange(state, changed);
        return;
      }
      case "message":
        this.onMessage(frame.body);
    }
  }

  /** @param {number} code */
  lost(code) {
    this.socket = null;
    if (code === CLOSE_NO_SUCH_EVENT) {
      this.become("gone");
      return;
    }
    if (this.openedAtMs > 0 && performance.now() - this.openedAtMs > SETTLED_MS) this.attempt = 0;
    if (code === CLOSE_TOO_MANY) this.attempt = Math.max(this.attempt, 4);
    this.openedAtMs = 0;
    this.schedule();
  }

  schedule() {
    clearTimeout(this.timer);
    if (this.stopped) return;
    this.become(navigator.onLine ? "reconnecting" : "offline");
    this.timer = setTimeout(() => this.open(), backoffMs(this.attempt++));
  }

  abandon() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  /** @param {LiveStatus} status */
  become(status) {
    if (status === this.status) return;
    this.status = status;
    this.onStatus(status);
  }
}
