// @ts-check
/**
 * Where in the venue one is: a small picture of all of it with a frame around what is seen. Only for
 * pointers; the arrow keys do the same.
 *
 * @import { Box, Point, Size, View } from "./shapes.js"
 */
import { h } from "./dom.js";
import { contextOf } from "./draw.js";
import { clamp } from "./layout.js";
import { common, fitting, seen } from "./view.js";

/** Shown from this much nearer than all of it. */
const NEARER = 1.3;
const PADDING_PX = 6;

export class Minimap {
  /** @param {(place: Point) => void} look what to do when a place in the drawing is pointed at */
  constructor(look) {
    this.canvas = h("canvas");
    this.frame = h("div", { class: "frame" });
    this.element = h("div", { class: "minimap", "aria-hidden": "true", hidden: true }, this.canvas, this.frame);
    this.size = { width: 0, height: 0 };
    /** @type {View} */
    this.view = { scale: 1, x: 0, y: 0 };
    const point = (/** @type {PointerEvent} */ event) => {
      const { left, top } = this.canvas.getBoundingClientRect();
      look({ x: this.view.x + (event.clientX - left) / this.view.scale, y: this.view.y + (event.clientY - top) / this.view.scale });
    };
    this.element.addEventListener("pointerdown", (event) => {
      this.element.setPointerCapture(event.pointerId);
      point(event);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.element.hasPointerCapture(event.pointerId)) point(event);
    });
  }

  /** @param {Box} box of the venue @param {Size} within */
  resize(box, within) {
    const width = clamp(within.width * 0.18, 84, 150);
    const height = clamp((width * (box.y1 - box.y0)) / (box.x1 - box.x0), 40, width);
    this.size = { width, height };
    this.view = fitting(box, this.size, { padding: PADDING_PX, most: Infinity });
  }

  /** @param {number} ratio @param {(context: CanvasRenderingContext2D, view: View) => void} draw */
  paint(ratio, draw) {
    const { canvas, size } = this;
    canvas.width = Math.round(size.width * ratio);
    canvas.height = Math.round(size.height * ratio);
    canvas.style.width = `${size.width}px`;
    canvas.style.height = `${size.height}px`;
    const context = contextOf(canvas);
    context.imageSmoothingQuality = "high";
    const k = this.view.scale * ratio;
    context.setTransform(k, 0, 0, k, -this.view.x * k, -this.view.y * k);
    draw(context, this.view);
  }

  /** @param {View} view @param {Size} size @param {number} fitScale @returns {boolean} has it just appeared */
  follow(view, size, fitScale) {
    const before = this.element.hidden;
    this.element.hidden = view.scale < fitScale * NEARER;
    if (this.element.hidden) return false;
    const { scale, x, y } = this.view;
    const box = common(seen(view, size, 0), seen(this.view, this.size, 0));
    const { style } = this.frame;
    style.transform = `translate(${(box.x0 - x) * scale}px, ${(box.y0 - y) * scale}px)`;
    style.width = `${(box.x1 - box.x0) * scale}px`;
    style.height = `${(box.y1 - box.y0) * scale}px`;
    return before;
  }
}
