// @ts-check
/**
 * The binary frames of the live protocol, and what they do to a map. No I/O.
 *
 *     frame = decode(bytes)                         bytes → Snapshot | Delta | Message
 *     { state, changed } = applySnapshot(old, frame)
 *     { state, changed, gap } = applyDelta(old, frame)
 *
 * States go in and new states come out; the old one is never written to.
 *
 * @typedef {{ epoch: number, seq: number, seats: Uint8Array }} MapState
 *   `seats` holds one public state (0…3) per seat number.
 * @typedef {{ kind: "snapshot", epoch: number, seq: number, seats: Uint8Array }} Snapshot
 * @typedef {{ kind: "delta", epoch: number, fromSeq: number, toSeq: number, serverTimeMs: number,
 *             seatNos: Uint32Array, states: Uint8Array }} Delta
 * @typedef {{ kind: "message", epoch: number, body: { type: string, [key: string]: any } }} Message
 * @typedef {Snapshot | Delta | Message} Frame
 */

export const SUBPROTOCOL = "frontrow.v1";

export const FREE = 0;
export const HELD = 1;
export const SOLD = 2;
export const BLOCKED = 3;

const KIND_SNAPSHOT = 1;
const KIND_DELTA = 2;
const KIND_MESSAGE = 3;
const FLAG_ZLIB = 1;
const HEADER_BYTES = 8;
const SNAPSHOT_HEAD_BYTES = HEADER_BYTES + 12;
const DELTA_HEAD_BYTES = HEADER_BYTES + 24;
/** More seats than any venue has; bounds what a broken frame can make us allocate. */
const SEATS_MAX = 1_000_000;
/** A varint holds a seat gap (32 bits) and a state (2 bits). */
const VARINT_BYTES_MAX = 5;

/** The bytes are not a frame of this protocol. */
export class ProtocolError extends Error {}

/**
 * Decode one binary frame. Asynchronous only because inflating is.
 *
 * @param {ArrayBuffer | Uint8Array} data
 * @returns {Promise<Frame>}
 * @throws {ProtocolError}
 */
export async function decode(data) {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  if (bytes.length < HEADER_BYTES) throw new ProtocolError("shorter than a frame header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = view.getUint8(0);
  const flags = view.getUint8(1);
  const epoch = view.getUint32(4, true);
  if (view.getUint16(2, true) !== 0 || flags & ~(kind === KIND_SNAPSHOT ? FLAG_ZLIB : 0)) {
    throw new ProtocolError("reserved bits are set");
  }
  switch (kind) {
    case KIND_SNAPSHOT:
      return decodeSnapshot(bytes, view, epoch, flags);
    case KIND_DELTA:
      return decodeDelta(bytes, view, epoch);
    case KIND_MESSAGE:
      return decodeMessage(bytes, epoch);
    default:
      throw new ProtocolError(`unknown frame kind ${kind}`);
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {DataView} view
 * @param {number} epoch
 * @param {number} flags
 * @returns {Promise<Snapshot>}
 */
async function decodeSnapshot(bytes, view, epoch, flags) {
  if (bytes.length < SNAPSHOT_HEAD_BYTES) throw new ProtocolError("snapshot is cut short");
  const seq = readU64(view, HEADER_BYTES);
  const seatCount = view.getUint32(HEADER_BYTES + 8, true);
  if (seatCount > SEATS_MAX) throw new ProtocolError("more seats than any venue has");
  const packedBytes = Math.ceil(seatCount / 4);
  let packed = bytes.subarray(SNAPSHOT_HEAD_BYTES);
  if (flags & FLAG_ZLIB) packed = await inflate(packed, packedBytes);
  if (packed.length !== packedBytes) {
    throw new ProtocolError(`snapshot has ${packed.length} bytes for ${seatCount} seats`);
  }
  return { kind: "snapshot", epoch, seq, seats: unpack(packed, seatCount) };
}

/**
 * @param {Uint8Array} bytes
 * @param {DataView} view
 * @param {number} epoch
 * @returns {Delta}
 */
function decodeDelta(bytes, view, epoch) {
  if (bytes.length < DELTA_HEAD_BYTES) throw new ProtocolError("delta is cut short");
  const fromSeq = readU64(view, HEADER_BYTES);
  const toSeq = readU64(view, HEADER_BYTES + 8);
  const serverTimeMs = readU64(view, HEADER_BYTES + 16);
  /** @type {number[]} */
  const seatNos = [];
  /** @type {number[]} */
  const states = [];
  let seatNo = 0;
  let at = DELTA_HEAD_BYTES;
  while (at < bytes.length) {
    // A varint holds up to 34 bits here, so it is summed: JavaScript shifts wrap at 32.
    let value = 0;
    const end = at + VARINT_BYTES_MAX;
    for (let weight = 1; ; weight *= 128) {
      if (at >= bytes.length || at === end) throw new ProtocolError("a varint is cut off or too long");
      const byte = bytes[at++];
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) break;
    }
    const gap = Math.floor(value / 4);
    if (gap === 0 && seatNos.length > 0) throw new ProtocolError("a seat is named twice");
    seatNo += gap;
    if (seatNo >= SEATS_MAX) throw new ProtocolError("seat number out of range");
    seatNos.push(seatNo);
    states.push(value % 4);
  }
  return {
    kind: "delta",
    epoch,
    fromSeq,
    toSeq,
    serverTimeMs,
    seatNos: Uint32Array.from(seatNos),
    states: Uint8Array.from(states),
  };
}

/**
 * @param {Uint8Array} bytes
 * @param {number} epoch
 * @returns {Message}
 */
function decodeMessage(bytes, epoch) {
  let body;
  try {
    body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(HEADER_BYTES)));
  } catch {
    throw new ProtocolError("message is not JSON");
  }
  if (body === null || typeof body !== "object" || Array.isArray(body) || typeof body.type !== "string") {
    throw new ProtocolError("message has no type");
  }
  return { kind: "message", epoch, body };
}

