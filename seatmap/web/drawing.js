// @ts-check
/**
 * `<seat-map-drawing>`: the live drawing of a venue. It shows the given state and reports choices; it knows
 * nothing of holds, bookings or the network.
 *
 *     map.venue = venue                     what to draw
 *     map.setSeats(states, changed)         one public state per seat; only `changed` are redrawn
 *     map.setPrices(prices)  map.setAreas(available)  map.setOwn(chosen, held, areas)
 *     map.setFilter(categories)  map.setSuggested(seats)  map.setOffered(seats)  map.setPicked(names)
 *     map.fit()  map.zoomBy(factor)  map.showSeat(seatNo)  map.showSection(i)  map.clientPoint(seatNo)
 *
 * Event `choose`: `detail` is `{ seatNo }` or `{ areaNo }`; while sections are picked, `{ name }`. Event `sweep`: `{ seats, remove }`, in the
 * order they were swept over.
 * Themed by the custom properties `--seat-map-background`, `-ink`, `-muted`, `-line`, `-surface`
 * and `-focus`.
 *
 * @import { Money, Price } from "./types.js"
 * @import { Palette } from "./draw.js"
 * @import { Filter, Found, Hand, Layout, Margins, Point, Sweep, View } from "./shapes.js"
 */
import { Bodies, fullness, Scenery } from "./bodies.js";
import { h } from "./dom.js";
import { contextOf, drawHover, drawOffered, drawOwn, drawSeat, drawSuggested, readPalette } from "./draw.js";
import { money } from "./format.js";
import { SeatLayer, SECTION_LABEL_RADIUS_PX } from "./layer.js";
import { ACCESSIBLE, clamp, COMPANION, passes, rowName, seatName, seatNotes, Venue } from "./layout.js";
import { BLOCKED, FREE } from "./protocol.js";
import { text } from "./texts.js";
import { around, between, confined, evenly, fitting, listen, Minimap, zoomed } from "./view.js";

const PADDING_PX = 28;
/** Between a seat and what lies over the map. */
const GAP_PX = 6;
/** Its words change; the map does not move when they do. */
const COVER_WIDTH_MIN_PX = 210;
const RADIUS_MAX_PX = 26;
/** A tap on seats smaller than this zooms instead of choosing: they are too small to aim at. @type {Record<Hand, number>} */
const AIM_RADIUS_PX = { mouse: 3.5, touch: 8 };
/** @type {Record<Hand, number>} */
const REACH_PX = { mouse: 6, touch: 14 };
const ZOOM_TO_RADIUS_PX = 12;
/** Zoomed out, the buyer's own seats are shown larger than they are, so that they stay visible. */
const OWN_RADIUS_MIN_PX = 5;
/** If all is shown with smaller seats than this, sections' bodies are shown instead … */
const BODIES_BELOW_PX = 2.2;
/** … until seats have at least this radius, and then some. */
const SEATS_FROM_PX = 1.8;
const FADE = 1.4;
const SETTLE_MS = 120;
/** The part of a frame, in ms, for painting a new picture of the seats; the old one is shown meanwhile. */
const SLICE_MS = 6;
const ANIMATION_MS = 220;
const TOUCH_TIP_MS = 1800;
const PICKED_RADIUS_PX = 10;
const REPAINT_ALL_FROM = 3000;

/** @type {Layout} */
const NO_LAYOUT = {
  name: "",
  size: { width: 1, height: 1 },
  focal_point: { x: 0, y: 0 },
  categories: [],
  sections: [],
  rows: [],
  seats: { x: [], y: [], row: [], number: [], category: [], flags: [] },
  areas: [],
  decorations: [],
};

/** @type {Found} */
const NOTHING = { seatNo: -1, areaNo: -1, section: -1 };

const ICONS = {
  zoomIn: "M12 5v14M5 12h14",
  zoomOut: "M5 12h14",
  zoomAll: "M9 4H4v5M15 4h5v5M9 20H4v-5M15 20h5v-5",
};

