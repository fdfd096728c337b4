// @ts-check
/** A picture for an event that brought none: rows of seats before a lit stage, always the same for the same event. */
import { contextOf } from "./draw.js";

const WIDTH = 640;
const HEIGHT = 360;
/** Ground, seats, lit seats. @type {[string, string, string][]} */
const INKS = [
  ["#1d2433", "#46557a", "#ffd27a"],
  ["#3a1420", "#7d3346", "#ffb59c"],
  ["#12302b", "#2f6b60", "#d9f0a3"],
  ["#2b1d3a", "#634a86", "#f2b8d8"],
  ["#0f2a3d", "#2f6488", "#a6e3f5"],
  ["#33260f", "#7a5f2c", "#ffe1a1"],
];

/** @param {HTMLCanvasElement} canvas @param {string} seed */
export function drawPoster(canvas, seed) {
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = contextOf(canvas);
  const random = randomFrom(seed);
  const [ground, seat, lit] = INKS[Math.floor(random() * INKS.length)];
  const middle = WIDTH * (0.3 + random() * 0.4);
  const spread = 0.55 + random() * 0.5;
  context.fillStyle = ground;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  const glow = context.createRadialGradient(middle, -40, 20, middle, -40, 330);
  glow.addColorStop(0, lit);
  glow.addColorStop(1, "transparent");
  context.globalAlpha = 0.34;
  context.fillStyle = glow;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  for (let row = 0; row < 11; row++) {
    const radius = 120 + row * 34;
    const dot = 5 + row * 0.75;
    const step = (dot * 2.7) / radius;
    for (let angle = -Math.PI * spread; angle <= Math.PI * spread; angle += step) {
      const bright = random() < 0.13;
      context.globalAlpha = bright ? 0.95 : 0.8;
      context.fillStyle = bright ? lit : seat;
      context.beginPath();
      context.arc(middle + Math.sin(angle) * radius, Math.cos(angle) * radius - 40, dot, 0, Math.PI * 2);
      context.fill();
    }
  }
  context.globalAlpha = 1;
}

/** A small repeatable generator (mulberry32). @param {string} seed */
function randomFrom(seed) {
  let state = [...seed].reduce((a, c) => Math.imul(a ^ c.charCodeAt(0), 0x9e3779b1), 7);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