/**
 * Sequence numbers are 64 bits on the wire; a venue would need 285,000 years of changes at a
 * thousand a second to leave the range that a JavaScript number holds exactly.
 *
 * @param {DataView} view
 * @param {number} at
 */
function readU64(view, at) {
  const value = Number(view.getBigUint64(at, true));
  if (!Number.isSafeInteger(value)) throw new ProtocolError("number out of range");
  return value;
}

/**
 * @param {Uint8Array} compressed
 * @param {number} limitBytes
 * @returns {Promise<Uint8Array>}
 */
async function inflate(compressed, limitBytes) {
  const copy = new Uint8Array(compressed);
  const reader = new Blob([copy]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const out = new Uint8Array(limitBytes);
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return out.subarray(0, length);
      if (length + value.length > limitBytes) {
        await reader.cancel();
        throw new ProtocolError("snapshot inflates to more than its seats");
      }
      out.set(value, length);
      length += value.length;
    }
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    throw new ProtocolError("snapshot does not inflate");
  }
}

/**
 * @param {Uint8Array} packed two bits per seat, seat 0 in the low bits of byte 0
 * @param {number} seatCount
 */
function unpack(packed, seatCount) {
  const seats = new Uint8Array(seatCount);
  for (let seatNo = 0; seatNo < seatCount; seatNo++) {
    seats[seatNo] = (packed[seatNo >> 2] >> ((seatNo & 3) * 2)) & 3;
  }
  return seats;
}

/**
 * The map as the snapshot says it is; `changed` are the seats that differ from `old`
 * (all of them when there was none).
 *
 * @param {MapState | null} old
 * @param {Snapshot} frame
 * @returns {{ state: MapState, changed: number[] }}
 */
export function applySnapshot(old, frame) {
  const seats = frame.seats.slice();
  const comparable = old !== null && old.seats.length === seats.length;
  /** @type {number[]} */
  const changed = [];
  for (let seatNo = 0; seatNo < seats.length; seatNo++) {
    if (!comparable || old.seats[seatNo] !== seats[seatNo]) changed.push(seatNo);
  }
  return { state: { epoch: frame.epoch, seq: frame.seq, seats }, changed };
}

/**
 * The map after the delta, or the old one with `gap: true` when the delta does not continue it:
 * then the only right thing is to ask for a snapshot.
 *
 * @param {MapState | null} old
 * @param {Delta} frame
 * @returns {{ state: MapState | null, changed: number[], gap: boolean }}
 */
export function applyDelta(old, frame) {
  const last = frame.seatNos.length - 1;
  if (
    old === null ||
    frame.epoch !== old.epoch ||
    frame.fromSeq !== old.seq ||
    (last >= 0 && frame.seatNos[last] >= old.seats.length)
  ) {
    return { state: old, changed: [], gap: true };
  }
  const seats = old.seats.slice();
  /** @type {number[]} */
  const changed = [];
  for (let i = 0; i <= last; i++) {
    const seatNo = frame.seatNos[i];
    if (seats[seatNo] === frame.states[i]) continue;
    seats[seatNo] = frame.states[i];
    changed.push(seatNo);
  }
  return { state: { epoch: old.epoch, seq: frame.toSeq, seats }, changed, gap: false };
}
