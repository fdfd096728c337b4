// @ts-check
/**
 * What does not change with every seat: stage, walls, tables, and areas with their places left. Few
 * things, so they are drawn each time.
 *
 * @import { Venue } from "./layout.js"
 * @import { Palette } from "./palette.js"
 * @import { Filter, Text } from "./shapes.js"
 */
import { FONT, pathOf, setFont } from "./draw.js";
import { count } from "./format.js";
import { blend } from "./palette.js";

export class Scenery {
  /** @param {Venue} venue */
  constructor(venue) {
    this.venue = venue;
    this.shapes = venue.layout.areas.map(({ shape }) => pathOf(shape));
    this.decorations = venue.layout.decorations.map(({ shape }) => (shape ? pathOf(shape) : null));
    /** @type {Map<number, number>} places left by area number */
    this.available = new Map();
    /** @type {ReadonlyMap<number, number>} */
    this.own = new Map();
    /** @type {Filter} */
    this.filter = null;
  }

  /**
   * @param {CanvasRenderingContext2D} context with a transform to the drawing's units
   * @param {Palette} palette
   * @param {number} scale CSS pixels per drawing unit
   * @param {number} [hovered] area number
   * @param {boolean} [worded]
   */
  draw(context, palette, scale, hovered = -1, worded = true) {
    const { areas, decorations } = this.venue.layout;
    decorations.forEach(({ color, border_color, text, kind }, i) => {
      const path = this.decorations[i];
      if (path) {
        context.fillStyle = color ? blend(color, palette.background, 0.7) : palette.surface;
        if (kind !== "wall") context.fill(path);
        context.strokeStyle = border_color ? blend(border_color, palette.background, 0.5) : palette.line;
        context.lineWidth = (kind === "wall" ? 2 : 1) / scale;
        context.stroke(path);
      }
      if (text && worded) write(context, scale, text, palette.muted);
    });
    areas.forEach(({ category }, areaNo) => {
      const path = this.shapes[areaNo];
      const own = this.own.get(areaNo) ?? 0;
      const soldOut = this.available.get(areaNo) === 0 && own === 0;
      const faint = soldOut || (this.filter !== null && !this.filter.has(category));
      const fill = palette.tones[category]?.fill ?? palette.muted;
      context.save();
      context.globalAlpha = faint ? 0.08 : hovered === areaNo ? 0.3 : 0.2;
      context.fillStyle = faint ? palette.muted : fill;
      context.fill(path);
      context.globalAlpha = 1;
      context.strokeStyle = own > 0 ? palette.ink : faint ? palette.line : fill;
      context.lineWidth = (own > 0 ? 3 : 1.5) / scale;
      if (soldOut) context.setLineDash([6 / scale, 6 / scale]);
      context.stroke(path);
      context.restore();
      if (worded) this.drawAreaWords(context, palette.ink, scale, areaNo);
    });
  }

  /** As large as they fit; along a narrow area, turned. @param {CanvasRenderingContext2D} context @param {string} ink @param {number} scale @param {number} areaNo */
  drawAreaWords(context, ink, scale, areaNo) {
    const { name } = this.venue.layout.areas[areaNo];
    const left = this.available.get(areaNo);
    const own = this.own.get(areaNo) ?? 0;
    const words = own > 0 ? `✓ ${own} yours` : left === undefined ? "" : left === 0 ? "Sold out" : `${count(left)} left`;
    const { x, y, width, height } = this.venue.areaMiddles[areaNo];
    const turned = height > width * 1.8;
    const [along, across] = turned ? [height, width] : [width, height];
    context.font = `650 10px ${FONT}`;
    const needed = Math.max(context.measureText(name).width, context.measureText(words).width) / 10;
    const size = Math.min((along * 0.86) / needed, across / 3, 18 / scale);
    const off = size * 0.66;
    const [dx, dy] = turned ? [off, 0] : [0, off];
    const rotation = turned ? -90 : 0;
    write(context, scale, { text: name, x: x - dx, y: y - dy, size, rotation }, ink, 650);
    write(context, scale, { text: words, x: x + dx, y: y + dy, size: size * 0.85, rotation }, ink);
  }
}

/** Words in drawing units; left out where nobody could read them. @param {CanvasRenderingContext2D} context @param {number} scale @param {Text} text @param {string} ink @param {number} [weight] */
function write(context, scale, { text, x, y, size = 16, rotation = 0 }, ink, weight = 500) {
  if (size * scale < 6) return;
  context.save();
  context.translate(x, y);
  context.rotate((rotation * Math.PI) / 180);
  setFont(context, weight, size);
  context.fillStyle = ink;
  context.fillText(text, 0, 0);
  context.restore();
}