export class Drawing extends HTMLElement {
  constructor() {
    super();
    this.canvas = h("canvas", { tabindex: "0", role: "img", "aria-label": text("mapLabel") });
    this.context = contextOf(this.canvas);
    this.tip = h("div", { class: "tip", "aria-hidden": "true" });
    this.minimap = new Minimap((place) => this.moveTo(around(place, this.view.scale, this.size)));
    this.zoom = this.zoomButtons();
    /** Other elements over the map that must not cover seats. @type {Element[]} */
    this.covers = [];
    /** @type {View | null} */
    this.fitKnown = null;
    const all = h("div", { class: "all", hidden: true }, this.canvas, this.minimap.element, this.zoom, this.tip);
    const styled = () => {
      all.hidden = false;
      this.resize();
    };
    const href = new URL("drawing.css", import.meta.url).href;
    this.attachShadow({ mode: "open" }).append(h("link", { rel: "stylesheet", href, onload: styled, onerror: styled }), all);

    this.shown = new Venue(NO_LAYOUT);
    this.seats = new Uint8Array();
    this.scenery = new Scenery(this.shown);
    this.bodies = new Bodies(this.shown);
    /** @type {Palette | null} */
    this.palette = null;
    /** @type {(Money | undefined)[]} by category number */
    this.prices = [];
    /** @type {ReadonlySet<number>} */
    this.chosen = new Set();
    /** @type {ReadonlySet<number>} */
    this.held = new Set();
    /** @type {number[]} */
    this.suggested = [];
    /** @type {ReadonlySet<number>} */
    this.offered = new Set();
    /** Names of picked sections and areas; null: seats are chosen, not sections. @type {ReadonlySet<string> | null} */
    this.picked = null;
    /** @type {Filter} */
    this.filter = null;
    /** @type {View} */
    this.view = { scale: 1, x: 0, y: 0 };
    this.size = { width: 0, height: 0 };
    this.ratio = 1;
    this.moving = false;
    /** The pictures of the seats: what is shown, and the one being painted. */
    this.canvases = [h("canvas"), h("canvas")];
    /** @type {SeatLayer | null} */
    this.layer = null;
    /** @type {SeatLayer | null} */
    this.next = null;
    this.minimapIsOld = true;
    /** Were real states given; and is the mark set that they are drawn. */
    this.isTrue = this.isMarked = false;
    /** How often each part was painted. */
    this.painted = { all: 0, seats: 0, sections: 0 };
    this.hovered = NOTHING;
    /** @type {Sweep | null} */
    this.sweep = null;
    this.frame = 0;
    this.animation = 0;
    this.settleTimer = this.tipTimer = 0;

    this.observer = new ResizeObserver(() => this.resize());
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => this.readTheme();
    this.abandon = listen(this.canvas, this);
  }

  connectedCallback() {
    this.observer.observe(this);
    this.scheme.addEventListener("change", this.recolour);
    addEventListener("blur", this.abandon);
    this.readTheme();
  }

