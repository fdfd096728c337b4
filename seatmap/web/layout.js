// @ts-check
/**
 * A venue's drawing, and finding seats in it by place. Pure: nothing here draws.
 *
 * @typedef {import("./shapes.js").Layout} Layout
 * @typedef {import("./shapes.js").Row} Row
 * @import { Box, Filter, Point, Shape } from "./shapes.js"
 */
import { FREE } from "./protocol.js";
import { text } from "./texts.js";

export const WHEELCHAIR = 1;
export const COMPANION = 2;
export const RESTRICTED_VIEW = 4;
/** For a wheelchair user or a companion. */
export const ACCESSIBLE = WHEELCHAIR | COMPANION;

/** As a flag: a way begins beside the seat. */
const AISLE = 8;
/** How far is near, in radii of a seat; usual neighbours are 2.4 apart. */
const NEAR = 24;
const GAP = 3.6;
const AISLE_GAP = 2.6;

/** A seat's radius as a share of the distance between neighbours. */
const RADIUS_SHARE = 0.42;

export class Venue {
  /** @param {Layout} layout */
  constructor(layout) {
    this.layout = layout;
    this.seatCount = layout.seats.x.length;
    this.x = Float64Array.from(layout.seats.x);
    this.y = Float64Array.from(layout.seats.y);
    /** Radius of a seat in drawing units. */
    this.radius = seatRadius(layout);
    this.box = boxOf(layout, this.radius);
    this.sections = layout.sections.map((_, i) => sectionPlace(layout, i, this.radius));
    /** Section numbers. */
    this.largestFirst = [...this.sections.keys()].sort((a, b) => this.sections[b].weight - this.sections[a].weight);
    /** Section names without their common beginning: "226" where every section is a "Block". */
    this.shortNames = shortNames(layout.sections.map((section) => section.name));
    this.areaMiddles = layout.areas.map(({ shape }) => middleOf(shape));
    // One stray seat makes a drawing far larger than it is full: the grid is bounded.
    this.cellSize = Math.max(this.radius * 8, (this.box.x1 - this.box.x0) / 400, (this.box.y1 - this.box.y0) / 400);
    this.columns = Math.max(1, Math.ceil((this.box.x1 - this.box.x0) / this.cellSize));
    this.lines = Math.max(1, Math.ceil((this.box.y1 - this.box.y0) / this.cellSize));
    this.fillGrid();
  }

  /** Counting sort of the seats into a grid: `cellStart[c]…cellStart[c + 1]` index `cellSeats`. */
  fillGrid() {
    const cellOf = new Uint32Array(this.seatCount);
    this.cellStart = new Uint32Array(this.columns * this.lines + 1);
    for (let s = 0; s < this.seatCount; s++) {
      cellOf[s] = this.line(this.y[s]) * this.columns + this.column(this.x[s]);
      this.cellStart[cellOf[s] + 1]++;
    }
    for (let c = 1; c < this.cellStart.length; c++) this.cellStart[c] += this.cellStart[c - 1];
    const next = this.cellStart.slice();
    this.cellSeats = new Uint32Array(this.seatCount);
    for (let s = 0; s < this.seatCount; s++) this.cellSeats[next[cellOf[s]]++] = s;
  }

  /** @param {number} x */
  column(x) {
    return clamp(Math.floor((x - this.box.x0) / this.cellSize), 0, this.columns - 1);
  }

  /** @param {number} y */
  line(y) {
    return clamp(Math.floor((y - this.box.y0) / this.cellSize), 0, this.lines - 1);
  }

  /**
   * Call `visit` for every seat whose centre may lie in the box (whole grid cells).
   *
   * @param {Box} box
   * @param {(seatNo: number) => void} visit
   */
  forEachIn(box, visit) {
    const { cellStart, cellSeats } = /** @type {{ cellStart: Uint32Array, cellSeats: Uint32Array }} */ (this);
    const c0 = this.column(box.x0);
    const c1 = this.column(box.x1);
    for (let line = this.line(box.y0); line <= this.line(box.y1); line++) {
      const from = cellStart[line * this.columns + c0];
      const to = cellStart[line * this.columns + c1 + 1];
      for (let i = from; i < to; i++) visit(cellSeats[i]);
    }
  }

