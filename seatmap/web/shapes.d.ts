// What the drawing is made of. Only types: browsers never load this.

/** Of an area, a stage, a table: in drawing units. */
export type Shape = Polygon | Rectangle | Ellipse;

export interface Polygon {
  type: "polygon";
  points: [number, number][];
}

export interface Rectangle {
  type: "rectangle";
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Ellipse {
  type: "ellipse";
  x: number;
  y: number;
  rx: number;
  ry: number;
  /** degrees */
  rotation?: number;
}

export interface Text {
  text: string;
  x: number;
  y: number;
  size?: number;
  color?: string;
  /** degrees */
  rotation?: number;
}

export interface Decoration {
  kind?: string;
  shape?: Shape | null;
  text?: Text | null;
  color?: string | null;
  border_color?: string | null;
}

export interface Area {
  name: string;
  category: number;
  capacity: number;
  shape: Shape;
}

export interface Row {
  label: string;
  section: number;
  first_seat: number;
  seat_count: number;
  order: number;
}

/** Columnar: a seat is its index (`seat_no`) in the arrays of `seats`. */
export interface Layout {
  name: string;
  size: { width: number; height: number };
  focal_point: { x: number; y: number };
  categories: { name: string; color: string }[];
  sections: { name: string; first_row: number; row_count: number }[];
  rows: Row[];
  seats: { x: number[]; y: number[]; row: number[]; number: string[]; category: number[]; flags: number[] };
  areas: Area[];
  decorations: Decoration[];
}

export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

export interface Point {
  x: number;
  y: number;
}

/** In CSS pixels. */
export interface Size {
  width: number;
  height: number;
}

/** CSS pixels per drawing unit, and the drawing's point in the upper left corner. */
/** Pixels that stay free along the sides. */
export interface Margins {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface View {
  scale: number;
  x: number;
  y: number;
}

export type Hand = "mouse" | "touch";

/** The seat, area or section under a point; -1 is none. */
export interface Found {
  seatNo: number;
  areaNo: number;
  section: number;
}

export interface Sweep {
  /** the seat it began on */
  from: number;
  /** seats that were chosen are given back */
  remove: boolean;
  /** in the order they were swept over */
  seats: number[];
}

/** Categories wanted; null is all. `accessible`: of them only places for wheelchair users and companions. */
export type Filter = (ReadonlySet<number> & { accessible?: boolean }) | null;

/** Of a seat. */
export interface Look {
  state: number;
  category: number;
  /** for a wheelchair user or a companion */
  square: boolean;
  /** outside of the filter */
  faint: boolean;
  text: string;
}

/** The seats of one category in one section. */
export interface Part {
  section: number;
  category: number;
  path: Path2D;
  total: number;
}

/** How full a section is, in words. */
export interface Fullness {
  name: string;
  words: string;
  /** free, 0…1 */
  share: number;
}
