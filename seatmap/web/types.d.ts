// What travels between the modules and over the wire. Only types: browsers never load this.
import type { Change, LiveMessage, Money, OfferMessage, Price } from "./messages.js";

export type { Change, LiveMessage, Money, OfferMessage, Price };

export interface SeatItem {
  seat_no: number;
  label: string;
  category: string;
  price: Money;
}

export interface AreaItem {
  area_no: number;
  label: string;
  category: string;
  quantity: number;
  price: Money;
}

export interface BestWish {
  quantity: number;
  category?: string | null;
  section?: string | null;
  together?: boolean;
  max_price?: Money | number | null;
  relax?: boolean;
}

export interface HoldWish {
  hold_id: string;
  seats?: number[];
  areas?: Record<string, number>;
  best?: BestWish;
}

export interface Hold {
  hold_id: string;
  event_id: string;
  status: "held" | "paying" | "booked" | "released" | "expired";
  seats: SeatItem[];
  areas: AreaItem[];
  total: Money;
  expires_at: string;
  /** In what respects best seats are less than ideal, in the order in which they were given up. */
  relaxed?: string[];
}

export interface Buyer {
  name: string;
  email: string;
}

export interface BookingWish {
  hold_id: string;
  buyer: Buyer;
  /** none where the total is 0 */
  payment?: { provider: string; token: string };
}

export interface Booking {
  booking_id: string;
  reference: string;
  event_id: string;
  hold_id: string;
  status: "pending" | "confirmed" | "declined" | "expired" | "cancelled";
  seats: SeatItem[];
  areas: AreaItem[];
  total: Money;
  buyer: Buyer;
  version: number;
  created_at: string;
  expires_at?: string | null;
  next_action?: { type: "redirect" | "wait"; url: string } | null;
  note?: string | null;
  refunded?: Money | null;
}

export interface Ticket {
  ticket_id: string;
  seat_no: number | null;
  area_no: number | null;
  label: string;
  category: string;
  code: string;
  status: "valid" | "void";
  qr_svg?: string | null;
}

export interface PriceChange {
  category_no: number;
  category: string;
  old: Money | null;
  new: Money;
  reason: string;
  changed_at: string;
}

/** What a person waits for; an empty list means any. */
export interface Wanted {
  quantity: number;
  together: boolean;
  categories: string[];
  sections: string[];
  max_price: Money | number | null;
  contact?: Contact;
}

export interface Contact {
  buyer: Buyer | null;
  language: string;
}

export interface Offer {
  offer_id: string;
  entry_id: string;
  event_id: string;
  status: "open" | "used" | "declined" | "expired" | "withdrawn";
  seats: SeatItem[];
  areas: AreaItem[];
  total: Money;
  made_at: string;
  expires_at: string;
  reason?: string | null;
}

export interface Entry {
  entry_id: string;
  event_id: string;
  status: "waiting" | "offered" | "accepted" | "declined" | "lapsed" | "left" | "dismissed";
  wanted: Wanted;
  /** 1 is next. */
  rank: number | null;
  waiting: number;
  estimate: { low_s: number | null; high_s: number | null; basis: string } | null;
  offer_window_s: number;
  contact: Contact;
  version: number;
  /** The latest, open or not. */
  offer: Offer | null;
}

export interface EventSummary {
  event_id: string;
  name: string;
  starts_at: string;
  venue: { venue_id: string; name: string; city?: string; timezone?: string | null };
  status: string;
  prices_from: Money | null;
  availability: { seats: number; available: number | null } | null;
  tagline?: string;
  image_url?: string | null;
  /** A BCP 47 tag. */
  language?: string | null;
  metadata?: { [key: string]: any };
  description?: string;
}

export interface EventPage extends EventSummary {
  currency: string;
  seat_count: number;
  prices: Price[];
  buyer_limit: number;
  hold_ttl_s: number;
  live_url: string;
  layout_url: string;
  pricing?: { dynamic: boolean; history_public: boolean; range_public: boolean };
}

/** One public state (0…3) per seat number, and its position in the order of changes. */
export interface MapState {
  epoch: number;
  seq: number;
  seats: Uint8Array;
}

export interface Snapshot extends MapState {
  kind: "snapshot";
}

export interface Delta {
  kind: "delta";
  epoch: number;
  fromSeq: number;
  toSeq: number;
  serverTimeMs: number;
  seatNos: Uint32Array;
  states: Uint8Array;
}

export interface Message {
  kind: "message";
  epoch: number;
  body: LiveMessage;
}

export type Frame = Snapshot | Delta | Message;

export type LiveStatus = "connecting" | "live" | "reconnecting" | "offline" | "polling" | "gone";

export interface LiveOptions {
  /** address without query */
  url: string;
  onChange: (state: MapState, changed: number[]) => void;
  onMessage: (body: LiveMessage) => void;
  onStatus: (status: LiveStatus) => void;
  /** a new ticket, valid once */
  ticket: () => Promise<string>;
}

export type Step = "choose" | "held" | "pending" | "done";

export interface Notice {
  /** quiet: only said aloud */
  tone: "quiet" | "info" | "bad";
  text: string;
  /** What could be waited for instead. */
  unmet?: Partial<Wanted>;
}

export interface Request {
  body?: unknown;
  idempotencyKey?: string;
  /** the version that may be changed */
  version?: number;
  /** asks for no token */
  anonymous?: boolean;
  /** the token to send instead of the stored one */
  token?: string | null;
  accept?: string;
}

/** Parts of the markup (`data-as`) that the finding of seats works with. */
export interface ListParts {
  search: HTMLFormElement;
  query: HTMLInputElement;
  sections: HTMLSelectElement;
  rows: HTMLSelectElement;
  seats: HTMLElement;
  notes: HTMLElement;
  spoken: HTMLElement;
  all: HTMLInputElement;
}

export interface FilterParts {
  list: HTMLUListElement;
  narrow: HTMLElement;
  price: HTMLSelectElement;
  accessible: HTMLInputElement;
  all: HTMLButtonElement;
}

export interface FinderParts {
  form: HTMLFormElement;
  fewer: HTMLButtonElement;
  count: HTMLOutputElement;
  more: HTMLButtonElement;
  find: HTMLButtonElement;
  within: HTMLElement;
  section: HTMLSelectElement;
  together: HTMLInputElement;
}

/** The filter: categories by number (null: all), up to a price in minor units (or Infinity). */
export type Filter = (categories: import("./shapes.js").Filter, priceMax: number) => void;