  /** Seats whose centre may lie in the box (whole grid cells). @param {Box} box */
  seatsIn(box) {
    const found = new Uint32Array(this.seatCount);
    let length = 0;
    this.forEachIn(box, (seatNo) => (found[length++] = seatNo));
    return found.subarray(0, length);
  }

  /**
   * The seat nearest to a point, or -1 when none is within `reach` drawing units.
   *
   * @param {number} x
   * @param {number} y
   * @param {number} reach
   */
  seatAt(x, y, reach) {
    let best = -1;
    let bestSquare = reach * reach;
    this.forEachIn({ x0: x - reach, y0: y - reach, x1: x + reach, y1: y + reach }, (s) => {
      const square = (this.x[s] - x) ** 2 + (this.y[s] - y) ** 2;
      if (square <= bestSquare) {
        best = s;
        bestSquare = square;
      }
    });
    return best;
  }

  /** The seat of a row that is nearest to a point. @param {number} row @param {number} x @param {number} y */
  seatInRow(row, x, y) {
    const { first_seat, seat_count } = this.layout.rows[row];
    let best = first_seat;
    const distance = (/** @type {number} */ s) => Math.hypot(this.x[s] - x, this.y[s] - y);
    for (let s = first_seat; s < first_seat + seat_count; s++) if (distance(s) < distance(best)) best = s;
    return best;
  }

  /** From one seat's middle to another's. @param {number} a @param {number} b */
  gap(a, b) {
    return Math.hypot(this.x[a] - this.x[b], this.y[a] - this.y[b]);
  }

  /** @param {number} seatNo */
  sectionOf(seatNo) {
    return this.layout.rows[this.layout.seats.row[seatNo]].section;
  }

  /** The area that covers a point, or -1. @param {number} x @param {number} y */
  areaAt(x, y) {
    return this.layout.areas.findLastIndex((area) => covers(area.shape, x, y));
  }

  /** Are there seats in the box, or parts of an area? @param {Box} box */
  isUsed({ x0, y0, x1, y1 }) {
    const r = this.radius;
    let used = false;
    this.forEachIn({ x0: x0 - r, y0: y0 - r, x1: x1 + r, y1: y1 + r }, (s) => {
      used ||= this.x[s] > x0 - r && this.x[s] < x1 + r && this.y[s] > y0 - r && this.y[s] < y1 + r;
    });
    const steps = [0, 0.25, 0.5, 0.75, 1];
    return used || steps.some((i) => steps.some((j) => this.areaAt(x0 + (x1 - x0) * i, y0 + (y1 - y0) * j) >= 0));
  }

  /** Is there an area or another drawn shape? @param {number} x @param {number} y */
  isCovered(x, y) {
    return this.areaAt(x, y) >= 0 || this.layout.decorations.some(({ shape }) => shape && covers(shape, x, y));
  }

  /** @param {number} seatNo */
  place(seatNo) {
    const row = this.layout.rows[this.layout.seats.row[seatNo]];
    return {
      section: this.layout.sections[row.section].name,
      row: row.label,
      number: this.layout.seats.number[seatNo],
      category: this.layout.seats.category[seatNo],
      flags: this.layout.seats.flags[seatNo],
    };
  }

  /** Words that tell this seat from every other, as on the ticket: "Stalls, row F, seat 12". @param {number} seatNo */
  label(seatNo) {
    const { section, row, number } = this.place(seatNo);
    return [section, rowName(row), seatName(number)].filter(Boolean).join(", ");
  }
}

/** A label of several words needs no "row" before it ("Table 3"). @param {string} label */
export function rowName(label) {
  return label === "" || label.includes(" ") ? label : text("row", { label });
}

/** @param {string} number */
export function seatName(number) {
  return number.includes(" ") ? number : text("seat", { number });
}

