// @ts-check
/**
 * The background of the seats. Sections as a whole are drawn when seats are too small to be told apart: a
 * body follows the rows, and its tint and words show how much is free. Bodies are counted and repainted seat
 * by seat as the map changes. The scenery around them is drawn here, too.
 *
 * @import { Venue } from "./layout.js"
 * @import { Palette } from "./draw.js"
 * @import { Box, Filter, Fullness, Part, Point, Text } from "./shapes.js"
 */
import { blend, contextOf, FONT, pathOf, setFont, shortened } from "./draw.js";
import { clamp, passes } from "./layout.js";
import { FREE } from "./protocol.js";
import { text } from "./texts.js";
import { overlap } from "./view.js";

/** Seats of a row farther apart than this many radii are in different bodies; rows never reach farther. */
const AISLE = 14;
const PITCH_MAX = 6.5;
/** Share of the category's colour in a body, from full to all free. */
const TINTS = [0, 0.16, 0.24, 0.33, 0.42, 0.52];
const PIXELS_MAX = 4_000_000;
/** The picture may be shown stretched this much. */
const STRETCH_MAX = 1.35;
/** An area's name is shortened rather than written smaller. */
const NAME_PX = 10;
/** Fewer letters of it say nothing. */
const NAME_LENGTH_MIN = 7;

/**
 * How many seats are free, and how many there are, in each section; with a filter, of those categories.
 *
 * @param {Venue} venue
 * @param {Uint8Array} seats
 * @param {Filter} [filter]
 */
export function fullness(venue, seats, filter = null) {
  const free = new Uint32Array(venue.sections.length);
  const total = new Uint32Array(venue.sections.length);
  const { category, flags } = venue.layout.seats;
  for (let s = 0; s < seats.length; s++) {
    if (!passes(filter, category[s], flags[s])) continue;
    const section = venue.sectionOf(s);
    total[section]++;
    if (seats[s] === FREE) free[section]++;
  }
  return { free, total };
}

export class Bodies {
  /** @param {Venue} venue */
  constructor(venue) {
    this.venue = venue;
    this.canvas = document.createElement("canvas");
    this.context = contextOf(this.canvas);
    /** The number of each seat's part. */
    this.partOf = new Uint16Array(venue.seatCount);
    /** @type {Part[]} */
    this.parts = [];
    /** Distance between rows, by section. */
    this.pitches = venue.sections.map((_, i) => rowPitch(venue, i));
    this.gather();
    this.free = new Uint32Array(this.parts.length);
    /** @type {Filter} */
    this.filter = null;
    /** Scale of the picture in CSS pixels per drawing unit, 0: nothing painted; and in device pixels. */
    this.scale = 0;
    this.unit = 1;
    const { x0, y0, x1, y1 } = venue.box;
    const rim = venue.radius * 8;
    this.box = { x0: x0 - rim, y0: y0 - rim, x1: x1 + rim, y1: y1 + rim };
    /** @type {Set<number>} sections that differ from the picture */
    this.stale = new Set();
    /** @type {Fullness[]} */
    this.words = [];
  }

  gather() {
    const { venue, parts } = this;
    const { category } = venue.layout.seats;
    /** @type {Map<string, number>} */
    const known = new Map();
    for (const { section, first_seat, seat_count } of venue.layout.rows) {
      for (let s = first_seat; s < first_seat + seat_count; s++) {
        const key = `${section}/${category[s]}`;
        const no = known.get(key) ?? parts.push({ section, category: category[s], path: new Path2D(), total: 0 }) - 1;
        known.set(key, no);
        const { path } = parts[no];
        const joined = s > first_seat && this.partOf[s - 1] === no && venue.gap(s - 1, s) < AISLE * venue.radius;
        if (!joined) path.moveTo(venue.x[s] - 0.01, venue.y[s]);
        path.lineTo(venue.x[s], venue.y[s]);
        parts[no].total++;
        this.partOf[s] = no;
      }
    }
  }

  /** @param {Uint8Array} seats */
  count(seats) {
    this.free.fill(0);
    for (let s = 0; s < seats.length; s++) if (seats[s] === FREE) this.free[this.partOf[s]]++;
    this.forget();
  }

  /** @param {number} seatNo @param {number} was @param {number} is */
  change(seatNo, was, is) {
    const step = Number(is === FREE) - Number(was === FREE);
    if (step === 0) return;
    const no = this.partOf[seatNo];
    const before = this.level(no);
    this.free[no] += step;
    const { section } = this.parts[no];
    delete this.words[section];
    if (this.level(no) !== before) this.stale.add(section);
  }

