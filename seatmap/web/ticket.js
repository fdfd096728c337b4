// @ts-check
/** Words on a ticket. @import { Booking, Ticket } from "./types.js" */
import { money } from "./format.js";
import { text } from "./texts.js";

/** Whose it is, what it cost, and what to name when asking about it. @param {Ticket} ticket @param {Booking} booking */
export function ticketWords({ seat_no, area_no }, { areas, buyer, reference, seats }) {
  const { price } = seats.find((s) => s.seat_no === seat_no) ?? areas.find((a) => a.area_no === area_no) ?? {};
  return text("ticketWords", { name: buyer.name, price: price ? money(price) : "", reference });
}