  disconnectedCallback() {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.recolour);
    removeEventListener("blur", this.abandon);
    this.abandon();
    cancelAnimationFrame(this.frame);
    cancelAnimationFrame(this.animation);
    this.frame = 0;
  }

  /** @param {Venue} venue */
  set venue(venue) {
    this.shown = venue;
    this.seats = new Uint8Array(venue.seatCount).fill(BLOCKED);
    this.scenery = new Scenery(venue);
    this.bodies = new Bodies(venue);
    this.filter = null;
    this.layer = this.next = this.palette = this.fitKnown = null;
    this.readTheme();
    this.fit({ animate: false });
  }

  /**
   * @param {Uint8Array} seats the whole map
   * @param {Iterable<number> & { length: number }} changed the seats that differ from what is shown
   */
  setSeats(seats, changed) {
    const all = changed.length >= REPAINT_ALL_FROM;
    for (const seatNo of changed) {
      if (!all) this.bodies.change(seatNo, this.seats[seatNo], seats[seatNo]);
      this.seats[seatNo] = seats[seatNo];
      if (all) continue;
      this.layer?.repaint(seatNo);
      this.next?.repaint(seatNo);
    }
    this.painted.seats += all ? 0 : changed.length;
    if (all) {
      this.bodies.count(this.seats);
      this.repaintAll();
    }
    this.isTrue = true;
    this.invalidate();
  }

  /** @param {Price[]} prices */
  setPrices(prices) {
    this.prices = [];
    for (const { category_no, price } of prices) this.prices[category_no] = price;
  }

  /** @param {Map<number, number>} available */
  setAreas(available) {
    this.scenery.available = available;
    this.invalidate();
  }

  /**
   * @param {ReadonlySet<number>} chosen seats about to be held
   * @param {ReadonlySet<number>} held seats the buyer holds
   * @param {ReadonlyMap<number, number>} areas places chosen or held, by area number
   */
  setOwn(chosen, held, areas) {
    this.chosen = new Set(chosen);
    this.held = new Set(held);
    this.scenery.own = new Map(areas);
    this.minimapIsOld = true;
    this.invalidate();
  }

  /** Let the seats of other categories step back. @param {Filter} categories */
  setFilter(categories) {
    const parts = (/** @type {Filter} */ filter) => String(filter && [...filter, filter.accessible]);
    if (parts(categories) === parts(this.filter)) return;
    this.filter = categories;
    this.scenery.filter = categories;
    this.bodies.filter = categories;
    this.bodies.forget();
    this.repaintAll();
  }

  /** Mark the seats that are suggested in place of lost ones. @param {number[]} seats */
  setSuggested(seats) {
    this.suggested = [...seats];
    this.invalidate();
  }

  /** Mark the seats that the waitlist keeps for the buyer. @param {ReadonlySet<number>} seats */
  setOffered(seats) {
    this.offered = seats;
    this.minimapIsOld = true;
    this.invalidate();
  }

  /** Let sections be picked; with null, seats again. @param {ReadonlySet<string> | null} names */
  setPicked(names) {
    this.picked = names;
    this.invalidate();
  }

  /** Show the whole venue. @param {{ animate?: boolean }} [how] */
  fit({ animate = true } = {}) {
    this.travel(this.fitView, animate);
  }

  /** @param {number} factor @param {Point} [at] */
  zoomBy(factor, at = { x: this.size.width / 2, y: this.size.height / 2 }) {
    this.travel(this.zoomedBy(this.view, at, factor), true);
  }

  /** Bring a seat into sight, near enough to read it. @param {number} seatNo */
  showSeat(seatNo) {
    if (!(seatNo < this.shown.seatCount)) return;
    const { x, y } = this.seatPoint(seatNo);
    const inSight = x > 40 && y > 40 && x < this.size.width - 40 && y < this.size.height - 40;
    if (!inSight || this.radiusPx < AIM_RADIUS_PX.touch) this.zoomTo(this.toDrawing({ x, y }));
  }

  /** Bring a section into sight, as large as fits. @param {number} i */
  showSection(i) {
    const section = this.shown.sections[i];
    if (!section?.weight) return;
    const { x0, y0, x1, y1 } = section.box;
    const { scale } = fitting(section.box, this.size, { margins: evenly(PADDING_PX), most: Infinity });
    // In a section too large for its seats to show, show at least some of them.
    const near = Math.max(scale, (this.seatsFromPx * FADE) / this.shown.radius);
    this.travel(around({ x: (x0 + x1) / 2, y: (y0 + y1) / 2 }, this.limitScale(near), this.size), true);
  }

  /** Where a seat is in the browser's window, in CSS pixels. @param {number} seatNo */
  clientPoint(seatNo) {
    const { left, top } = this.getBoundingClientRect();
    const { x, y } = this.seatPoint(seatNo);
    return { x: x + left, y: y + top, radius: this.radiusPx };
  }

  /** Radius of a seat as shown, in CSS pixels. */
  get radiusPx() {
    return this.shown.radius * this.view.scale;
  }

  // --- view -----------------------------------------------------------------------------------

  /** Where the whole venue fits, beside what lies over the map. */
  get fitView() {
    return (this.fitKnown ??= this.findFit());
  }

  /** Of all margins with which no seat and no area is covered, those with the largest drawing. @returns {View} */
  findFit() {
    const { shown, size } = this;
    const { left, top } = this.getBoundingClientRect();
    const boxes = [this.zoom, ...this.covers].flatMap((element) => {
      const box = element.getBoundingClientRect();
      const widthMin = element === this.zoom ? 0 : COVER_WIDTH_MIN_PX;
      return box.width === 0 ? [] : { x0: box.left - left - GAP_PX, y0: box.top - top - GAP_PX, x1: Math.max(box.right, box.left + widthMin) - left + GAP_PX, y1: box.bottom - top + GAP_PX };
    });
    /** @type {Margins[]} */
    let ways = [evenly(PADDING_PX)];
    for (const { x0, y0, x1, y1 } of boxes) {
      ways = ways.flatMap((way) => [
        way,
        x1 < size.width / 2 ? { ...way, left: Math.max(way.left, x1) } : { ...way, right: Math.max(way.right, size.width - x0) },
        y1 < size.height / 2 ? { ...way, top: Math.max(way.top, y1) } : { ...way, bottom: Math.max(way.bottom, size.height - y0) },
      ]);
    }
    const fits = ways.map((margins) => fitting(shown.box, size, { margins, most: RADIUS_MAX_PX / shown.radius }));
    const isClear = (/** @type {View} */ { scale, x, y }) =>
      boxes.every((box) => !shown.isUsed({ x0: x + box.x0 / scale, y0: y + box.y0 / scale, x1: x + box.x1 / scale, y1: y + box.y1 / scale }));
    return fits.sort((a, b) => b.scale - a.scale).find(isClear) ?? fits[0];
  }

  /** @param {number} scale */
  limitScale(scale) {
    const most = RADIUS_MAX_PX / this.shown.radius;
    return clamp(scale, Math.min(this.fitView.scale, most), most);
  }

  /** @param {View} view @param {Point} at @param {number} factor */
  zoomedBy(view, at, factor) {
    return zoomed(view, at, this.limitScale(view.scale * factor));
  }

  /** As near as it is, or nearer. @param {Point} place in the drawing */
  zoomTo(place) {
    const scale = Math.max(this.view.scale, ZOOM_TO_RADIUS_PX / this.shown.radius);
    this.travel(around(place, this.limitScale(scale), this.size), true);
  }

  /** @param {View} view */
  setView(view) {
    this.view = this.confined(view);
    // Where nothing can be moved, a finger scrolls the page.
    this.canvas.classList.toggle("zoomed", !this.fitted);
    this.invalidate();
  }

  /** The whole venue is shown, and stays so when the window changes. */
  get fitted() {
    return this.view.scale < this.fitView.scale * 1.01;
  }

  /** @param {View} view */
  confined(view) {
    return confined(view, this.shown.box, this.size, this.fitView);
  }

  /** A step of a gesture. @param {View} view */
  moveTo(view) {
    cancelAnimationFrame(this.animation);
    this.pass(view);
  }

  /** A view in passing: the layer is repainted only once this stops. @param {View} view */
  pass(view) {
    this.moving = true;
    clearTimeout(this.settleTimer);
    this.settleTimer = setTimeout(() => {
      this.moving = false;
      this.invalidate();
    }, SETTLE_MS);
    this.setView(view);
  }

  /** Go to a view, smoothly unless the person prefers no motion. @param {View} goal @param {boolean} animate */
  travel(goal, animate) {
    cancelAnimationFrame(this.animation);
    this.hideTip();
    if (!animate || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.setView(goal);
      return;
    }
    const from = this.view;
    const to = this.confined(goal);
    const startedMs = performance.now();
    const step = (/** @type {number} */ nowMs) => {
      const t = clamp((nowMs - startedMs) / ANIMATION_MS, 0, 1);
      this.pass(between(from, to, 1 - (1 - t) ** 3));
      if (t < 1) this.animation = requestAnimationFrame(step);
    };
    this.animation = requestAnimationFrame(step);
  }

  /** Where a seat is on the canvas. @param {number} seatNo */
  seatPoint(seatNo) {
    const { x, y } = this.shown;
    return this.toScreen({ x: x[seatNo], y: y[seatNo] });
  }

  /** @param {Point} place @returns {Point} */
  toScreen({ x, y }) {
    return { x: (x - this.view.x) * this.view.scale, y: (y - this.view.y) * this.view.scale };
  }

  /** @param {Point} point @returns {Point} */
  toDrawing({ x, y }) {
    return { x: this.view.x + x / this.view.scale, y: this.view.y + y / this.view.scale };
  }

  resize() {
    const { width, height } = this.getBoundingClientRect();
    if (width === 0 || height === 0) return;
    const middle = this.toDrawing({ x: this.size.width / 2, y: this.size.height / 2 });
    const fitted = this.fitted || this.size.width === 0;
    this.size = { width, height };
    this.fitKnown = null;
    this.ratio = Math.min(3, devicePixelRatio || 1);
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    this.layer = this.next = null;
    this.minimapIsOld = true;
    this.view = fitted ? this.fitView : this.confined(around(middle, this.view.scale, this.size));
    // Within the observer's turn, so that the resized (emptied) canvas is never seen.
    this.draw();
  }

  readTheme() {
    if (!this.isConnected) return;
    const palette = readPalette(this, this.shown.layout.categories);
    if (JSON.stringify(palette) === JSON.stringify(this.palette)) return;
    this.palette = palette;
    this.layer = this.next = null;
    this.bodies.forget();
    this.minimapIsOld = true;
    this.invalidate();
  }

  // --- drawing --------------------------------------------------------------------------------

  invalidate() {
    if (this.frame !== 0 || !this.isConnected) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** Repaint all seats; the present picture stays until that is done. */
  repaintAll() {
    if (this.layer !== null) this.layer.isStale = true;
    this.next = null;
    this.invalidate();
  }

  draw() {
    const { context, ratio, view, size, scenery, bodies, palette } = this;
    if (palette === null || size.width === 0) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = palette.background;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.paintSeats(palette);
    const { seatShare } = this;
    const k = ratio * view.scale;
    context.setTransform(k, 0, 0, k, -view.x * k, -view.y * k);
    scenery.draw(context, palette, view.scale, this.hovered.areaNo);
    this.drawBodies(palette, seatShare);
    if (seatShare > 0) {
      context.globalAlpha = seatShare;
      this.layer?.copyTo(context, view, ratio);
      context.globalAlpha = 1;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (this.radiusPx < SECTION_LABEL_RADIUS_PX) bodies.label(context, palette, (place) => this.toScreen(place), view.scale, seatShare >= 0.5);
    this.drawOverlay(palette);
    this.drawMinimap(palette);
    if (this.isTrue && !this.isMarked && this.next === null) {
      this.isMarked = true;
      performance.mark("seat-map-drawn");
    }
  }

  /** Radius from which seats are visible; 0 where they always are. */
  get seatsFromPx() {
    const fitPx = this.fitView.scale * this.shown.radius;
    return fitPx < BODIES_BELOW_PX ? Math.max(SEATS_FROM_PX, fitPx * 1.1) : 0;
  }

  /** How visible the seats are, 0…1; the rest is the sections' bodies. */
  get seatShare() {
    if (this.layer === null) return 0;
    return clamp((this.radiusPx / this.seatsFromPx - 1) / (FADE - 1), 0, 1);
  }

  /** A picture of the seats for this view, painted in slices of time while another picture can be shown. @param {Palette} palette */
  paintSeats(palette) {
    const { shown: venue, view, size, ratio, seats, filter, moving } = this;
    if (this.radiusPx <= this.seatsFromPx) {
      this.layer = this.next = null;
      return;
    }
    if (this.layer?.suits(view, size, moving)) {
      this.next = null;
      return;
    }
    if (!this.next?.suits(view, size, moving)) {
      const canvas = this.canvases[this.layer?.canvas === this.canvases[0] ? 1 : 0];
      this.next = new SeatLayer({ venue, palette, seats, filter, view, size, ratio, canvas });
    }
    const inOneGo = this.layer === null && !moving;
    if (!this.next.paint(inOneGo ? Infinity : performance.now() + SLICE_MS)) {
      this.invalidate();
      return;
    }
    this.layer = this.next;
    this.next = null;
    this.painted.all++;
  }

  /** The sections' bodies: below the seats where these fade in, and beyond their picture while the map moves. @param {Palette} palette @param {number} seatShare */
  drawBodies(palette, seatShare) {
    const { bodies, context, layer, view, size, moving } = this;
    if (seatShare === 1 && layer?.covers(view, size)) return;
    if (bodies.scale === 0 || (!moving && seatShare < 1)) this.painted.sections += bodies.paint(palette, view.scale, this.ratio);
    context.save();
    if (seatShare === 1 && layer !== null) {
      context.beginPath();
      for (const { x0, y0, x1, y1 } of [bodies.box, layer.box]) context.rect(x0, y0, x1 - x0, y1 - y0);
      context.clip("evenodd");
    }
    context.globalAlpha = 1 - seatShare * (seatShare < 1 ? 1 : 0.5);
    bodies.copyTo(context);
    context.restore();
  }

  /** @param {Palette} palette */
  drawMinimap(palette) {
    const { minimap, bodies, shown } = this;
    const { scale } = this.fitView;
    if (this.minimapIsOld) minimap.resize(shown.box, this.size);
    const appeared = minimap.follow(this.view, this.size, scale);
    if (minimap.element.hidden || this.moving || !(appeared || this.minimapIsOld || bodies.stale.size)) return;
    this.minimapIsOld = false;
    minimap.paint(this.ratio, (context, view) => {
      this.scenery.draw(context, palette, view.scale, -1, false);
      bodies.paint(palette, bodies.scale || scale, this.ratio);
      bodies.copyTo(context);
      context.fillStyle = palette.ink;
      for (const seatNo of [...this.chosen, ...this.held, ...this.offered]) {
        context.beginPath();
        context.arc(shown.x[seatNo], shown.y[seatNo], 3 / view.scale, 0, Math.PI * 2);
        context.fill();
      }
    });
  }

  /** The buyer's seats, and the seat under the pointer. @param {Palette} palette */
  drawOverlay(palette) {
    const { context, picked, shown } = this;
    const { areas, sections, seats } = shown.layout;
    const { category, flags } = seats;
    const at = (/** @type {number} */ seatNo, /** @type {(square: boolean) => void} */ paint) => {
      const { x, y } = this.seatPoint(seatNo);
      context.save();
      context.translate(x, y);
      paint((flags[seatNo] & ACCESSIBLE) !== 0);
      context.restore();
    };
    const radius = Math.max(OWN_RADIUS_MIN_PX, this.radiusPx);
    const swept = this.sweep?.seats ?? [];
    for (const seatNo of this.suggested) {
      if (this.seats[seatNo] !== FREE || this.chosen.has(seatNo)) continue;
      at(seatNo, (square) => {
        if (radius > this.radiusPx) drawSeat(context, palette, radius, { state: FREE, category: category[seatNo], square });
        drawSuggested(context, palette, radius, square);
      });
    }
    const own = (/** @type {number} */ seatNo, /** @type {boolean} */ mine) =>
      at(seatNo, (square) => drawOwn(context, palette, radius, { category: category[seatNo], mine, square }));
    for (const seatNo of this.chosen) if (!this.sweep?.remove || !swept.includes(seatNo)) own(seatNo, false);
    for (const seatNo of this.held) own(seatNo, true);
    for (const seatNo of this.offered) at(seatNo, () => drawOffered(context, palette, radius, category[seatNo]));
    [...sections, ...areas].forEach(({ name }, i) => {
      if (!picked?.has(name)) return;
      const { x, y } = this.toScreen(shown.sections[i] ?? shown.areaMiddles[i - sections.length]);
      context.save();
      // Beside the area's name.
      context.translate(x - (i < sections.length ? 34 : 60), y);
      drawOwn(context, palette, PICKED_RADIUS_PX, { category: 0, mine: true });
      context.restore();
    });
    if (!this.sweep?.remove) for (const seatNo of swept) own(seatNo, false);
    const { seatNo } = this.hovered;
    if (seatNo >= 0) at(seatNo, (square) => drawHover(context, palette, Math.max(4, this.radiusPx), square));
  }

  // --- pointing and choosing ------------------------------------------------------------------

  /** @param {Point} point @param {Hand} hand @returns {"" | "chose" | "moved"} the result */
  tap(point, hand) {
    const found = this.find(point, hand);
    const { areas, sections } = this.shown.layout;
    if (this.picked && found !== NOTHING) {
      const place = areas[found.areaNo] ?? sections[found.seatNo < 0 ? found.section : this.shown.sectionOf(found.seatNo)];
      this.dispatchEvent(new CustomEvent("choose", { detail: { name: place.name } }));
      return "chose";
    }
    if (found.section >= 0) {
      this.showSection(found.section);
      return "moved";
    }
    if (found.seatNo >= 0 && this.radiusPx < AIM_RADIUS_PX[hand]) {
      this.zoomTo(this.toDrawing(point));
      return "moved";
    }
    if (found === NOTHING) {
      this.hideTip();
      return "";
    }
    const detail = found.seatNo >= 0 ? { seatNo: found.seatNo } : { areaNo: found.areaNo };
    this.dispatchEvent(new CustomEvent("choose", { detail }));
    this.showTip(found, point);
    if (hand === "touch") this.tipTimer = setTimeout(() => this.hideTip(), TOUCH_TIP_MS);
    return "chose";
  }

  /** @param {Point} point @param {Hand} hand @returns {Found} */
  find(point, hand) {
    const { shown: venue } = this;
    const { x, y } = this.toDrawing(point);
    const areaNo = venue.areaAt(x, y);
    if (this.seatShare < 0.5 && this.radiusPx < this.seatsFromPx * FADE) {
      const near = venue.seatAt(x, y, venue.radius * 4);
      if (near >= 0) return { ...NOTHING, section: venue.sectionOf(near) };
    } else {
      const seatNo = venue.seatAt(x, y, Math.max(venue.radius * 1.2, REACH_PX[hand] / this.view.scale));
      if (seatNo >= 0) return { ...NOTHING, seatNo };
    }
    return areaNo >= 0 ? { ...NOTHING, areaNo } : NOTHING;
  }

  /** @param {Point | null} point null: the pointer left, or is moving the map */
  hover(point) {
    const found = point === null ? NOTHING : this.find(point, "mouse");
    this.canvas.classList.toggle("pointing", found !== NOTHING);
    if (point !== null && found !== NOTHING) this.showTip(found, point);
    else this.hideTip();
    if (found.seatNo === this.hovered.seatNo && found.areaNo === this.hovered.areaNo) return;
    this.hovered = found;
    this.invalidate();
  }

  /** Can a sweep begin there? Nothing is shown yet. @param {Point} point @param {Hand} hand */
  sweepFrom(point, hand) {
    this.sweep = null;
    if (this.picked || this.radiusPx < AIM_RADIUS_PX[hand]) return false;
    const { x, y } = this.toDrawing(point);
    const from = this.shown.seatAt(x, y, this.shown.radius * 1.15);
    const remove = this.chosen.has(from);
    if (!remove && this.seats[from] !== FREE) return false;
    this.sweep = { from, remove, seats: [] };
    return true;
  }

  /** @param {Point} point */
  sweepTo(point) {
    const { sweep, shown: venue } = this;
    if (sweep === null) return;
    const { x, y } = this.toDrawing(point);
    const to = venue.seatInRow(venue.layout.seats.row[sweep.from], x, y);
    const step = to < sweep.from ? -1 : 1;
    sweep.seats = [];
    for (let s = sweep.from; s !== to + step; s += step) {
      if (sweep.remove ? this.chosen.has(s) : this.seats[s] === FREE && !this.chosen.has(s)) sweep.seats.push(s);
    }
    this.showTip({ ...NOTHING, seatNo: to }, point);
    this.invalidate();
  }

  /** @param {boolean} take */
  sweepEnd(take) {
    const { sweep } = this;
    this.sweep = null;
    this.hideTip();
    this.invalidate();
    if (!take || sweep === null || sweep.seats.length === 0) return;
    this.dispatchEvent(new CustomEvent("sweep", { detail: { seats: sweep.seats, remove: sweep.remove } }));
  }

  /** @param {Found} found @param {Point} point */
  showTip({ seatNo, areaNo, section }, point) {
    clearTimeout(this.tipTimer);
    const words =
      this.sweep !== null ? this.sweepWords(this.sweep) : seatNo >= 0 ? this.seatWords(seatNo) : section >= 0 ? this.sectionWords(section) : this.areaWords(areaNo);
    this.tip.replaceChildren(...words);
    const anchor = seatNo >= 0 ? this.seatPoint(seatNo) : point;
    const gap = seatNo >= 0 ? this.radiusPx + 8 : 16;
    const { offsetWidth, offsetHeight } = this.tip;
    const left = clamp(anchor.x - offsetWidth / 2, 8, Math.max(8, this.size.width - offsetWidth - 8));
    const above = anchor.y - gap - offsetHeight;
    const top = above >= 8 ? above : anchor.y + gap;
    this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
    this.tip.classList.add("shown");
  }

  hideTip() {
    clearTimeout(this.tipTimer);
    this.tip.classList.remove("shown");
  }

  /** @param {number} seatNo */
  seatWords(seatNo) {
    const { section, row, number, category, flags } = this.shown.place(seatNo);
    const state = this.offered.has(seatNo) ? text("offeredToYou") : this.held.has(seatNo) ? text("heldForYou") : this.chosen.has(seatNo) ? text("chosenByYou") : text(`tip.${this.seats[seatNo]}`);
    const buyable = this.seats[seatNo] === FREE || this.held.has(seatNo) || this.chosen.has(seatNo) || this.offered.has(seatNo);
    const title = [rowName(row), seatName(number)].filter(Boolean).join(", ");
    return [
      h("b", {}, title.replace(/^./, (c) => c.toUpperCase())),
      h("span", {}, section),
      ...(buyable ? [this.priceWords(category)] : []),
      ...seatNotes(flags).map((note) => h("span", {}, note)),
      passes(this.filter, category, flags) ? "" : h("span", {}, text("notInFilter")),
      h("span", { class: "state" }, state),
    ];
  }

  /** @param {Sweep} sweep */
  sweepWords({ seats, remove }) {
    const prices = seats.map((seatNo) => this.prices[this.shown.layout.seats.category[seatNo]]);
    const total = prices.reduce((sum, price) => sum + (price?.amount ?? 0), 0);
    const title = text(remove ? "sweepBack" : "sweep", { count: seats.length });
    const [first] = prices;
    return [h("b", {}, title), first && !remove ? h("span", {}, money({ ...first, amount: total })) : ""];
  }

  /** @param {number} section */
  sectionWords(section) {
    const { free, total } = fullness(this.shown, this.seats, this.filter);
    return [
      h("b", {}, this.shown.layout.sections[section].name),
      h("span", {}, text("freeOfAll", { free: free[section], total: total[section] })),
    ];
  }

  /** @param {number} areaNo */
  areaWords(areaNo) {
    const { name, category } = this.shown.layout.areas[areaNo];
    const left = this.scenery.available.get(areaNo);
    const state = left === undefined ? text("noNumbers") : left === 0 ? text("soldOutTitle") : text("placesLeft", { count: left });
    return [h("b", {}, name), this.priceWords(category), h("span", { class: "state" }, state)];
  }

  /** @param {number} category */
  priceWords(category) {
    const price = this.prices[category];
    const name = this.shown.layout.categories[category]?.name ?? "";
    return h("span", { class: "price" }, name, price ? h("strong", {}, money(price)) : null);
  }

  zoomButtons() {
    const acts = [() => this.zoomBy(1.8), () => this.zoomBy(1 / 1.8), () => this.fit()];
    const buttons = Object.entries(ICONS).map(([key, path], i) => {
      const name = text(`${key}`);
      const button = h("button", { type: "button", "aria-label": name, title: name, onclick: acts[i] });
      button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`;
      return button;
    });
    return h("div", { class: "zoom" }, ...buttons);
  }
}

customElements.define("seat-map-drawing", Drawing);