  /** All sections differ from the picture. */
  forget() {
    this.scale = 0;
    this.words = [];
  }

  /** @param {number} no of a part */
  level(no) {
    return Math.ceil((this.free[no] / this.parts[no].total) * (TINTS.length - 1));
  }

  /** @param {number} section @returns {Fullness} */
  describe(section) {
    let free = 0;
    let total = 0;
    this.parts.forEach((part, no) => {
      if (part.section !== section || !this.isWanted(part)) return;
      free += this.free[no];
      total += part.total;
    });
    // The same words at every scale, and those of the list.
    const words = total === 0 ? "" : free === 0 ? text("full") : text("left", { count: free });
    return { name: this.venue.shortNames[section], words, share: free / (total || 1) };
  }

  /** @param {Part} part */
  isWanted({ category }) {
    return this.filter === null || this.filter.has(category);
  }

  /**
   * Bring the picture up to date, and to a scale.
   *
   * @param {Palette} palette
   * @param {number} scale
   * @param {number} ratio device pixels per CSS pixel
   * @returns {number} of sections painted
   */
  paint(palette, scale, ratio) {
    const { canvas, context, box } = this;
    const stretch = scale / this.scale;
    const fresh = !(stretch < STRETCH_MAX && stretch > 1 / STRETCH_MAX);
    if (fresh) {
      const width = box.x1 - box.x0;
      const height = box.y1 - box.y0;
      this.unit = Math.min(scale * ratio, Math.sqrt(PIXELS_MAX / (width * height)));
      canvas.width = Math.ceil(width * this.unit);
      canvas.height = Math.ceil(height * this.unit);
      this.scale = scale;
      context.setTransform(this.unit, 0, 0, this.unit, -box.x0 * this.unit, -box.y0 * this.unit);
      context.lineCap = "round";
      context.lineJoin = "bevel";
      this.stale = new Set(this.venue.largestFirst);
    }
    const changed = this.stale.size;
    for (const section of this.stale) this.paintSection(section, palette, ratio, fresh);
    this.stale.clear();
    return changed;
  }

  /** @param {number} section @param {Palette} palette @param {number} ratio @param {boolean} fresh */
  paintSection(section, palette, ratio, fresh) {
    const { context, pitches, unit } = this;
    const width = pitches[section] * 1.06;
    const line = (1.2 * ratio) / unit;
    // Soft edges would become darker if they were painted twice.
    context.globalCompositeOperation = "destination-out";
    if (!fresh) this.strokeParts(section, width + line * 2 + 2 / unit, () => "#000");
    context.globalCompositeOperation = "source-over";
    this.strokeParts(section, width + line * 2, ({ category }, level) =>
      level > 0 ? blend(palette.tones[category]?.fill ?? palette.muted, palette.background, 0.35) : palette.line,
    );
    this.strokeParts(section, width, ({ category }, level) =>
      level > 0 ? blend(palette.tones[category]?.fill ?? palette.muted, palette.background, 1 - TINTS[level]) : blend(palette.surface, palette.background, 0.4),
    );
  }

  /** @param {number} section @param {number} width @param {(part: Part, level: number) => string} colour */
  strokeParts(section, width, colour) {
    const { context } = this;
    context.lineWidth = width;
    this.parts.forEach((part, no) => {
      if (part.section !== section) return;
      context.strokeStyle = colour(part, this.isWanted(part) ? this.level(no) : 0);
      context.stroke(part.path);
    });
  }

  /** @param {CanvasRenderingContext2D} context with a transform to the drawing's units */
  copyTo(context) {
    const { box, canvas } = this;
    context.drawImage(canvas, box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0);
  }

  /** Are the corners of a rectangle around a section's middle over its seats? @param {number} section @param {number} w half its width @param {number} v half its height */
  covers(section, w, v) {
    const { venue } = this;
    const { x, y } = venue.sections[section];
    return [-1, 1].every((i) =>
      [-1, 1].every((j) => {
        const seatNo = venue.seatAt(x + i * w, y + j * v, venue.radius * 3.4);
        return seatNo >= 0 && venue.sectionOf(seatNo) === section;
      }),
    );
  }

