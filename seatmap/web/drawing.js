// @ts-check
/**
 * `<seat-map-drawing>`: the live drawing of a venue. It shows what it is given and says what was chosen;
 * it knows nothing of holds, bookings or the network.
 *
 *     map.venue = venue                     what to draw
 *     map.setSeats(states, changed)         one public state per seat; only `changed` are redrawn
 *     map.setPrices(prices)  map.setAreas(available)  map.setOwn(chosen, held, areas)
 *     map.fit()  map.zoomBy(factor)  map.showSeat(seatNo)  map.clientPoint(seatNo)
 *
 * Event `choose`: `detail` is `{ seatNo }` or `{ areaNo }`.
 * Themed by the custom properties `--seat-map-background`, `-ink`, `-muted`, `-line`, `-surface`
 * and `-focus`.
 *
 * @import { Money, Price } from "./api.js"
 * @import { Hand } from "./gestures.js"
 * @import { Area, Box } from "./layout.js"
 * @import { Palette } from "./palette.js"
 * @import { Point, View } from "./view.js"
 */
import { h } from "./dom.js";
import { contextOf, drawHover, drawOwn, FONT, pathOf } from "./draw.js";
import { count, money } from "./format.js";
import { listen } from "./gestures.js";
import { SeatLayer, SECTION_LABEL_RADIUS_PX } from "./layer.js";
import { clamp, COMPANION, RESTRICTED_VIEW, rowName, seatName, Venue, WHEELCHAIR } from "./layout.js";
import { blend, readPalette } from "./palette.js";
import { BLOCKED, FREE } from "./protocol.js";
import { around, between, confined, fitting, overlap, zoomed } from "./view.js";

const PADDING_PX = 28;
const RADIUS_MAX_PX = 26;
/** Seats smaller than this are not chosen but zoomed to: nobody can aim at them. @type {Record<Hand, number>} */
const AIM_RADIUS_PX = { mouse: 3.5, touch: 8 };
/** @type {Record<Hand, number>} */
const REACH_PX = { mouse: 6, touch: 14 };
const ZOOM_TO_RADIUS_PX = 12;
/** Zoomed out, one's own seats are shown larger than they are, so that they are never lost. */
const OWN_RADIUS_MIN_PX = 5;
const SETTLE_MS = 120;
const ANIMATION_MS = 220;
const TOUCH_TIP_MS = 1800;
const REPAINT_ALL_FROM = 3000;

const STATE_WORDS = ["Free", "Someone else is deciding", "Sold", "Not for sale"];

const STYLE = `
  :host { display: block; position: relative; overflow: hidden; min-height: 240px;
    background: var(--seat-map-background, #fff); color: var(--seat-map-ink, #16171b); }
  canvas { position: absolute; inset: 0; width: 100%; height: 100%; touch-action: none; cursor: grab; display: block; }
  canvas.pointing { cursor: pointer; }
  canvas.dragging { cursor: grabbing; }
  canvas:focus-visible { outline: 3px solid var(--seat-map-focus, #1a5fd0); outline-offset: -3px; }
  .zoom { position: absolute; right: 12px; bottom: 12px; display: grid; gap: 1px; border-radius: 10px; overflow: hidden;
    background: var(--seat-map-line, #ddd); border: 1px solid var(--seat-map-line, #ddd); }
  .zoom button { all: unset; box-sizing: border-box; width: 44px; height: 44px; display: grid; place-items: center; cursor: pointer;
    background: var(--seat-map-background, #fff); color: inherit; }
  .zoom button:hover { background: var(--seat-map-surface, #eee); }
  .zoom button:focus-visible { outline: 3px solid var(--seat-map-focus, #1a5fd0); outline-offset: -3px; }
  .zoom svg { width: 18px; height: 18px; stroke: currentColor; stroke-width: 1.8; fill: none; stroke-linecap: round; stroke-linejoin: round; }
  .tip { position: absolute; left: 0; top: 0; max-width: 240px; padding: 10px 12px; border-radius: 10px; pointer-events: none;
    background: var(--seat-map-ink, #16171b); color: var(--seat-map-background, #fff);
    font: 400 14px/1.4 ${FONT}; box-shadow: 0 6px 24px rgb(0 0 0 / 0.22); visibility: hidden; }
  .tip.shown { visibility: visible; }
  .tip b { display: block; font-weight: 650; }
  .tip span { display: block; }
  .tip .price { display: flex; gap: 12px; justify-content: space-between; margin-top: 2px; }
  .tip .state { opacity: 0.82; }
`;

