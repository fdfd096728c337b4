// @ts-check
/**
 * All seats around the present view, painted once, in slices of time. Moving the map copies this
 * picture, so a frame costs the same with 120 seats and with 20,000; a seat that changes is painted
 * over in place.
 *
 * @import { Venue } from "./layout.js"
 * @import { Palette } from "./draw.js"
 * @import { Filter, Look, Size, View } from "./shapes.js"
 */
import { contextOf, drawSeat, NUMBER_RADIUS_PX, setFont, shortened } from "./draw.js";
import { ACCESSIBLE, clamp, COMPANION, passes } from "./layout.js";
import { FREE } from "./protocol.js";
import { common, contains, seen } from "./view.js";

/** How far the picture reaches beyond the view, as a share of it; and how near its end the next is begun. */
const MARGIN = 0.25;
const MARGIN_LEFT = 0.06;
/** Between looks at the clock. */
const SEATS_PER_LOOK = 1000;
const PIXELS_PER_LOOK = 500_000;
/** Phones refuse much larger canvases. */
const PIXELS_MAX = 9_000_000;
/** The picture may be shown stretched this much while a gesture lasts. */
const STRETCH_MAX = 2;
const ROW_LABEL_RADIUS_PX = 6;
/** Smaller than this, section names lie over the seats (see drawing.js); from it on, before the first row. */
export const SECTION_LABEL_RADIUS_PX = 3.6;

/** Tiny seats are placed to half a pixel, otherwise even rows would look uneven. */
const FINE_SIDE_PX = 12;
const SHEET_WIDTH_PX = 2048;
const LOOKS_PER_STEP = 16;

export class SeatLayer {
  /**
   * @param {object} what
   * @param {Venue} what.venue
   * @param {Palette} what.palette
   * @param {Uint8Array} what.seats is read until all is painted
   * @param {Filter} what.filter
   * @param {View} what.view
   * @param {Size} what.size
   * @param {number} what.ratio device pixels per CSS pixel
   * @param {HTMLCanvasElement} what.canvas to paint on; its content is overwritten
   */
  constructor({ venue, palette, seats, filter, view, size, ratio, canvas }) {
    const rim = venue.radius * 5;
    const { x0, y0, x1, y1 } = venue.box;
    this.venue = venue;
    this.palette = palette;
    this.seats = seats;
    this.filter = filter;
    this.scale = view.scale;
    this.box = common(seen(view, size, MARGIN), { x0: x0 - rim, y0: y0 - rim, x1: x1 + rim, y1: y1 + rim });
    const width = Math.max(1, (this.box.x1 - this.box.x0) * this.scale);
    const height = Math.max(1, (this.box.y1 - this.box.y0) * this.scale);
    this.ratio = Math.min(ratio, Math.sqrt(PIXELS_MAX / (width * height)));
    /** Device pixels per drawing unit. */
    this.unit = this.scale * this.ratio;
    this.radiusPx = venue.radius * this.scale;
    this.canvas = canvas;
    this.canvas.width = Math.ceil(width * this.ratio);
    this.canvas.height = Math.ceil(height * this.ratio);
    this.context = contextOf(this.canvas);
    /** More than seats changed: a new picture must be painted. */
    this.isStale = false;
    this.isDone = false;
    this.steps = this.painting();
    /** @type {number[]} seats that changed while being painted */
    this.late = [];
  }

  /** Continue painting until this time. @param {number} untilMs @returns {boolean} is all painted */
  paint(untilMs) {
    while (!this.isDone && performance.now() < untilMs) this.isDone = this.steps.next().done === true;
    return this.isDone;
  }

  /**
   * Is the picture still good enough?
   *
   * @param {View} view
   * @param {Size} size
   * @param {boolean} moving a stretched picture is good enough while the map moves
   */
  suits(view, size, moving) {
    if (this.isStale || !contains(this.box, common(seen(view, size, moving ? MARGIN_LEFT : 0), this.venue.box))) return false;
    const stretch = view.scale / this.scale;
    return Math.abs(stretch - 1) < 1e-9 || (moving && stretch < STRETCH_MAX && stretch > 1 / STRETCH_MAX);
  }

  /** @param {View} view @param {Size} size */
  covers(view, size) {
    return contains(this.box, common(seen(view, size, 0), this.venue.box));
  }

  /** @param {CanvasRenderingContext2D} context @param {View} view @param {number} ratio */
  copyTo(context, view, ratio) {
    const stretch = (view.scale * ratio) / this.unit;
    const left = (this.box.x0 - view.x) * view.scale * ratio;
    const top = (this.box.y0 - view.y) * view.scale * ratio;
    context.setTransform(stretch, 0, 0, stretch, Math.round(left), Math.round(top));
    context.drawImage(this.canvas, 0, 0);
  }