  /**
   * Names and words over sections, as far as there is room; the larger sections' first.
   *
   * @param {CanvasRenderingContext2D} context in CSS pixels
   * @param {Palette} palette
   * @param {(place: Point) => Point} toScreen
   * @param {number} scale
   * @param {boolean} overSeats only names then, on a ground
   */
  label(context, palette, toScreen, scale, overSeats) {
    /** @type {Box[]} */
    const taken = [];
    for (const section of this.venue.largestFirst) {
      const fullness = (this.words[section] ??= this.describe(section));
      const { x, y } = toScreen(this.venue.sections[section]);
      const boxOf = (/** @type {number} */ width, /** @type {number} */ height) => {
        const w = width / 2 + (overSeats ? 7 : 1);
        const v = overSeats ? 11 : height / 2;
        return { x0: x - w, y0: y - v, x1: x + w, y1: y + v };
      };
      const fits = (/** @type {number} */ width, /** @type {number} */ height) =>
        this.covers(section, width / 2 / scale, height / 2 / scale) && !taken.some((other) => overlap(other, boxOf(width, height)));
      const label = fitted(context, fullness, overSeats, fits);
      if (!label) continue;
      const { lines, size, metered } = label;
      const box = boxOf(label.width, label.height);
      taken.push(box);
      if (overSeats) bar(context, palette.background, 0.86, box);
      context.fillStyle = palette.ink;
      const top = y - ((lines.length - 1) / 2) * size * LINE - (metered ? 4 : 0);
      lines.forEach((line, i) => {
        setFont(context, i > 0 ? 500 : 650, i > 0 ? size - 1 : size);
        context.fillText(line, x, top + i * size * LINE);
      });
      if (!metered) continue;
      const y0 = top + size * 2;
      const x0 = x - METER_PX / 2;
      bar(context, palette.ink, 0.22, { x0, y0, x1: x0 + METER_PX, y1: y0 + 4 });
      if (fullness.share > 0) bar(context, palette.ink, 1, { x0, y0, x1: x0 + Math.max(4, METER_PX * fullness.share), y1: y0 + 4 });
    }
  }
}

/** Of names, in CSS pixels. */
const SIZES = [13, 11];
const LINE = 1.15;
const METER_PX = 32;
/** @type {Map<string, number>} of words, in sizes of their type */
const widths = new Map();

/** @param {CanvasRenderingContext2D} context @param {Fullness} fullness @param {boolean} nameOnly @param {(width: number, height: number) => boolean} fits */
function fitted(context, { name, words }, nameOnly, fits) {
  const widthOf = (/** @type {string} */ text) => {
    if (!widths.has(text)) {
      setFont(context, 650, 100);
      widths.set(text, context.measureText(text).width / 100);
    }
    return widths.get(text) ?? 0;
  };
  for (const tries of nameOnly || words === "" ? [[[name]]] : [[[name, words], [`${name}: ${words}`]], [[name]]]) {
    for (const lines of tries) {
      for (const size of SIZES) {
        const width = Math.max(...lines.map(widthOf)) * size;
        const height = lines.length * size * LINE;
        if (!fits(width, height)) continue;
        const metered = lines.length > 1 && fits(Math.max(width, METER_PX), height + 12);
        return { lines, size, width, height: height + (metered ? 12 : 0), metered };
      }
    }
  }
  return null;
}

/** @param {CanvasRenderingContext2D} context @param {string} colour @param {number} strength @param {Box} box */
function bar(context, colour, strength, { x0, y0, x1, y1 }) {
  context.globalAlpha = strength;
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(x0, y0, x1 - x0, y1 - y0, (y1 - y0) / 2);
  context.fill();
  context.globalAlpha = 1;
}

/** From the middle row of a section to the next. @param {Venue} venue @param {number} section */
function rowPitch(venue, section) {
  const { first_row, row_count } = venue.layout.sections[section];
  const at = first_row + ((row_count - 1) >> 1);
  const [row, next] = venue.layout.rows.slice(at, first_row + row_count);
  let pitch = 0;
  if (next) {
    const middle = row.first_seat + (row.seat_count >> 1);
    const nearest = venue.seatInRow(at + 1, venue.x[middle], venue.y[middle]);
    pitch = venue.gap(middle, nearest);
  }
  return clamp(pitch, venue.radius * 2.4, venue.radius * PITCH_MAX);
}

/**
 * Parts that do not change with every seat: stage, walls, tables, and areas with their places left. They are
 * few, so they are drawn each time.
 */
