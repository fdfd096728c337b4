// @ts-check
/**
 * Colours of the map. Organisers choose category colours freely; what is drawn is the nearest shade
 * that stands out from the background (3 : 1, WCAG 1.4.11) in the light and the dark theme alike.
 *
 * @typedef {[number, number, number]} Rgb 0…255
 * @typedef {{ fill: string, text: string }} Tone
 * @typedef {{ background: string, ink: string, muted: string, line: string, surface: string, tones: Tone[] }} Palette
 */

const GRAPHICS_CONTRAST = 3;
const STEP = 0.06;
const BLACK = /** @type {Rgb} */ ([0, 0, 0]);
const WHITE = /** @type {Rgb} */ ([255, 255, 255]);

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
