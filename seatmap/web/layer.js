// @ts-check
/**
 * All seats around the present view, painted once. Moving the map copies this picture, so a frame
 * costs the same with 120 seats and with 20,000; a seat that changes is painted over in place.
 *
 * @import { Box, Venue } from "./layout.js"
 * @import { Palette } from "./palette.js"
 * @import { Size, View } from "./view.js"
 */
import { contextOf, drawSeat, FONT, NUMBER_RADIUS_PX } from "./draw.js";
import { WHEELCHAIR } from "./layout.js";
import { FREE } from "./protocol.js";
import { Stamps } from "./stamps.js";
import { common, contains, seen } from "./view.js";

/** How far beyond the view, as a share of it. */
const MARGIN = 0.25;
/** Phones refuse much larger canvases. */
const PIXELS_MAX = 9_000_000;
/** It may be shown stretched this much while a gesture lasts. */
const STRETCH_MAX = 2;
const ROW_LABEL_RADIUS_PX = 6;
/** Smaller than this, section names lie over the seats (see map.js); from it on, before the first row. */
export const SECTION_LABEL_RADIUS_PX = 3.6;

export class SeatLayer {
  /**
   * @param {object} what
   * @param {Venue} what.venue
   * @param {Palette} what.palette
   * @param {Uint8Array} what.seats
   * @param {View} what.view
   * @param {Size} what.size
   * @param {number} what.ratio device pixels per CSS pixel
   * @param {HTMLCanvasElement} what.canvas is painted on; what it showed is gone
   */
  constructor({ venue, palette, seats, view, size, ratio, canvas }) {
    const rim = venue.radius * 5;
    const { x0, y0, x1, y1 } = venue.box;
    this.venue = venue;
    this.palette = palette;
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
    this.paintAll(seats);
    if (this.radiusPx >= ROW_LABEL_RADIUS_PX) this.paintRowLabels();
    if (this.radiusPx >= SECTION_LABEL_RADIUS_PX) this.paintSectionNames();
  }

  /**
   * Does the picture still do?
   *
   * @param {View} view
   * @param {Size} size
   * @param {boolean} moving a stretched picture is good enough while the map moves
   */
  suits(view, size, moving) {
    if (!contains(this.box, common(seen(view, size, 0), this.venue.box))) return false;
    const stretch = view.scale / this.scale;
    return Math.abs(stretch - 1) < 1e-9 || (moving && stretch < STRETCH_MAX && stretch > 1 / STRETCH_MAX);
  }

  /** @param {CanvasRenderingContext2D} context @param {View} view @param {number} ratio */
  copyTo(context, view, ratio) {
    const stretch = (view.scale * ratio) / this.unit;
    const left = (this.box.x0 - view.x) * view.scale * ratio;
    const top = (this.box.y0 - view.y) * view.scale * ratio;
    context.setTransform(stretch, 0, 0, stretch, Math.round(left), Math.round(top));
    context.drawImage(this.canvas, 0, 0);
  }

  /** @param {Uint8Array} states */
  paintAll(states) {
    const { venue, box, unit } = this;
    const { category } = venue.layout.seats;
    const inside = venue.seatsIn(box);
    const stamps = new Stamps(this.palette, this.radiusPx, this.ratio);
    const numbers = new Uint32Array(inside.length);
    const at = new Float64Array(inside.length * 2);
    inside.forEach((seatNo, i) => {
      const state = states[seatNo];
      numbers[i] = stamps.numberOf(state, state === FREE ? category[seatNo] : 0, this.isSquare(seatNo), this.textOf(seatNo, state));
      at[i * 2] = (venue.x[seatNo] - box.x0) * unit;
      at[i * 2 + 1] = (venue.y[seatNo] - box.y0) * unit;
    });
    const image = this.context.createImageData(this.canvas.width, this.canvas.height);
    stamps.press(image, numbers, at);
    this.context.putImageData(image, 0, 0);
  }

  /** One seat that changed. @param {number} seatNo @param {number} state */
  repaint(seatNo, state) {
    const { context, venue, ratio } = this;
    const x = (venue.x[seatNo] - this.box.x0) * this.unit;
    const y = (venue.y[seatNo] - this.box.y0) * this.unit;
    context.setTransform(ratio, 0, 0, ratio, x, y);
    context.globalCompositeOperation = "destination-out";
    context.beginPath();
    context.arc(0, 0, this.radiusPx * 1.12 + 1 / ratio, 0, Math.PI * 2);
    context.fill();
    context.globalCompositeOperation = "source-over";
    const look = { state, category: venue.layout.seats.category[seatNo], square: this.isSquare(seatNo), text: this.textOf(seatNo, state) };
    drawSeat(context, this.palette, this.radiusPx, look);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  /** @param {number} seatNo */
  isSquare(seatNo) {
    return (this.venue.layout.seats.flags[seatNo] & WHEELCHAIR) !== 0;
  }

  /** What is written on a seat. "Stool 12" is said by the tooltip; on the seat there is room for the 12. @param {number} seatNo @param {number} state */
  textOf(seatNo, state) {
    if (state !== FREE || this.radiusPx < NUMBER_RADIUS_PX) return "";
    return this.venue.layout.seats.number[seatNo].split(" ").pop() ?? "";
  }

  /** At both ends of every row. */
  paintRowLabels() {
    const { venue } = this;
    this.setFont(500, Math.min(13 * this.ratio, venue.radius * this.unit * 1.25));
    const distance = venue.radius * 2.5;
    for (const { label, first_seat, seat_count } of venue.layout.rows) {
      // Longer labels ("Table 12") would run into the seats; the tooltip says them.
      if (seat_count < 2 || label.length > 4) continue;
      const last = first_seat + seat_count - 1;
      for (const [end, inner] of [[first_seat, first_seat + 1], [last, last - 1]]) {
        const dx = venue.x[end] - venue.x[inner];
        const dy = venue.y[end] - venue.y[inner];
        const length = Math.hypot(dx, dy) || 1;
        const x = venue.x[end] + (dx / length) * distance;
        const y = venue.y[end] + (dy / length) * distance;
        if (venue.seatAt(x, y, venue.radius * 1.7) < 0) this.write(label, x, y);
      }
    }
  }

  /** Beside a section where there is room for the whole name; never over seats or anything drawn. */
  paintSectionNames() {
    const { venue } = this;
    this.setFont(600, 13 * this.ratio);
    const reach = venue.radius + 9 / this.scale;
    venue.sections.forEach(({ beside }, i) => {
      const { name } = venue.layout.sections[i];
      const half = this.context.measureText(name).width / 2 / this.unit;
      const isClear = (/** @type {number} */ x, /** @type {number} */ y) => venue.seatAt(x, y, reach) < 0 && !venue.isCovered(x, y);
      const place = beside.find(({ x, y }) => [-1, -0.5, 0, 0.5, 1].every((t) => isClear(x + t * half, y)));
      if (place) this.write(name, place.x, place.y);
    });
  }

  /** @param {number} weight @param {number} size in device pixels */
  setFont(weight, size) {
    this.context.font = `${weight} ${size}px ${FONT}`;
    this.context.textAlign = "center";
    this.context.textBaseline = "middle";
    this.context.fillStyle = this.palette.muted;
  }

  /** @param {string} text @param {number} x @param {number} y */
  write(text, x, y) {
    const { x0, y0, x1, y1 } = this.box;
    if (x < x0 || x > x1 || y < y0 || y > y1) return;
    this.context.fillText(text, (x - x0) * this.unit, (y - y0) * this.unit);
  }
}
