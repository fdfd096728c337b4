// Written by `python -m seatmap.message_types` from engine/live/messages.py. Only types: browsers never load this.

export type PersonalMessage = HoldMessage | OfferMessage | BookingMessage | NoticeMessage;

export type LiveMessage = HoldMessage | OfferMessage | BookingMessage | NoticeMessage | AreasMessage | PricesMessage | EventMessage | PresenceMessage | BeatMessage | AuthenticatedMessage;

/** The free places of an area. */
export interface AreaPlaces {
  available: number;
}

/** Places by area number; areas that are absent have not changed. */
export interface AreasMessage {
  type: "areas";
  areas: Record<string, AreaPlaces>;
}

/** From here on a connection receives its person's messages. */
export interface AuthenticatedMessage {
  type: "authenticated";
}

/** Nothing has happened: the map is true. While nothing else comes, one comes every `every_ms`. */
export interface BeatMessage {
  type: "beat";
  every_ms: number;
}

/** A booking is no longer pending, and `status` is its `BookingStatus`; or its money was refunded. */
export interface BookingMessage {
  type: "booking";
  event_id: string;
  booking_id: string;
  reference: string;
  status: string;
}

/** One change by an edit of the event's page. */
export interface Change {
  what: "name" | "starts_at" | "venue";
  old: string;
  new: string;
}

/** Whether the event is on sale. */
export interface EventMessage {
  type: "event";
  status: EventStatus;
}

/** `draft → publishing → on_sale ⇄ paused`; all but `publishing` may end `cancelled`. */
export type EventStatus = "cancelled" | "draft" | "on_sale" | "paused" | "publishing";

/** A hold is about to end, got more time, or has ended. `expires_at_ms` is Unix time. */
export interface HoldMessage {
  type: "hold";
  event_id: string;
  hold_id: string;
  change: "ended" | "ending" | "extended";
  status: "booked" | "expired" | "held" | "released";
  expires_at_ms: number;
}

/** An amount in minor units of its currency: 15000 EUR is 150 euros, 15000 JPY is 15,000 yen. */
export interface Money {
  /** Minor units. */
  amount: number;
  /** ISO 4217. */
  currency: string;
}

/** The gateway is going away; or a notice to a person beside a mail. */
export interface NoticeMessage {
  type: "notice";
  code: "event-cancelled" | "event-changed" | "going-away";
  event_id?: string;
  changes?: Array<Change>;
  reconnect_in_ms?: number;
}

/** An offer was made, is about to end, or has ended. `expires_at_ms` is Unix time. */
export interface OfferMessage {
  type: "offer";
  event_id: string;
  offer_id: string;
  entry_id: string;
  change: "ended" | "ending" | "made";
  status: "declined" | "expired" | "open" | "used" | "withdrawn";
  expires_at_ms: number;
}

/** How many people have the map open, as it is shown. */
export interface PresenceMessage {
  type: "presence";
  watching: number;
}

/** A category's price in force and, if it ever changed, its latest change. */
export interface Price {
  category_no: number;
  category: string;
  price: Money;
  /** The price before the latest change. */
  was?: Money | null;
  /** The reason of the latest change, for buyers. */
  reason?: string | null;
  changed_at?: string | null;
  /** The lower limit; present if the organiser shows the range. */
  floor?: Money | null;
  /** The upper limit; likewise. */
  ceiling?: Money | null;
}

/** The whole price list. */
export interface PricesMessage {
  type: "prices";
  prices: Array<Price>;
}
