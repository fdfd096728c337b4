// @ts-check
/**
 * Pictures of seats, pressed into an image by the thousand. Each look is drawn once; the rest is
 * copying numbers, which takes a twentieth of the time of 20,000 canvas calls where no GPU helps.
 *
 * @import { Palette } from "./palette.js"
 * @import { Look } from "./shapes.js"
 */
import { contextOf, drawSeat } from "./draw.js";

/** Tiny seats are told apart to half a pixel, or even rows would look uneven. */
const FINE_SIDE_PX = 12;
const SHEET_WIDTH_PX = 2048;
const LOOKS_PER_STEP = 16;

export class Stamps {
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

  /** All looks in all positions, side by side, once all are numbered. Each step ends where the clock may be looked at. */
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
