// @ts-check
/**
 * Views of a drawing: their arithmetic (pure: views go in, views come out), the gestures that move them, and
 * the minimap that shows them.
 *
 * @import { Drawing } from "./drawing.js"
 * @import { Box, Hand, Margins, Point, Size, View } from "./shapes.js"
 */
import { h } from "./dom.js";
import { contextOf } from "./draw.js";
import { clamp } from "./layout.js";

/** The same on all sides. @param {number} px @returns {Margins} */
export function evenly(px) {
  return { left: px, top: px, right: px, bottom: px };
}

/** All of the box, as large as fits between the margins. @param {Box} box @param {Size} size @param {{ margins: Margins, most: number }} limits @returns {View} */
export function fitting({ x0, y0, x1, y1 }, { width, height }, { margins, most }) {
  const { left, top, right, bottom } = margins;
  const scale = Math.min(Math.max(1, width - left - right) / (x1 - x0), Math.max(1, height - top - bottom) / (y1 - y0), most);
  return { scale, x: (x0 + x1 - (width + left - right) / scale) / 2, y: (y0 + y1 - (height + top - bottom) / scale) / 2 };
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

/**
 * Moved so that the box stays in sight: where all of it fits it does not move; from a third nearer on any of its
 * places can be in the middle, clear of the minimap and the buttons. A zoom about a place of the box is never
 * diverted.
 *
 * @param {View} view @param {Box} box @param {Size} size @param {View} fit where all of the box fits @returns {View}
 */
export function confined({ scale, x, y }, box, { width, height }, fit) {
  const freedom = clamp(4 * (1 - fit.scale / scale), 0, 1);
  /** @type {(at: number, side: number, fitAt: number, from: number, to: number) => number} */
  const along = (at, side, fitAt, from, to) => {
    const middle = fitAt + side / fit.scale / 2;
    const half = side / scale / 2;
    return clamp(at + half, middle + (from - middle) * freedom, middle + (to - middle) * freedom) - half;
  };
  return { scale, x: along(x, width, fit.x, box.x0, box.x1), y: along(y, height, fit.y, box.y0, box.y1) };
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

// --- gestures on the map: drag, pinch, wheel and keys move the view; a press that does not move is a tap;
// --- a drag that begins on a seat (by touch: after a long press) sweeps along its row ---------------

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

/** @param {HTMLElement} surface @param {Drawing} moves @returns {() => void} ends the gesture under way, undone: for a window that lost the focus */
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
    // What might have become a sweep, and did not, ends here, too.
    if (next !== "press" && next !== "sweep") moves.sweepEnd(what === "sweep" && next === "");
    what = next;
    surface.classList.toggle("dragging", what === "pan" || what === "zoom");
  };
  /** The pointer is gone, and what it did is not done. @param {number} id */
  const lose = (id) => {
    if (!pointers.delete(id)) return;
    become("over");
    if (pointers.size === 0) what = "";
  };

  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    // No other pointer of this kind is down: an end was missed.
    if (event.isPrimary) pointers.clear();
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
    // The button was released where nobody said so.
    if (event.pointerType === "mouse" && event.buttons === 0) lose(event.pointerId);
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
    if (!pointers.delete(event.pointerId) || pointers.size > 0) return;
    become("");
    if (tapped) tap(pointOf(event), handOf(event), event.timeStamp);
  });

  /** @param {Point} point @param {Hand} hand @param {number} nowMs */
  function tap(point, hand, nowMs) {
    // Choosing never waits for a second tap: two taps zoom only where the first one chose nothing. Where the
    // first tap zoomed by itself, the second was meant for a spot that has moved.
    if (isDouble(point, nowMs)) {
      idle.ms = -Infinity;
      if (idle.did === "") moves.zoomBy(DOUBLE_TAP_ZOOM, point);
      return;
    }
    const did = moves.tap(point, hand);
    idle = { ...point, ms: did === "chose" ? -Infinity : nowMs, did };
  }

  for (const end of /** @type {const} */ (["pointercancel", "lostpointercapture"])) surface.addEventListener(end, (event) => lose(event.pointerId));
  // The page scrolls under one finger where the whole map is shown (drawing.css), but not during a gesture.
  for (const touch of /** @type {const} */ (["touchstart", "touchmove"])) {
    surface.addEventListener(touch, (event) => (event.touches.length > 1 || what === "sweep" || what === "zoom") && event.preventDefault(), { passive: false });
  }
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
    if (event.key === "Escape" && what !== "") become("over");
    else if (arrow !== undefined) moves.moveTo(moved(moves.view, arrow[0] * KEY_STEP_PX, arrow[1] * KEY_STEP_PX));
    else if (event.key === "+" || event.key === "=") moves.zoomBy(KEY_ZOOM);
    else if (event.key === "-") moves.zoomBy(1 / KEY_ZOOM);
    else if (event.key === "0") moves.fit();
    else return;
    event.preventDefault();
  });

  return () => {
    pointers.clear();
    become("over");
    what = "";
    moves.hover(null);
  };
}

// --- the minimap ----------------------------------------------------------------------------------

/** The minimap is shown from this zoom, relative to the whole drawing. */
const NEARER = 1.3;
const PADDING_PX = 6;

/** A small picture of the whole drawing with a frame around the visible part. Only for pointers; the arrow keys do the same. */
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
    this.view = fitting(box, this.size, { margins: evenly(PADDING_PX), most: Infinity });
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
