// @ts-check
/**
 * Hands on the map: drag, pinch, wheel and keys move the view; a press that does not move is a tap; a
 * drag that begins on a seat (by touch: after a long press) sweeps along its row.
 *
 * @import { Drawing } from "./drawing.js"
 * @import { Hand, Point } from "./shapes.js"
 */
import { clamp } from "./layout.js";
import { moved } from "./view.js";

/** A press may tremble this much and still be a tap. @type {Record<Hand, number>} */
const SLOP_PX = { mouse: 4, touch: 9 };
const LONG_PRESS_MS = 350;
const DOUBLE_TAP_MS = 300;
const DOUBLE_TAP_PX = 30;
const DOUBLE_TAP_ZOOM = 2.2;
const KEY_STEP_PX = 80;
const KEY_ZOOM = 1.5;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {HTMLElement} surface @param {Drawing} moves */
export function listen(surface, moves) {
  /** @type {Map<number, Point>} */
  const pointers = new Map();
  /** What the press has become. @type {"" | "press" | "pan" | "zoom" | "sweep" | "over"} */
  let what = "";
  /** @type {Point} where it began */
  let start = { x: 0, y: 0 };
  /** May it still become a sweep? */
  let sweeps = false;
  /** The tap before, if it chose nothing. */
  let idle = { x: 0, y: 0, ms: -Infinity, did: "" };
  let longPress = 0;

  const pointOf = (/** @type {MouseEvent} */ event) => {
    const { left, top } = surface.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const handOf = (/** @type {PointerEvent} */ event) => (event.pointerType === "mouse" ? "mouse" : "touch");
  const isDouble = (/** @type {Point} */ { x, y }, /** @type {number} */ nowMs) =>
    nowMs - idle.ms < DOUBLE_TAP_MS && Math.hypot(x - idle.x, y - idle.y) < DOUBLE_TAP_PX;

  const become = (/** @type {typeof what} */ next) => {
    clearTimeout(longPress);
    if (what === "sweep" && next !== "sweep") moves.sweepEnd(next === "");
    what = next;
    surface.classList.toggle("dragging", what === "pan" || what === "zoom");
  };

  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    surface.setPointerCapture(event.pointerId);
    const point = pointOf(event);
    pointers.set(event.pointerId, point);
    moves.moveTo(moves.view);
    if (pointers.size > 1) {
      become("pan");
      return;
    }
    start = point;
    become("press");
    sweeps = moves.sweepFrom(point, handOf(event));
    if (!sweeps || handOf(event) === "mouse") return;
    sweeps = false;
    longPress = setTimeout(() => {
      become("sweep");
      navigator.vibrate?.(10);
      moves.sweepTo(start);
    }, LONG_PRESS_MS);
  });

  surface.addEventListener("pointermove", (event) => {
    const point = pointOf(event);
    const before = pointers.get(event.pointerId);
    if (before === undefined || what === "") {
      if (event.pointerType === "mouse") moves.hover(point);
      return;
    }
    if (what === "press") {
      if (Math.hypot(point.x - start.x, point.y - start.y) < SLOP_PX[handOf(event)]) return;
      become(sweeps ? "sweep" : isDouble(start, event.timeStamp) ? "zoom" : "pan");
      moves.hover(null);
    }
    pointers.set(event.pointerId, point);
    if (what === "sweep") moves.sweepTo(point);
    else if (what === "zoom") moves.moveTo(moves.zoomedBy(moves.view, start, Math.exp((point.y - before.y) * 0.01)));
    else if (what === "pan") pan(event.pointerId, before, point);
  });

  /** @param {number} id @param {Point} before @param {Point} point */
  function pan(id, before, point) {
    const other = [...pointers].find(([otherId]) => otherId !== id)?.[1];
    const dx = before.x - point.x;
    const dy = before.y - point.y;
    if (other === undefined) moves.moveTo(moved(moves.view, dx, dy));
    else {
      // One of two fingers moved: the drawing stays under both.
      const factor = Math.hypot(point.x - other.x, point.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1);
      const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
      moves.moveTo(moved(moves.zoomedBy(moves.view, middle, factor), dx / 2, dy / 2));
    }
  }

  surface.addEventListener("pointerup", (event) => {
    const tapped = what === "press";
    pointers.delete(event.pointerId);
    if (pointers.size > 0) return;
    become("");
    if (tapped) tap(pointOf(event), handOf(event), event.timeStamp);
  });

  /** @param {Point} point @param {Hand} hand @param {number} nowMs */
  function tap(point, hand, nowMs) {
    // Choosing never waits for a second tap: only where nothing was chosen can two taps zoom. Where the
    // first one came nearer by itself, the second was meant for what is no longer there.
    if (isDouble(point, nowMs)) {
      idle.ms = -Infinity;
      if (idle.did === "") moves.zoomBy(DOUBLE_TAP_ZOOM, point);
      return;
    }
    const did = moves.tap(point, hand);
    idle = { ...point, ms: did === "chose" ? -Infinity : nowMs, did };
  }

  surface.addEventListener("pointercancel", (event) => {
    pointers.delete(event.pointerId);
    become("over");
    if (pointers.size === 0) what = "";
  });
  surface.addEventListener("pointerleave", () => moves.hover(null));
  surface.addEventListener("contextmenu", (event) => {
    if (what === "sweep") event.preventDefault();
  });

  surface.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const px = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
      // With ctrl it is a pinch on a touchpad, which reports far smaller steps.
      const factor = Math.exp(-clamp(px, -120, 120) * (event.ctrlKey ? 0.01 : 0.0025));
      moves.hover(null);
      moves.moveTo(moves.zoomedBy(moves.view, pointOf(event), factor));
    },
    { passive: false },
  );

  surface.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (event.key === "Escape" && what === "sweep") become("over");
    else if (arrow !== undefined) moves.moveTo(moved(moves.view, arrow[0] * KEY_STEP_PX, arrow[1] * KEY_STEP_PX));
    else if (event.key === "+" || event.key === "=") moves.zoomBy(KEY_ZOOM);
    else if (event.key === "-") moves.zoomBy(1 / KEY_ZOOM);
    else if (event.key === "0") moves.fit();
    else return;
    event.preventDefault();
  });
}
