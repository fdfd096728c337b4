// @ts-check
/**
 * The key to the map: what each mark means.
 *
 * @import { Layout } from "./layout.js"
 * @import { Palette } from "./palette.js"
 */
import { h } from "./dom.js";
import { contextOf, drawOwn, drawSeat } from "./draw.js";
import { WHEELCHAIR } from "./layout.js";
import { BLOCKED, FREE, HELD, SOLD } from "./protocol.js";

const SIDE_PX = 22;
const RADIUS_PX = 8;

/**
 * @param {HTMLElement} list a <ul>
 * @param {Layout} layout
 * @param {Palette} palette
 */
export function showLegend(list, layout, palette) {
  const marks = [
    entry(icon(palette, layout.seats.category[0] ?? 0, FREE), "Free"),
    entry(icon(palette, 0, "own"), "Your choice"),
    entry(icon(palette, 0, HELD), "Someone is deciding"),
    entry(icon(palette, 0, SOLD), "Sold"),
    entry(icon(palette, 0, BLOCKED), "Not for sale"),
  ];
  if (layout.seats.flags.some((f) => f & WHEELCHAIR)) marks.push(entry(icon(palette, layout.seats.category[0] ?? 0, FREE, true), "Wheelchair place"));
  list.replaceChildren(...marks);
}

/** @param {HTMLCanvasElement} mark @param {string} words */
function entry(mark, words) {
  return h("li", {}, mark, h("span", {}, words));
}

/** @param {Palette} palette @param {number} category @param {number | "own"} state @param {boolean} [square] */
export function icon(palette, category, state, square = false) {
  const ratio = Math.ceil(devicePixelRatio || 1);
  const canvas = h("canvas", { "aria-hidden": "true" });
  canvas.width = canvas.height = SIDE_PX * ratio;
  const context = contextOf(canvas);
  context.scale(ratio, ratio);
  context.translate(SIDE_PX / 2, SIDE_PX / 2);
  if (state === "own") drawOwn(context, palette, RADIUS_PX - 1, { category, mine: true });
  else drawSeat(context, palette, RADIUS_PX, { state, category, square });
  return canvas;
}