  /** Each step ends where the clock may be checked. */
  *painting() {
    const { venue, box, unit } = this;
    const inside = venue.seatsIn(box);
    const stamps = new Stamps(this.palette, this.radiusPx, this.ratio);
    const numbers = new Uint32Array(inside.length);
    const at = new Float64Array(inside.length * 2);
    for (let i = 0; i < inside.length; i++) {
      const seatNo = inside[i];
      const { state, category, square, faint, text } = this.lookOf(seatNo);
      numbers[i] = stamps.numberOf(state, state === FREE ? category : 0, square, faint, text);
      at[i * 2] = (venue.x[seatNo] - box.x0) * unit;
      at[i * 2 + 1] = (venue.y[seatNo] - box.y0) * unit;
    }
    yield* stamps.drawSheet();
    const { width, height } = this.canvas;
    const image = this.context.createImageData(width, height);
    for (let i = 0; i < inside.length; i += SEATS_PER_LOOK) {
      stamps.press(image, numbers, at, i, Math.min(inside.length, i + SEATS_PER_LOOK));
      yield;
    }
    const lines = Math.ceil(PIXELS_PER_LOOK / width);
    for (let y = 0; y < height; y += lines) {
      this.context.putImageData(image, 0, 0, 0, y, width, lines);
      yield;
    }
    for (const seatNo of this.late) this.paintOver(seatNo);
    if (this.radiusPx >= ROW_LABEL_RADIUS_PX) this.paintRowLabels();
    if (this.radiusPx >= SECTION_LABEL_RADIUS_PX) this.paintSectionNames();
  }

  /** One seat that changed. @param {number} seatNo */
  repaint(seatNo) {
    if (this.isDone) this.paintOver(seatNo);
    else this.late.push(seatNo);
  }

  /** @param {number} seatNo */
  paintOver(seatNo) {
    const { context, venue, ratio } = this;
    const x = (venue.x[seatNo] - this.box.x0) * this.unit;
    const y = (venue.y[seatNo] - this.box.y0) * this.unit;
    context.setTransform(ratio, 0, 0, ratio, x, y);
    context.globalCompositeOperation = "destination-out";
    context.beginPath();
    context.arc(0, 0, this.radiusPx * 1.12 + 1 / ratio, 0, Math.PI * 2);
    context.fill();
    context.globalCompositeOperation = "source-over";
    drawSeat(context, this.palette, this.radiusPx, this.lookOf(seatNo));
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  /** @param {number} seatNo @returns {Look} */
  lookOf(seatNo) {
    const state = this.seats[seatNo];
    const { flags, category: categories } = this.venue.layout.seats;
    const category = categories[seatNo];
    const faint = !passes(this.filter, category, flags[seatNo]);
    return { state, category, square: (flags[seatNo] & ACCESSIBLE) !== 0, faint, text: faint ? "" : this.textOf(seatNo, state) };
  }

  /** The text on a seat. The tooltip says "Stool 12"; on the seat there is room for the 12. @param {number} seatNo @param {number} state */
  textOf(seatNo, state) {
    if (state !== FREE || this.radiusPx < NUMBER_RADIUS_PX) return "";
    const { flags, number } = this.venue.layout.seats;
    return `${flags[seatNo] & COMPANION ? "+" : ""}${number[seatNo].split(" ").pop()}`;
  }

  /** At both ends of every row. */
  paintRowLabels() {
    const { venue } = this;
    setFont(this.context, 500, Math.min(13 * this.ratio, venue.radius * this.unit * 1.25));
    const distance = venue.radius * 2.5;
    const grain = venue.radius * 1.3;
    /** @type {Set<string>} two rows that end side by side share a label's place: one of them is enough */
    const taken = new Set();
    for (const { label, first_seat, seat_count } of venue.layout.rows) {
      // Longer labels ("Table 12") would run into the seats; the tooltip shows them.
      if (seat_count < 2 || label.length > 4) continue;
      const last = first_seat + seat_count - 1;
      for (const [end, inner] of [[first_seat, first_seat + 1], [last, last - 1]]) {
        const dx = venue.x[end] - venue.x[inner];
        const dy = venue.y[end] - venue.y[inner];
        const length = Math.hypot(dx, dy) || 1;
        const x = venue.x[end] + (dx / length) * distance;
        const y = venue.y[end] + (dy / length) * distance;
        const places = [-0.4, 0.4].flatMap((i) => [-0.4, 0.4].map((j) => `${Math.round(x / grain + i)}/${Math.round(y / grain + j)}`));
        if (venue.seatAt(x, y, venue.radius * 1.7) >= 0 || places.some((place) => taken.has(place))) continue;
        for (const place of places) taken.add(place);
        this.write(label, x, y);
      }
    }
  }

  /** Beside a section where there is room for the whole name; never over seats or drawn shapes. */
  paintSectionNames() {
    const { venue } = this;
    setFont(this.context, 600, 13 * this.ratio);
    const reach = venue.radius + 9 / this.scale;
    venue.sections.forEach(({ beside }, i) => {
      const { x0, x1 } = venue.box;
      const name = shortened(this.context, venue.layout.sections[i].name, (x1 - x0) * this.unit);
      const half = this.context.measureText(name).width / 2 / this.unit;
      const isClear = (/** @type {number} */ x, /** @type {number} */ y) => venue.seatAt(x, y, reach) < 0 && !venue.isCovered(x, y);
      // Within the drawing, which may fill the whole map.
      const places = beside.map(({ x, y }) => ({ x: clamp(x, x0 + half, x1 - half), y }));
      const place = places.find(({ x, y }) => [-1, -0.5, 0, 0.5, 1].every((t) => isClear(x + t * half, y)));
      if (place) this.write(name, place.x, place.y);
    });
  }

  /** @param {string} text @param {number} x @param {number} y */
  write(text, x, y) {
    const { x0, y0, x1, y1 } = this.box;
    if (x < x0 || x > x1 || y < y0 || y > y1) return;
    this.context.fillStyle = this.palette.muted;
    this.context.fillText(text, (x - x0) * this.unit, (y - y0) * this.unit);
  }
}

/**
 * Pictures of seats, copied into an image by the thousand. Each look is drawn once; all further seats are
 * copied numbers, which takes a twentieth of the time of 20,000 canvas calls without a GPU.
 */
class Stamps {
  /**
   * @param {Palette} palette
   * @param {number} radiusPx of a seat, in CSS pixels
   * @param {number} ratio device pixels per CSS pixel
   */
  constructor(palette, radiusPx, ratio) {
    this.palette = palette;
    this.radiusPx = radiusPx;
    this.ratio = ratio;
    this.side = Math.ceil((Math.max(1.2, radiusPx) + 1) * ratio) * 2;
    this.columns = Math.floor(SHEET_WIDTH_PX / this.side) || 1;
    /** Positions per pixel and direction. */
    this.grain = this.side <= FINE_SIDE_PX ? 2 : 1;
    /** @type {Look[]} */
    this.looks = [];
    /** @type {ImageData | null} */
    this.sheet = null;
    /** @type {Map<number | string, number>} */
    this.numbers = new Map();
  }

