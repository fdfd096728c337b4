// @ts-check
/**
 * Where one looks at a drawing from. Pure arithmetic: views go in, views come out.
 *
 * @import { Box, Point, Size, View } from "./shapes.js"
 */
import { clamp } from "./layout.js";

/** All of the box, as large as fits. @param {Box} box @param {Size} size @param {{ padding: number, most: number }} limits @returns {View} */
export function fitting({ x0, y0, x1, y1 }, { width, height }, { padding, most }) {
  const room = (/** @type {number} */ side) => Math.max(1, side - 2 * padding);
  const scale = Math.min(room(width) / (x1 - x0), room(height) / (y1 - y0), most);
  return { scale, x: (x0 + x1 - width / scale) / 2, y: (y0 + y1 - height / scale) / 2 };
}

/** With a point of the drawing in the middle. @param {Point} point @param {number} scale @param {Size} size @returns {View} */
export function around({ x, y }, scale, { width, height }) {
  return { scale, x: x - width / scale / 2, y: y - height / scale / 2 };
}

/** At another scale, with the drawing staying put under one point of the screen. @param {View} view @param {Point} at @param {number} scale @returns {View} */
export function zoomed(view, at, scale) {
  return { scale, x: view.x + at.x / view.scale - at.x / scale, y: view.y + at.y / view.scale - at.y / scale };
}

/** Moved by pixels of the screen. @param {View} view @param {number} dx @param {number} dy @returns {View} */
export function moved({ scale, x, y }, dx, dy) {
  return { scale, x: x + dx / scale, y: y + dy / scale };
}

/** With some of the box in sight. @param {View} view @param {Box} box @param {Size} size @returns {View} */
export function confined({ scale, x, y }, box, { width, height }) {
  const w = width / scale / 2;
  const v = height / scale / 2;
  return { scale, x: clamp(x, box.x0 - w, box.x1 - w), y: clamp(y, box.y0 - v, box.y1 - v) };
}

/**
 * On the way from one view to another: the middle travels in step with the scale, so that zooming
 * does not swing aside.
 *
 * @param {View} from
 * @param {View} to
 * @param {number} t 0…1
 * @returns {View}
 */
export function between(from, to, t) {
  const scale = from.scale * (to.scale / from.scale) ** t;
  const share = Math.abs(to.scale / from.scale - 1) < 1e-6 ? t : (1 / from.scale - 1 / scale) / (1 / from.scale - 1 / to.scale);
  return { scale, x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

/** What is seen of the drawing, widened by a share of itself. @param {View} view @param {Size} size @param {number} margin @returns {Box} */
export function seen(view, size, margin) {
  const w = size.width / view.scale;
  const v = size.height / view.scale;
  return {
    x0: view.x - w * margin,
    y0: view.y - v * margin,
    x1: view.x + w * (1 + margin),
    y1: view.y + v * (1 + margin),
  };
}

/** @param {Box} a @param {Box} b @returns {Box} */
export function common(a, b) {
  return { x0: Math.max(a.x0, b.x0), y0: Math.max(a.y0, b.y0), x1: Math.min(a.x1, b.x1), y1: Math.min(a.y1, b.y1) };
}

/** An empty box is in every other. @param {Box} outer @param {Box} inner */
export function contains(outer, inner) {
  if (inner.x0 >= inner.x1 || inner.y0 >= inner.y1) return true;
  const slack = 1e-6;
  return (
    outer.x0 <= inner.x0 + slack && outer.y0 <= inner.y0 + slack && outer.x1 >= inner.x1 - slack && outer.y1 >= inner.y1 - slack
  );
}

/** @param {Box} a @param {Box} b */
export function overlap(a, b) {
  return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;
}