/** Does a seat pass the filter? @param {Filter} filter @param {number} category @param {number} flags */
export function passes(filter, category, flags) {
  return filter === null || (filter.has(category) && (!filter.accessible || (flags & ACCESSIBLE) !== 0));
}

/** @param {number} value @param {number} low @param {number} high */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/**
 * From the closer pairs of neighbours in rows, so that no seat covers another; the very closest are left out,
 * because one badly drawn pair must not shrink all seats.
 *
 * @param {Layout} layout
 */
function seatRadius({ rows, seats, size }) {
  /** @type {number[]} */
  const distances = [];
  for (const row of rows) {
    for (let s = row.first_seat + 1; s < row.first_seat + row.seat_count; s++) {
      distances.push(Math.hypot(seats.x[s] - seats.x[s - 1], seats.y[s] - seats.y[s - 1]));
    }
  }
  if (distances.length === 0) return Math.max(1, Math.min(size.width, size.height) / 60);
  distances.sort((a, b) => a - b);
  return Math.max(0.1, distances[Math.floor(distances.length * 0.03)] * RADIUS_SHARE);
}

/** @param {Layout} layout @param {number} radius @returns {Box} */
function boxOf(layout, radius) {
  const box = emptyBox();
  for (let s = 0; s < layout.seats.x.length; s++) stretch(box, layout.seats.x[s], layout.seats.y[s], radius);
  for (const { shape } of [...layout.areas, ...layout.decorations]) {
    if (!shape) continue;
    const outer = shapeBox(shape);
    stretch(box, outer.x0, outer.y0, 0);
    stretch(box, outer.x1, outer.y1, 0);
  }
  if (box.x0 > box.x1) return { x0: 0, y0: 0, x1: layout.size.width, y1: layout.size.height };
  return box;
}

/**
 * The place of a section's name: over the middle of its seats; or, where it is shown beside them, before its
 * first row or behind its last. `weight` is the number of seats.
 *
 * @param {Layout} layout
 * @param {number} i
 * @param {number} radius
 */
function sectionPlace({ sections, rows, seats, focal_point }, i, radius) {
  const { first_row, row_count } = sections[i];
  const box = emptyBox();
  let weight = 0;
  let x = 0;
  let y = 0;
  for (let r = first_row; r < first_row + row_count; r++) {
    const { first_seat, seat_count } = rows[r];
    for (let s = first_seat; s < first_seat + seat_count; s++) {
      x += seats.x[s];
      y += seats.y[s];
      stretch(box, seats.x[s], seats.y[s], radius);
    }
    weight += seat_count;
  }
  /** @type {Point[]} */
  const beside = [];
  for (const [row, distance] of /** @type {[Row | undefined, number][]} */ ([[rows[first_row], 4], [rows[first_row + row_count - 1], -4]])) {
    if (weight === 0 || row === undefined) continue;
    const middle = row.first_seat + (row.seat_count >> 1);
    const dx = focal_point.x - seats.x[middle];
    const dy = focal_point.y - seats.y[middle];
    const step = (radius * distance) / (Math.hypot(dx, dy) || 1);
    beside.push({ x: seats.x[middle] + dx * step, y: seats.y[middle] + dy * step });
  }
  return { x: x / (weight || 1), y: y / (weight || 1), weight, box, beside };
}

/** @param {string[]} names */
function shortNames(names) {
  const first = names[0]?.split(" ")[0] ?? "";
  const shared = names.length > 1 && names.every((name) => name.startsWith(`${first} `));
  return shared ? names.map((name) => name.slice(first.length + 1)) : names;
}

/**
 * A point inside a shape with room for words around it: the middle of its box or, where that is a
 * notch of the polygon, the place farthest from the rim (to the grain of a grid).
 *
 * @param {Shape} shape
 */