  /** The number of a look, for `press`. @param {number} state @param {number} category @param {boolean} square @param {boolean} faint @param {string} text */
  numberOf(state, category, square, faint, text) {
    const plain = state | (square ? 4 : 0) | (faint ? 8 : 0) | (category << 4);
    const key = text === "" ? plain : `${plain}/${text}`;
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.looks.push({ state, category, square, faint, text }) - 1;
      this.numbers.set(key, number);
    }
    return number;
  }

  /**
   * Press looks into an image.
   *
   * @param {ImageData} image
   * @param {Uint32Array} numbers of the looks
   * @param {Float64Array} at x and y of each one's middle, in device pixels, alternating
   * @param {number} from
   * @param {number} to
   */
  press(image, numbers, at, from, to) {
    const { side, grain } = this;
    const columns = this.columns;
    const { sheet } = this;
    if (sheet === null) return;
    const source = new Uint32Array(sheet.data.buffer);
    const target = new Uint32Array(image.data.buffer);
    for (let i = from; i < to; i++) {
      const x = Math.round((at[i * 2] - side / 2) * grain);
      const y = Math.round((at[i * 2 + 1] - side / 2) * grain);
      const left = Math.floor(x / grain);
      const top = Math.floor(y / grain);
      const slot = (numbers[i] * grain + (y - top * grain)) * grain + (x - left * grain);
      const corner = Math.floor(slot / columns) * side * sheet.width + (slot % columns) * side;
      const row0 = Math.max(0, -top);
      const row1 = Math.min(side, image.height - top);
      const col0 = Math.max(0, -left);
      const col1 = Math.min(side, image.width - left);
      for (let row = row0; row < row1; row++) {
        const read = corner + row * sheet.width;
        const write = (top + row) * image.width + left;
        for (let col = col0; col < col1; col++) {
          const pixel = source[read + col];
          // Seats may touch at their soft rims: the denser pixel stays.
          if (pixel >>> 24 > target[write + col] >>> 24) target[write + col] = pixel;
        }
      }
    }
  }

  /** All looks in all positions, side by side, once all are numbered. Each step ends where the clock may be checked. */
  *drawSheet() {
    const { side, grain, ratio, looks, columns } = this;
    const canvas = document.createElement("canvas");
    const slots = looks.length * grain * grain;
    canvas.width = Math.min(slots, columns) * side || 1;
    canvas.height = Math.ceil(slots / columns) * side || 1;
    const context = contextOf(canvas, { willReadFrequently: true });
    for (let slot = 0; slot < slots; slot++) {
      const phase = slot % (grain * grain);
      const x = (slot % columns) * side + side / 2 + (phase % grain) / grain;
      const y = Math.floor(slot / columns) * side + side / 2 + Math.floor(phase / grain) / grain;
      context.setTransform(ratio, 0, 0, ratio, x, y);
      drawSeat(context, this.palette, this.radiusPx, looks[(slot - phase) / (grain * grain)]);
      if (slot % LOOKS_PER_STEP === 0) yield;
    }
    this.sheet = context.getImageData(0, 0, canvas.width, canvas.height);
  }
}