export class Scenery {
  /** @param {Venue} venue */
  constructor(venue) {
    this.venue = venue;
    this.shapes = venue.layout.areas.map(({ shape }) => pathOf(shape));
    this.decorations = venue.layout.decorations.map(({ shape }) => (shape ? pathOf(shape) : null));
    /** @type {Map<number, number>} places left by area number */
    this.available = new Map();
    /** @type {ReadonlyMap<number, number>} */
    this.own = new Map();
    /** @type {Filter} */
    this.filter = null;
  }

  /**
   * @param {CanvasRenderingContext2D} context with a transform to the drawing's units
   * @param {Palette} palette
   * @param {number} scale CSS pixels per drawing unit
   * @param {number} [hovered] area number
   * @param {boolean} [worded]
   */
  draw(context, palette, scale, hovered = -1, worded = true) {
    const { areas, decorations } = this.venue.layout;
    decorations.forEach(({ color, border_color, text, kind }, i) => {
      const path = this.decorations[i];
      if (path) {
        context.fillStyle = color ? blend(color, palette.background, 0.7) : palette.surface;
        if (kind !== "wall") context.fill(path);
        context.strokeStyle = border_color ? blend(border_color, palette.background, 0.5) : palette.line;
        context.lineWidth = (kind === "wall" ? 2 : 1) / scale;
        context.stroke(path);
      }
      if (text && worded) write(context, scale, text, palette.muted);
    });
    areas.forEach(({ category }, areaNo) => {
      const path = this.shapes[areaNo];
      const own = this.own.get(areaNo) ?? 0;
      const soldOut = this.available.get(areaNo) === 0 && own === 0;
      const faint = soldOut || (this.filter !== null && !this.filter.has(category));
      const fill = palette.tones[category]?.fill ?? palette.muted;
      context.save();
      context.globalAlpha = faint ? 0.08 : hovered === areaNo ? 0.3 : 0.2;
      context.fillStyle = faint ? palette.muted : fill;
      context.fill(path);
      context.globalAlpha = 1;
      context.strokeStyle = own > 0 ? palette.ink : faint ? palette.line : fill;
      context.lineWidth = (own > 0 ? 3 : 1.5) / scale;
      if (soldOut) context.setLineDash([6 / scale, 6 / scale]);
      context.stroke(path);
      context.restore();
      if (worded) this.drawAreaWords(context, palette.ink, scale, areaNo);
    });
  }

  /** Words as large as fit; along a narrow area, turned. @param {CanvasRenderingContext2D} context @param {string} ink @param {number} scale @param {number} areaNo */
  drawAreaWords(context, ink, scale, areaNo) {
    let { name } = this.venue.layout.areas[areaNo];
    const left = this.available.get(areaNo);
    const own = this.own.get(areaNo) ?? 0;
    const words = own > 0 ? text("ownPlaces", { count: own }) : left === undefined ? "" : left === 0 ? text("soldOutTitle") : text("left", { count: left });
    const { x, y, width, height } = this.venue.areaMiddles[areaNo];
    const turned = height > width * 1.8;
    const [along, across] = turned ? [height, width] : [width, height];
    context.font = `650 10px ${FONT}`;
    const room = along * 0.86;
    const needed = Math.max(context.measureText(name).width, context.measureText(words).width) / 10;
    const most = Math.min(across / 3, 18 / scale);
    const readable = Math.min(NAME_PX / scale, most);
    const brief = shortened(context, name, (room / readable) * 10);
    const isShort = room / needed < readable && brief.length > NAME_LENGTH_MIN;
    if (isShort) name = brief;
    const size = isShort ? readable : Math.min(room / needed, most);
    const off = size * 0.66;
    const [dx, dy] = turned ? [off, 0] : [0, off];
    const rotation = turned ? -90 : 0;
    write(context, scale, { text: name, x: x - dx, y: y - dy, size, rotation }, ink, 650);
    write(context, scale, { text: words, x: x + dx, y: y + dy, size: size * 0.85, rotation }, ink);
  }
}

/** Words in drawing units; left out where they would be too small to read. @param {CanvasRenderingContext2D} context @param {number} scale @param {Text} text @param {string} ink @param {number} [weight] */
function write(context, scale, { text, x, y, size = 16, rotation = 0 }, ink, weight = 500) {
  if (size * scale < 6) return;
  context.save();
  context.translate(x, y);
  context.rotate((rotation * Math.PI) / 180);
  setFont(context, weight, size);
  context.fillStyle = ink;
  context.fillText(text, 0, 0);
  context.restore();
}
