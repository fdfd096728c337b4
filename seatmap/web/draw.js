// @ts-check
/**
 * Marks and shapes of the map on a 2D canvas. Every state has its own shape, so that people who cannot tell
 * colours apart can use the map: free is a full disc, held a ring with a dot, sold a cross, not for sale a
 * dash; yours is a tick, offered to you a diamond. And the colours: organisers choose category colours
 * freely; the map draws the nearest shade that stands out from the background (3 : 1, WCAG 1.4.11) in the
 * light and the dark theme alike.
 *
 * @typedef {[number, number, number]} Rgb 0…255
 * @typedef {{ fill: string, text: string }} Tone
 * @typedef {{ background: string, ink: string, muted: string, line: string, surface: string, tones: Tone[] }} Palette
 * @import { Shape } from "./shapes.js"
 */
import { BLOCKED, FREE, HELD, SOLD } from "./protocol.js";

/** Radii in CSS pixels from which marks and numbers are legible. */
const MARK_RADIUS_PX = 3.2;
export const NUMBER_RADIUS_PX = 8.5;
/** A free seat is never drawn smaller: it must be found on a phone showing a whole arena. */
const FREE_RADIUS_MIN_PX = 1.2;

export const FONT = '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif';

const GRAPHICS_CONTRAST = 3;
const STEP = 0.06;
const BLACK = /** @type {Rgb} */ ([0, 0, 0]);
const WHITE = /** @type {Rgb} */ ([255, 255, 255]);

/**
 * One seat around the origin.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Palette} palette
 * @param {number} radius
 * @param {{ state: number, category: number, square?: boolean, faint?: boolean, text?: string }} seat
 *   faint: outside of the filter
 */
export function drawSeat(context, palette, radius, { state, category, square = false, faint = false, text = "" }) {
  const { fill, text: ink } = palette.tones[category] ?? { fill: palette.muted, text: "#ffffff" };
  const tiny = radius < MARK_RADIUS_PX;
  const strength = faint ? 0.4 : 1;
  context.lineCap = "round";
  if (state === FREE) {
    context.globalAlpha = strength;
    context.fillStyle = fill;
    outline(context, faint ? radius * 0.5 : Math.max(FREE_RADIUS_MIN_PX, radius), square);
    context.fill();
    context.globalAlpha = 1;
    if (text !== "") number(context, text, radius, ink);
    return;
  }
  context.fillStyle = context.strokeStyle = palette.muted;
  context.lineWidth = Math.max(1, radius * 0.16);
  if (tiny) {
    context.globalAlpha = (state === HELD ? 0.9 : 0.55) * strength;
    outline(context, radius * (state === HELD ? 0.62 : 0.42), square);
    context.fill();
    context.globalAlpha = 1;
    return;
  }
  context.globalAlpha = strength;
  if (state === HELD) {
    outline(context, radius - context.lineWidth / 2, square);
    context.stroke();
    dot(context, radius * 0.3);
  } else if (state === SOLD) {
    // Taken seats are drawn weaker, so that free seats stand out.
    context.globalAlpha = 0.62 * strength;
    const arm = radius * 0.36;
    line(context, -arm, -arm, arm, arm);
    line(context, -arm, arm, arm, -arm);
  } else if (state === BLOCKED) {
    line(context, -radius * 0.5, 0, radius * 0.5, 0);
  }
  context.globalAlpha = 1;
}

/**
 * A seat that the buyer has chosen (ticked, ringed) or holds (the same, filled with ink).
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Palette} palette
 * @param {number} radius
 * @param {{ category: number, mine: boolean, square?: boolean }} seat
 */
export function drawOwn(context, palette, radius, { category, mine, square = false }) {
  const { fill, text } = palette.tones[category] ?? { fill: palette.muted, text: "#ffffff" };
  const ring = Math.max(1.6, radius * 0.2);
  context.fillStyle = palette.background;
  outline(context, radius + ring + 1.5, square);
  context.fill();
  context.fillStyle = palette.ink;
  outline(context, radius + ring, square);
  context.fill();
  if (!mine) {
    context.fillStyle = fill;
    outline(context, radius - ring * 0.2, square);
    context.fill();
  }
  context.strokeStyle = mine ? palette.background : text;
  context.lineWidth = Math.max(1.6, radius * 0.24);
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(-radius * 0.45, radius * 0.05);
  context.lineTo(-radius * 0.12, radius * 0.4);
  context.lineTo(radius * 0.48, -radius * 0.35);
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Palette} palette @param {number} radius @param {boolean} square */
export function drawHover(context, palette, radius, square) {
  context.strokeStyle = palette.ink;
  context.lineWidth = 2;
  outline(context, radius + 2.5, square);
  context.stroke();
}

/** A seat offered instead of one that was lost. @param {CanvasRenderingContext2D} context @param {Palette} palette @param {number} radius @param {boolean} square */
export function drawSuggested(context, palette, radius, square) {
  const ring = Math.max(2, radius * 0.22);
  context.lineWidth = ring;
  context.strokeStyle = palette.background;
  outline(context, radius + ring, square);
  context.stroke();
  context.setLineDash([ring * 1.6, ring * 1.2]);
  context.strokeStyle = palette.ink;
  outline(context, radius + ring * 1.2, square);
  context.stroke();
}

