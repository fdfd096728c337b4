// @ts-check
/**
 * Hands on the map: drag, pinch, wheel and keys move the view; a press that does not move is a tap.
 *
 * @import { Point, View } from "./view.js"
 * @typedef {"mouse" | "touch"} Hand
 * @typedef {object} Moves what a map must offer
 * @property {() => View} view
 * @property {(view: View) => void} moveTo a step of a gesture
 * @property {(factor: number) => void} zoomBy around the middle
 * @property {(view: View, at: Point, factor: number) => View} zoomedBy
 * @property {() => void} fit
 * @property {(point: Point, hand: Hand) => void} tap
 * @property {(point: Point | null) => void} hover null: the pointer left, or is busy moving the map
 */
import { clamp } from "./layout.js";
import { moved } from "./view.js";

/** A press may tremble this much and still be a tap. @type {Record<Hand, number>} */
const SLOP_PX = { mouse: 4, touch: 9 };
const KEY_STEP_PX = 80;
const KEY_ZOOM = 1.5;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {HTMLElement} surface @param {Moves} moves */
export function listen(surface, moves) {
  /** @type {Map<number, Point>} */
  const pointers = new Map();
  /** @type {(Point & { moved: boolean }) | null} */
  let press = null;

  const pointOf = (/** @type {MouseEvent} */ event) => {
    const { left, top } = surface.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const handOf = (/** @type {PointerEvent} */ event) => (event.pointerType === "mouse" ? "mouse" : "touch");

  const lift = (/** @type {PointerEvent} */ event) => {
    pointers.delete(event.pointerId);
    if (pointers.size > 0) return;
    press = null;
    surface.classList.remove("dragging");
  };

  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    surface.setPointerCapture(event.pointerId);
    const point = pointOf(event);
    pointers.set(event.pointerId, point);
    press = { ...point, moved: pointers.size > 1 };
    moves.moveTo(moves.view());
  });

  surface.addEventListener("pointermove", (event) => {
    const point = pointOf(event);
    const before = pointers.get(event.pointerId);
    if (before === undefined || press === null) {
      if (event.pointerType === "mouse") moves.hover(point);
      return;
    }
    if (!press.moved) {
      if (Math.hypot(point.x - press.x, point.y - press.y) < SLOP_PX[handOf(event)]) return;
      press.moved = true;
      surface.classList.add("dragging");
      moves.hover(null);
    }
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    const dx = before.x - point.x;
    const dy = before.y - point.y;
    if (other === undefined) moves.moveTo(moved(moves.view(), dx, dy));
    else {
      // One of two fingers moved: the drawing stays under both.
      const factor = Math.hypot(point.x - other.x, point.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1);
      const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
      moves.moveTo(moved(moves.zoomedBy(moves.view(), middle, factor), dx / 2, dy / 2));
    }
    pointers.set(event.pointerId, point);
  });

  surface.addEventListener("pointerup", (event) => {
    const tapped = press !== null && !press.moved;
    lift(event);
    if (tapped) moves.tap(pointOf(event), handOf(event));
  });
  surface.addEventListener("pointercancel", lift);
  surface.addEventListener("pointerleave", () => moves.hover(null));

  surface.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const px = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
      // With ctrl it is a pinch on a touchpad, which reports far smaller steps.
      const factor = Math.exp(-clamp(px, -120, 120) * (event.ctrlKey ? 0.01 : 0.0025));
      moves.hover(null);
      moves.moveTo(moves.zoomedBy(moves.view(), pointOf(event), factor));
    },
    { passive: false },
  );

  surface.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow !== undefined) moves.moveTo(moved(moves.view(), arrow[0] * KEY_STEP_PX, arrow[1] * KEY_STEP_PX));
    else if (event.key === "+" || event.key === "=") moves.zoomBy(KEY_ZOOM);
    else if (event.key === "-") moves.zoomBy(1 / KEY_ZOOM);
    else if (event.key === "0") moves.fit();
    else return;
    event.preventDefault();
  });
}
