// @ts-check
/** @import { Venue } from "./layout.js" */
import { COMPANION, WHEELCHAIR } from "./layout.js";
import { FREE } from "./protocol.js";

const AISLE = 8;
/** In radii of a seat; usual neighbours are 2.4 apart. */
const NEAR = 24;
const GAP = 3.6;
const AISLE_GAP = 2.6;

/**
 * What to take instead of lost seats: the nearest `count` free ones side by side; where none are
 * near, the nearest single ones. Another row counts as `NEAR` farther away, another category as
 * twice that; a wheelchair place only ever stands for another. Pure.
 *
 * @param {Venue} venue
 * @param {Uint8Array} seats public states
 * @param {number[]} lost
 * @param {number} [count]
 * @returns {number[]} ascending; fewer than `count` when no more are free
 */
export function nearestFree({ x, y, radius, layout }, seats, lost, count = lost.length) {
  const { row, category, flags } = layout.seats;
  const kind = (/** @type {number} */ s) => flags[s] & (WHEELCHAIR | COMPANION);
  const free = [...seats.keys()].filter((s) => seats[s] === FREE && lost.some((l) => kind(l) === kind(s)));
  const middle = (/** @type {number[]} */ of) => [x, y].map((along) => of.reduce((sum, s) => sum + along[s], 0) / of.length / radius);
  const [x0, y0] = middle(lost);
  const way = (/** @type {number[]} */ block) => {
    const [x1, y1] = middle(block);
    return Math.hypot(x1 - x0, y1 - y0);
  };
  const unlike = (/** @type {number[]} */ column, /** @type {number[]} */ block) => Number(!block.every((s) => lost.some((l) => column[l] === column[s])));
  const cost = (/** @type {number[]} */ block) => way(block) + NEAR * (unlike(row, block) + 2 * unlike(category, block));
  const beside = (/** @type {number} */ a, /** @type {number} */ b) => {
    const gap = flags[a] & flags[b] & AISLE ? AISLE_GAP : GAP;
    return b - a === 1 && row[a] === row[b] && Math.hypot(x[a] - x[b], y[a] - y[b]) < gap * radius;
  };
  const around = free.filter((s) => Math.hypot(x[s] / radius - x0, y[s] / radius - y0) < NEAR + count * GAP);
  const blocks = around
    .map((_, i) => around.slice(i, i + count))
    .filter((block) => block.length === count && block.every((s, i) => i === 0 || beside(block[i - 1], s)) && way(block) < NEAR);
  if (blocks.length > 0) return blocks.reduce((a, b) => (cost(b) < cost(a) ? b : a));
  return free.sort((a, b) => cost([a]) - cost([b])).slice(0, count).sort((a, b) => a - b);
}