function middleOf(shape) {
  const { x0, y0, x1, y1 } = shapeBox(shape);
  const centre = { x: (x0 + x1) / 2, y: (y0 + y1) / 2, width: x1 - x0, height: y1 - y0 };
  if (shape.type !== "polygon" || covers(shape, centre.x, centre.y)) return centre;
  const grain = 24;
  let best = centre;
  let bestRoom = 0;
  for (let i = 0; i < grain * grain; i++) {
    const x = x0 + (((i % grain) + 0.5) / grain) * (x1 - x0);
    const y = y0 + ((Math.floor(i / grain) + 0.5) / grain) * (y1 - y0);
    if (!covers(shape, x, y)) continue;
    const room = Math.min(...shape.points.map((p, k) => distance(x, y, p, shape.points[(k + 1) % shape.points.length])));
    if (room <= bestRoom) continue;
    bestRoom = room;
    best = { x, y, width: room * 2, height: room * 2 };
  }
  return best;
}

/** From a point to a line between two others. @param {number} x @param {number} y @param {[number, number]} a @param {[number, number]} b */
function distance(x, y, [ax, ay], [bx, by]) {
  const square = (bx - ax) ** 2 + (by - ay) ** 2 || 1;
  const t = clamp(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / square, 0, 1);
  return Math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay));
}

/** @returns {Box} */
function emptyBox() {
  return { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
}

/** @param {Box} box @param {number} x @param {number} y @param {number} margin */
function stretch(box, x, y, margin) {
  box.x0 = Math.min(box.x0, x - margin);
  box.y0 = Math.min(box.y0, y - margin);
  box.x1 = Math.max(box.x1, x + margin);
  box.y1 = Math.max(box.y1, y + margin);
}

/** @param {Shape} shape @returns {Box} */
export function shapeBox(shape) {
  switch (shape.type) {
    case "rectangle":
      return { x0: shape.x, y0: shape.y, x1: shape.x + shape.width, y1: shape.y + shape.height };
    case "ellipse": {
      const turn = ((shape.rotation ?? 0) * Math.PI) / 180;
      const w = Math.hypot(shape.rx * Math.cos(turn), shape.ry * Math.sin(turn));
      const h = Math.hypot(shape.rx * Math.sin(turn), shape.ry * Math.cos(turn));
      return { x0: shape.x - w, y0: shape.y - h, x1: shape.x + w, y1: shape.y + h };
    }
    case "polygon": {
      const box = emptyBox();
      for (const [x, y] of shape.points) stretch(box, x, y, 0);
      return box;
    }
  }
}

/** @param {Shape} shape @param {number} x @param {number} y */
function covers(shape, x, y) {
  switch (shape.type) {
    case "rectangle":
      return x >= shape.x && x <= shape.x + shape.width && y >= shape.y && y <= shape.y + shape.height;
    case "ellipse": {
      const turn = (-(shape.rotation ?? 0) * Math.PI) / 180;
      const dx = x - shape.x;
      const dy = y - shape.y;
      const u = (dx * Math.cos(turn) - dy * Math.sin(turn)) / shape.rx;
      const v = (dx * Math.sin(turn) + dy * Math.cos(turn)) / shape.ry;
      return u * u + v * v <= 1;
    }
    case "polygon": {
      let inside = false;
      const { points } = shape;
      for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
        const [xi, yi] = points[i];
        const [xj, yj] = points[j];
        if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
      }
      return inside;
    }
  }
}

/**
 * Seats to take instead of lost ones: the nearest `count` free seats side by side; where none are near, the
 * nearest single ones. Another row counts as `NEAR` farther away, another category as twice that; a wheelchair
 * place only replaces another one. Pure.
 *
 * @param {Venue} venue
 * @param {Uint8Array} seats public states
 * @param {number[]} lost
 * @param {number} [count]
 * @returns {number[]} ascending; fewer than `count` when no more are free
 */
export function nearestFree({ x, y, radius, layout }, seats, lost, count = lost.length) {
  const { row, category, flags } = layout.seats;
  const kind = (/** @type {number} */ s) => flags[s] & ACCESSIBLE;
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

/** Facts about a seat that a buyer should know before taking it. @param {number} flags */
export function seatNotes(flags) {
  const notes = [];
  if (flags & WHEELCHAIR) notes.push(text("wheelchair"));
  if (flags & COMPANION) notes.push(text("companion"));
  if (flags & RESTRICTED_VIEW) notes.push(text("restricted"));
  return notes;
}