const ICONS = {
  in: "M12 5v14M5 12h14",
  out: "M5 12h14",
  fit: "M9 4H4v5M15 4h5v5M9 20H4v-5M15 20h5v-5",
};

const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);

export class Drawing extends HTMLElement {
  constructor() {
    super();
    this.canvas = h("canvas", {
      tabindex: "0",
      role: "img",
      "aria-label": "Seat map. Arrow keys move it, plus and minus zoom, zero shows all of it. The list of seats does the same in words.",
    });
    this.context = contextOf(this.canvas);
    this.backing = document.createElement("canvas");
    this.tip = h("div", { class: "tip", "aria-hidden": "true" });
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(this.canvas, this.zoomButtons(), this.tip);

    /** @type {Venue | null} */
    this.shownVenue = null;
    /** @type {Palette | null} */
    this.palette = null;
    /** @type {Uint8Array} */
    this.seats = new Uint8Array();
    /** @type {(Money | undefined)[]} by category number */
    this.prices = [];
    /** @type {Map<number, number>} places left by area number */
    this.available = new Map();
    /** @type {ReadonlySet<number>} */
    this.chosen = new Set();
    /** @type {ReadonlySet<number>} */
    this.held = new Set();
    /** @type {ReadonlyMap<number, number>} */
    this.ownAreas = new Map();
    /** @type {Path2D[]} */
    this.shapes = [];
    /** @type {(Path2D | null)[]} */
    this.scenery = [];

    /** @type {View} */
    this.view = { scale: 1, x: 0, y: 0 };
    this.size = { width: 0, height: 0 };
    this.ratio = 1;
    /** All is shown, and still shall be when the window changes. */
    this.fitted = true;
    this.moving = false;
    /** @type {SeatLayer | null} */
    this.layer = null;
    this.hovered = { seatNo: -1, areaNo: -1 };
    this.frame = 0;
    this.animation = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.settleTimer = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.tipTimer = undefined;

    this.observer = new ResizeObserver(() => this.resize());
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => this.readTheme();
    listen(this.canvas, {
      view: () => this.view,
      moveTo: (view) => this.moveTo(view),
      zoomBy: (factor) => this.zoomBy(factor),
      zoomedBy: (view, at, factor) => zoomed(view, at, this.limitScale(view.scale * factor)),
      fit: () => this.fit(),
      tap: (point, hand) => this.tap(point, hand),
      hover: (point) => this.hover(point),
    });
  }

  connectedCallback() {
    this.observer.observe(this);
    this.scheme.addEventListener("change", this.recolour);
    this.readTheme();
  }

