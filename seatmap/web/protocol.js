// @ts-check
/**
 * The binary frames of the live protocol, and what they do to a map. No I/O.
 *
 *     frame = await decode(bytes)
 *     { state, changed } = applySnapshot(old, frame)
 *     { state, changed, gap } = applyDelta(old, frame)
 *
 * States go in and new states come out; the old one is never written to.
 *
 * @import { Delta, Frame, MapState, Snapshot } from "./types.js"
 */

export const SUBPROTOCOL = "frontrow.v1";

export const FREE = 0;
export const HELD = 1;
export const SOLD = 2;
export const BLOCKED = 3;

const FLAG_ZLIB = 1;
const HEADER_BYTES = 8;
const SNAPSHOT_HEAD_BYTES = HEADER_BYTES + 12;
const DELTA_HEAD_BYTES = HEADER_BYTES + 24;
/** More seats than any venue has; bounds the memory that a broken frame can make us allocate. */
const SEATS_MAX = 1_000_000;
/** A varint holds a seat gap (32 bits) and a state (2 bits). */
const VARINT_BYTES_MAX = 5;

/** The bytes are not a frame of this protocol. */
export class ProtocolError extends Error {}

/**
 * Decode one binary frame. Asynchronous only because inflating is.
 *
 * @param {ArrayBuffer | Uint8Array<ArrayBuffer>} data
 * @returns {Promise<Frame>}
 * @throws {ProtocolError}
 */
export async function decode(data) {
  const bytes = new Uint8Array(data);
  const view = new DataView(bytes.buffer);
  demand(bytes.length >= HEADER_BYTES, "shorter than a frame header");
  const [kind, flags] = bytes;
  demand(view.getUint16(2) === 0 && !(flags & ~(kind === 1 ? FLAG_ZLIB : 0)), "reserved bits are set");
  const epoch = view.getUint32(4, true);
  // 64 bits on the wire; at a thousand changes a second a number is exact for 285,000 years.
  const u64 = (/** @type {number} */ at) => {
    const value = Number(view.getBigUint64(at, true));
    demand(Number.isSafeInteger(value), "number out of range");
    return value;
  };
  switch (kind) {
    case 1: {
      demand(bytes.length >= SNAPSHOT_HEAD_BYTES, "snapshot is cut short");
      const seatCount = view.getUint32(HEADER_BYTES + 8, true);
      demand(seatCount <= SEATS_MAX, "more seats than any venue has");
      const packedBytes = Math.ceil(seatCount / 4);
      let packed = bytes.subarray(SNAPSHOT_HEAD_BYTES);
      if (flags) packed = await inflate(packed, packedBytes);
      demand(packed.length === packedBytes, "snapshot has not as many seats as it says");
      // Two bits per seat, seat 0 in the low bits of byte 0.
      const seats = new Uint8Array(seatCount);
      for (let s = 0; s < seatCount; s++) seats[s] = (packed[s >> 2] >> ((s & 3) * 2)) & 3;
      return { kind: "snapshot", epoch, seq: u64(HEADER_BYTES), seats };
    }
    case 2: {
      demand(bytes.length >= DELTA_HEAD_BYTES, "delta is cut short");
      const [fromSeq, toSeq, serverTimeMs] = [8, 16, 24].map(u64);
      return { kind: "delta", epoch, fromSeq, toSeq, serverTimeMs, ...changes(bytes.subarray(DELTA_HEAD_BYTES)) };
    }
    case 3: {
      let body;
      try {
        body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(HEADER_BYTES)));
      } catch {
        throw new ProtocolError("message is not JSON");
      }
      demand(typeof body?.type === "string" && !Array.isArray(body), "message has no type");
      return { kind: "message", epoch, body };
    }
    default:
      throw new ProtocolError(`unknown frame kind ${kind}`);
  }
}

/** @param {boolean} isRight @param {string} complaint */
function demand(isRight, complaint) {
  if (!isRight) throw new ProtocolError(complaint);
}

/** @param {Uint8Array} bytes varints: (gap to the seat before << 2) | state */
function changes(bytes) {
  /** @type {number[]} */
  const seatNos = [];
  /** @type {number[]} */
  const states = [];
  let seatNo = 0;
  for (let at = 0; at < bytes.length; ) {
    // Up to 34 bits, so it is summed: JavaScript shifts wrap at 32.
    let value = 0;
    const end = at + VARINT_BYTES_MAX;
    for (let weight = 1; ; weight *= 128) {
      demand(at < bytes.length && at < end, "a varint is cut off or too long");
      const byte = bytes[at++];
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) break;
    }
    const gap = Math.floor(value / 4);
    demand(gap > 0 || seatNos.length === 0, "a seat is named twice");
    seatNo += gap;
    demand(seatNo < SEATS_MAX, "seat number out of range");
    seatNos.push(seatNo);
    states.push(value % 4);
  }
  return { seatNos: Uint32Array.from(seatNos), states: Uint8Array.from(states) };
}

/** @param {Uint8Array<ArrayBuffer>} compressed @param {number} limitBytes */
async function inflate(compressed, limitBytes) {
  const reader = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const out = new Uint8Array(limitBytes);
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return out.subarray(0, length);
      if (length + value.length > limitBytes) void reader.cancel();
      out.set(value, length);
      length += value.length;
    }
  } catch {
    throw new ProtocolError("snapshot does not inflate to its seats");
  }
}

/**
 * The map of the snapshot; `changed` are the seats that differ from `old` (all of them when there was none).
 *
 * @param {MapState | null} old @param {Snapshot} frame
 */
export function applySnapshot(old, { epoch, seq, seats }) {
  const comparable = old?.seats.length === seats.length ? old.seats : null;
  /** @type {number[]} */
  const changed = [];
  for (let s = 0; s < seats.length; s++) if (comparable?.[s] !== seats[s]) changed.push(s);
  return { state: { epoch, seq, seats: seats.slice() }, changed };
}

/**
 * The map after the delta, or the old one with `gap: true` when the delta does not continue it:
 * then the client must ask for a snapshot.
 *
 * @param {MapState | null} old @param {Delta} frame
 * @returns {{ state: MapState | null, changed: number[], gap: boolean }}
 */
export function applyDelta(old, { epoch, fromSeq, toSeq, seatNos, states }) {
  if (old === null || epoch !== old.epoch || fromSeq !== old.seq || (seatNos.at(-1) ?? -1) >= old.seats.length) {
    return { state: old, changed: [], gap: true };
  }
  const seats = old.seats.slice();
  /** @type {number[]} */
  const changed = [];
  seatNos.forEach((seatNo, i) => {
    if (seats[seatNo] === states[i]) return;
    seats[seatNo] = states[i];
    changed.push(seatNo);
  });
  return { state: { epoch, seq: toSeq, seats }, changed, gap: false };
}