/** The path of a shape, in drawing units. @param {Shape} shape */
export function pathOf(shape) {
  const path = new Path2D();
  if (shape.type === "rectangle") path.rect(shape.x, shape.y, shape.width, shape.height);
  else if (shape.type === "ellipse") {
    path.ellipse(shape.x, shape.y, shape.rx, shape.ry, ((shape.rotation ?? 0) * Math.PI) / 180, 0, Math.PI * 2);
  } else {
    for (const [x, y] of shape.points) path.lineTo(x, y);
    path.closePath();
  }
  return path;
}

/** As much of a text as has room. @param {CanvasRenderingContext2D} context @param {string} text @param {number} width in the context's units, at its font */
export function shortened(context, text, width) {
  let length = text.length;
  while (length > 1 && context.measureText(length < text.length ? `${text.slice(0, length)}…` : text).width > width) length--;
  return length < text.length ? `${text.slice(0, length).trimEnd()}…` : text;
}

/** Set the font for words around a point. @param {CanvasRenderingContext2D} context @param {number} weight @param {number} size */
export function setFont(context, weight, size) {
  context.font = `${weight} ${size}px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
}

/** @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2DSettings} [settings] */
export function contextOf(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (context === null) throw new Error("this browser has no 2D canvas");
  return context;
}

/** A seat that the waitlist keeps for the buyer: a diamond. @param {CanvasRenderingContext2D} context @param {Palette} palette @param {number} radius @param {number} category */
export function drawOffered(context, palette, radius, category) {
  const { fill } = palette.tones[category] ?? { fill: palette.muted };
  context.rotate(Math.PI / 4);
  for (const [colour, share] of /** @type {const} */ ([[palette.background, 1.38], [palette.ink, 1.2], [palette.background, 0.84], [fill, 0.62]])) {
    context.fillStyle = colour;
    outline(context, radius * share, true);
    context.fill();
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} radius @param {boolean} square */
function outline(context, radius, square) {
  context.beginPath();
  // The square's side is a little under the disc's diameter, so that both look the same size.
  if (square) context.roundRect(-radius * 0.9, -radius * 0.9, radius * 1.8, radius * 1.8, radius * 0.3);
  else context.arc(0, 0, radius, 0, Math.PI * 2);
}

/** @param {CanvasRenderingContext2D} context @param {number} radius */
function dot(context, radius) {
  context.beginPath();
  context.arc(0, 0, radius, 0, Math.PI * 2);
  context.fill();
}

/** @param {CanvasRenderingContext2D} context @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 */
function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} radius @param {string} ink */
function number(context, text, radius, ink) {
  const size = Math.min(radius * 1.05, (radius * 2.6) / Math.max(2, text.length));
  context.fillStyle = ink;
  setFont(context, 600, size);
  context.fillText(text, 0, size * 0.06);
}

/**
 * @param {Element} element whose custom properties name the theme
 * @param {{ color: string }[]} categories
 * @returns {Palette}
 */
export function readPalette(element, categories) {
  const style = getComputedStyle(element);
  const read = (/** @type {string} */ name, /** @type {string} */ otherwise) =>
    style.getPropertyValue(name).trim() || otherwise;
  const background = read("--seat-map-background", "#ffffff");
  return {
    background,
    ink: read("--seat-map-ink", "#16171b"),
    muted: read("--seat-map-muted", "#6b6f78"),
    line: read("--seat-map-line", "#dcdde1"),
    surface: read("--seat-map-surface", "#ececee"),
    tones: categories.map(({ color }) => tone(color, background)),
  };
}

/** @param {string} color @param {string} background @returns {Tone} */
export function tone(color, background) {
  const back = parse(background);
  const towards = luminance(back) > 0.18 ? BLACK : WHITE;
  let shade = parse(color);
  for (let share = STEP; contrast(shade, back) < GRAPHICS_CONTRAST && share <= 1; share += STEP) {
    shade = mix(parse(color), towards, share);
  }
  const text = contrast(shade, WHITE) >= contrast(shade, BLACK) ? "#ffffff" : "#000000";
  return { fill: css(shade), text };
}

/** `color` thinned with `background`. @param {string} color @param {string} background @param {number} share of the background, 0…1 */
export function blend(color, background, share) {
  return css(mix(parse(color), parse(background), share));
}

/** @param {string} color `#rgb` or `#rrggbb`; anything else is grey @returns {Rgb} */
function parse(color) {
  const hex = color.trim().replace(/^#/, "");
  const full = hex.length === 3 ? [...hex].map((c) => c + c).join("") : hex;
  if (!/^[0-9a-f]{6}$/i.test(full)) return [128, 128, 128];
  const value = parseInt(full, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** @param {Rgb} rgb */
function css([r, g, b]) {
  return `#${[r, g, b].map((v) => Math.round(v).toString(16).padStart(2, "0")).join("")}`;
}

/** @param {Rgb} a @param {Rgb} b @param {number} share of b @returns {Rgb} */
function mix(a, b, share) {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

/** @param {Rgb} rgb */
function luminance(rgb) {
  const [r, g, b] = rgb.map((v) => (v <= 10 ? v / 3294 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG contrast ratio, 1…21. @param {Rgb} a @param {Rgb} b */
function contrast(a, b) {
  const [high, low] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (high + 0.05) / (low + 0.05);
}