  disconnectedCallback() {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.recolour);
    cancelAnimationFrame(this.frame);
    cancelAnimationFrame(this.animation);
    this.frame = 0;
  }

  /** @param {Venue} venue */
  set venue(venue) {
    this.shownVenue = venue;
    this.seats = new Uint8Array(venue.seatCount).fill(BLOCKED);
    this.shapes = venue.layout.areas.map(({ shape }) => pathOf(shape));
    this.scenery = venue.layout.decorations.map(({ shape }) => (shape ? pathOf(shape) : null));
    this.readTheme();
    this.fit({ animate: false });
  }

  /**
   * @param {Uint8Array} seats the whole map
   * @param {Iterable<number> & { length: number }} changed the seats that differ from what is shown
   */
  setSeats(seats, changed) {
    this.seats = seats;
    if (changed.length >= REPAINT_ALL_FROM) this.layer = null;
    else if (this.layer !== null) for (const seatNo of changed) this.layer.repaint(seatNo, seats[seatNo]);
    this.invalidate();
  }

  /** @param {Price[]} prices */
  setPrices(prices) {
    this.prices = [];
    for (const { category_no, price } of prices) this.prices[category_no] = price;
  }

  /** @param {Map<number, number>} available */
  setAreas(available) {
    this.available = available;
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
    this.ownAreas = new Map(areas);
    this.invalidate();
  }

  /** Show the whole venue. @param {{ animate?: boolean }} [how] */
  fit({ animate = true } = {}) {
    const goal = this.fitView();
    if (goal !== null) this.travel(goal, animate);
    this.fitted = true;
  }

  /** @param {number} factor */
  zoomBy(factor) {
    const middle = { x: this.size.width / 2, y: this.size.height / 2 };
    this.travel(zoomed(this.view, middle, this.limitScale(this.view.scale * factor)), true);
  }

  /** Bring a seat into sight, near enough to read it. @param {number} seatNo */
  showSeat(seatNo) {
    const venue = this.shownVenue;
    if (venue === null || !(seatNo < venue.seatCount)) return;
    const place = { x: venue.x[seatNo], y: venue.y[seatNo] };
    const { x, y } = this.toScreen(place);
    const inSight = x > 40 && y > 40 && x < this.size.width - 40 && y < this.size.height - 40;
    if (!inSight || this.radiusPx < AIM_RADIUS_PX.touch) this.zoomTo(place);
  }

  /** Where a seat is in the browser's window, in CSS pixels. @param {number} seatNo */
  clientPoint(seatNo) {
    const venue = this.shownVenue;
    if (venue === null) return null;
    const { left, top } = this.canvas.getBoundingClientRect();
    const { x, y } = this.toScreen({ x: venue.x[seatNo], y: venue.y[seatNo] });
    return { x: x + left, y: y + top, radius: this.radiusPx };
  }

  /** Radius of a seat as shown, in CSS pixels. */
  get radiusPx() {
    return this.shownVenue === null ? 0 : this.shownVenue.radius * this.view.scale;
  }

  // --- view -----------------------------------------------------------------------------------

  fitView() {
    if (this.shownVenue === null || this.size.width === 0) return null;
    const { box, radius } = this.shownVenue;
    return fitting(box, this.size, { padding: PADDING_PX, most: RADIUS_MAX_PX / radius });
  }

  /** @param {number} scale */
  limitScale(scale) {
    const least = (this.fitView()?.scale ?? scale) * 0.7;
    const most = RADIUS_MAX_PX / (this.shownVenue?.radius ?? 1);
    return clamp(scale, Math.min(least, most), most);
  }

  /** @param {Point} place in the drawing */
  zoomTo(place) {
    const scale = this.limitScale(ZOOM_TO_RADIUS_PX / (this.shownVenue?.radius ?? 1));
    this.travel(around(place, scale, this.size), true);
  }

  /** @param {View} view */
  setView(view) {
    this.view = this.shownVenue === null ? view : confined(view, this.shownVenue.box, this.size);
    this.invalidate();
  }

  /** A step of a gesture. @param {View} view */
  moveTo(view) {
    cancelAnimationFrame(this.animation);
    this.fitted = false;
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
    this.fitted = false;
    this.hideTip();
    if (!animate || matchMedia("(prefers-reduced-motion: reduce)").matches || this.shownVenue === null) {
      this.setView(goal);
      return;
    }
    const from = this.view;
    const to = confined(goal, this.shownVenue.box, this.size);
    const startedMs = performance.now();
    const step = (/** @type {number} */ nowMs) => {
      const t = clamp((nowMs - startedMs) / ANIMATION_MS, 0, 1);
      this.pass(between(from, to, 1 - (1 - t) ** 3));
      if (t < 1) this.animation = requestAnimationFrame(step);
    };
    this.animation = requestAnimationFrame(step);
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
    const first = this.size.width === 0;
    this.size = { width, height };
    this.ratio = Math.min(3, devicePixelRatio || 1);
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    this.layer = null;
    if (this.fitted || first) this.view = this.fitView() ?? this.view;
    else this.view = around(middle, this.view.scale, this.size);
    // Within the observer's turn, so that the resized (emptied) canvas is never seen.
    this.draw();
  }

  readTheme() {
    if (!this.isConnected) return;
    this.palette = readPalette(this, this.shownVenue?.layout.categories ?? []);
    this.layer = null;
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

  draw() {
    const { context, ratio, view, size, shownVenue: venue, palette, seats } = this;
    if (palette === null || size.width === 0) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = palette.background;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (venue === null) return;
    const k = ratio * view.scale;
    context.setTransform(k, 0, 0, k, -view.x * k, -view.y * k);
    this.drawScenery(venue, palette);
    venue.layout.areas.forEach((area, areaNo) => this.drawArea(area, areaNo, palette));
    if (!this.layer?.suits(view, size, this.moving)) {
      this.layer = new SeatLayer({ venue, palette, seats, view, size, ratio, canvas: this.backing });
    }
    this.layer.copyTo(context, view, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (this.radiusPx < SECTION_LABEL_RADIUS_PX) this.drawSectionNames(venue, palette);
    this.drawOverlay(venue, palette);
  }

  /** Stage, walls, tables: few, so drawn each time. @param {Venue} venue @param {Palette} palette */
  drawScenery(venue, palette) {
    const { context, view } = this;
    venue.layout.decorations.forEach(({ color, border_color, text, kind }, i) => {
      const path = this.scenery[i];
      if (path) {
        context.fillStyle = color ? blend(color, palette.background, 0.7) : palette.surface;
        if (kind !== "wall") context.fill(path);
        context.strokeStyle = border_color ? blend(border_color, palette.background, 0.5) : palette.line;
        context.lineWidth = (kind === "wall" ? 2 : 1) / view.scale;
        context.stroke(path);
      }
      if (text) this.drawText(text.text, text.x, text.y, text.size ?? 16, palette.muted, text.rotation);
    });
  }

  /** @param {Area} area @param {number} areaNo @param {Palette} palette */
  drawArea(area, areaNo, palette) {
    const { context, view } = this;
    const path = this.shapes[areaNo];
    const left = this.available.get(areaNo);
    const own = this.ownAreas.get(areaNo) ?? 0;
    const soldOut = left === 0 && own === 0;
    const fill = palette.tones[area.category]?.fill ?? palette.muted;
    context.save();
    context.globalAlpha = soldOut ? 0.08 : this.hovered.areaNo === areaNo ? 0.3 : 0.2;
    context.fillStyle = soldOut ? palette.muted : fill;
    context.fill(path);
    context.globalAlpha = 1;
    context.strokeStyle = own > 0 ? palette.ink : soldOut ? palette.line : fill;
    context.lineWidth = (own > 0 ? 3 : 1.5) / view.scale;
    if (soldOut) context.setLineDash([6 / view.scale, 6 / view.scale]);
    context.stroke(path);
    context.restore();
    const words = own > 0 ? `✓ ${own} yours` : left === undefined ? "" : left === 0 ? "Sold out" : `${count(left)} left`;
    this.drawAreaWords(area.name, words, areaNo, palette);
  }

  /** As large as they fit; along a narrow area, turned. @param {string} name @param {string} words @param {number} areaNo @param {Palette} palette */
  drawAreaWords(name, words, areaNo, palette) {
    const { context, view, shownVenue: venue } = this;
    if (venue === null) return;
    const { x, y, width, height } = venue.areaMiddles[areaNo];
    const turned = height > width * 1.8;
    const [along, across] = turned ? [height, width] : [width, height];
    context.font = `650 10px ${FONT}`;
    const needed = Math.max(context.measureText(name).width, context.measureText(words).width) / 10;
    const size = Math.min((along * 0.86) / needed, across / 3, 18 / view.scale);
    const off = size * 0.66;
    const [dx, dy] = turned ? [off, 0] : [0, off];
    const rotation = turned ? -90 : 0;
    this.drawText(name, x - dx, y - dy, size, palette.ink, rotation, 650);
    this.drawText(words, x + dx, y + dy, size * 0.85, palette.ink, rotation);
  }

  /**
   * Words in drawing units; left out where nobody could read them.
   *
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {number} size
   * @param {string} colour
   * @param {number} [rotation] degrees
   * @param {number} [weight]
   */
  drawText(text, x, y, size, colour, rotation = 0, weight = 500) {
    if (size * this.view.scale < 6) return;
    const { context } = this;
    context.save();
    context.translate(x, y);
    if (rotation) context.rotate((rotation * Math.PI) / 180);
    context.font = `${weight} ${size}px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = colour;
    context.fillText(text, 0, 0);
    context.restore();
  }

  /** Names over sections while seats are too small to read; where two would touch, the larger stays. @param {Venue} venue @param {Palette} palette */
  drawSectionNames(venue, palette) {
    const { context } = this;
    context.font = `600 12px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    /** @type {Box[]} */
    const taken = [];
    const order = venue.sections.map((_, i) => i).sort((a, b) => venue.sections[b].weight - venue.sections[a].weight);
    for (const i of order) {
      const { x, y } = this.toScreen(venue.sections[i]);
      const name = venue.shortNames[i];
      const half = context.measureText(name).width / 2 + 7;
      if (half * 2 > venue.sections[i].width * this.view.scale) continue;
      const pill = { x0: x - half, y0: y - 11, x1: x + half, y1: y + 11 };
      if (taken.some((other) => overlap(other, pill))) continue;
      taken.push(pill);
      context.globalAlpha = 0.86;
      context.fillStyle = palette.background;
      context.beginPath();
      context.roundRect(pill.x0, pill.y0, half * 2, 22, 11);
      context.fill();
      context.globalAlpha = 1;
      context.fillStyle = palette.ink;
      context.fillText(name, x, y + 0.5);
    }
  }

  /** What is the buyer's, and what the pointer is on. @param {Venue} venue @param {Palette} palette */
  drawOverlay(venue, palette) {
    const { context } = this;
    const { category, flags } = venue.layout.seats;
    const at = (/** @type {number} */ seatNo, /** @type {(square: boolean) => void} */ paint) => {
      const { x, y } = this.toScreen({ x: venue.x[seatNo], y: venue.y[seatNo] });
      context.save();
      context.translate(x, y);
      paint((flags[seatNo] & WHEELCHAIR) !== 0);
      context.restore();
    };
    const radius = Math.max(OWN_RADIUS_MIN_PX, this.radiusPx);
    for (const own of [this.chosen, this.held]) {
      for (const seatNo of own) {
        at(seatNo, (square) => drawOwn(context, palette, radius, { category: category[seatNo], mine: own === this.held, square }));
      }
    }
    const { seatNo } = this.hovered;
    if (seatNo >= 0) at(seatNo, (square) => drawHover(context, palette, Math.max(4, this.radiusPx), square));
  }

  // --- pointing and choosing ------------------------------------------------------------------

  /** @param {Point} point @param {Hand} hand */
  tap(point, hand) {
    const found = this.find(point, hand);
    if (found.seatNo >= 0 && this.radiusPx < AIM_RADIUS_PX[hand]) {
      this.zoomTo(this.toDrawing(point));
      return;
    }
    if (found.seatNo < 0 && found.areaNo < 0) {
      this.hideTip();
      return;
    }
    const detail = found.seatNo >= 0 ? { seatNo: found.seatNo } : { areaNo: found.areaNo };
    this.dispatchEvent(new CustomEvent("choose", { detail }));
    this.showTip(found, point);
    if (hand === "touch") this.tipTimer = setTimeout(() => this.hideTip(), TOUCH_TIP_MS);
  }

  /** @param {Point} point @param {Hand} hand */
  find(point, hand) {
    const venue = this.shownVenue;
    if (venue === null) return { seatNo: -1, areaNo: -1 };
    const { x, y } = this.toDrawing(point);
    const seatNo = venue.seatAt(x, y, Math.max(venue.radius * 1.2, REACH_PX[hand] / this.view.scale));
    return { seatNo, areaNo: seatNo >= 0 ? -1 : venue.areaAt(x, y) };
  }

  /** @param {Point | null} point */
  hover(point) {
    const found = point === null ? { seatNo: -1, areaNo: -1 } : this.find(point, "mouse");
    const any = found.seatNo >= 0 || found.areaNo >= 0;
    this.canvas.classList.toggle("pointing", any);
    if (point !== null && any) this.showTip(found, point);
    else this.hideTip();
    if (found.seatNo === this.hovered.seatNo && found.areaNo === this.hovered.areaNo) return;
    this.hovered = found;
    this.invalidate();
  }

  /** @param {{ seatNo: number, areaNo: number }} found @param {Point} point */
  showTip({ seatNo, areaNo }, point) {
    const venue = this.shownVenue;
    if (venue === null) return;
    clearTimeout(this.tipTimer);
    this.tip.replaceChildren(...(seatNo >= 0 ? this.seatWords(venue, seatNo) : this.areaWords(venue, areaNo)));
    const anchor = seatNo >= 0 ? this.toScreen({ x: venue.x[seatNo], y: venue.y[seatNo] }) : point;
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

  /** @param {Venue} venue @param {number} seatNo */
  seatWords(venue, seatNo) {
    const { section, row, number, category, flags } = venue.place(seatNo);
    const state = this.held.has(seatNo) ? "Held for you" : this.chosen.has(seatNo) ? "Chosen by you" : STATE_WORDS[this.seats[seatNo]];
    const buyable = this.seats[seatNo] === FREE || this.held.has(seatNo) || this.chosen.has(seatNo);
    const title = [rowName(row), seatName(number)].filter(Boolean).join(", ");
    return [
      h("b", {}, title.replace(/^./, (c) => c.toUpperCase())),
      h("span", {}, section),
      ...(buyable ? [this.priceWords(venue, category)] : []),
      ...seatNotes(flags).map((note) => h("span", {}, note)),
      h("span", { class: "state" }, state),
    ];
  }

  /** @param {Venue} venue @param {number} areaNo */
  areaWords(venue, areaNo) {
    const { name, category } = venue.layout.areas[areaNo];
    const left = this.available.get(areaNo);
    const state = left === undefined ? "No numbered seats" : left === 0 ? "Sold out" : `${count(left)} places left`;
    return [h("b", {}, name), this.priceWords(venue, category), h("span", { class: "state" }, state)];
  }

  /** @param {Venue} venue @param {number} category */
  priceWords(venue, category) {
    const price = this.prices[category];
    const name = venue.layout.categories[category]?.name ?? "";
    return h("span", { class: "price" }, name, price ? h("strong", {}, money(price)) : null);
  }

  zoomButtons() {
    return h(
      "div",
      { class: "zoom" },
      iconButton("in", "Zoom in", () => this.zoomBy(1.8)),
      iconButton("out", "Zoom out", () => this.zoomBy(1 / 1.8)),
      iconButton("fit", "Show everything", () => this.fit()),
    );
  }
}

/** @param {keyof typeof ICONS} icon @param {string} name @param {() => void} onclick */
function iconButton(icon, name, onclick) {
  const button = h("button", { type: "button", "aria-label": name, title: name, onclick });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[icon]);
  svg.append(path);
  button.append(svg);
  return button;
}

/** What a buyer should know about a seat before taking it. @param {number} flags */
export function seatNotes(flags) {
  const notes = [];
  if (flags & WHEELCHAIR) notes.push("Wheelchair place");
  if (flags & COMPANION) notes.push("For a wheelchair user's companion");
  if (flags & RESTRICTED_VIEW) notes.push("Restricted view");
  return notes;
}

customElements.define("seat-map-drawing", Drawing);
