// @ts-check
/**
 * The map in words: section, then row, then a button per seat. Everything the drawing offers, for
 * keyboards and screen readers.
 *
 * @import { Journey } from "./journey.js"
 * @import { Venue } from "./layout.js"
 */
import { h } from "./dom.js";
import { money } from "./format.js";
import { rowName, seatName } from "./layout.js";
import { seatNotes } from "./drawing.js";
import { FREE } from "./protocol.js";

const STATE_WORDS = ["free", "someone else is deciding", "sold", "not for sale"];

export class SeatList {
  /**
   * @param {HTMLElement} host
   * @param {Venue} venue
   * @param {Journey} journey
   * @param {(seatNo: number) => void} onFocus
   */
  constructor(host, venue, journey, onFocus) {
    this.venue = venue;
    this.journey = journey;
    this.onFocus = onFocus;
    this.sections = h("select", { id: "list-section", onchange: () => this.showRows() });
    this.rows = h("select", { id: "list-row", onchange: () => this.showSeats() });
    this.seats = h("div", { class: "seat-buttons", role: "group" });
    /** @type {Map<number, HTMLButtonElement>} */
    this.buttons = new Map();
    venue.layout.sections.forEach(({ name }, i) => this.sections.append(h("option", { value: String(i) }, name)));
    host.append(
      h("div", { class: "field" }, h("label", { for: "list-section" }, "Section"), this.sections),
      h("div", { class: "field" }, h("label", { for: "list-row" }, "Row"), this.rows),
      this.seats,
    );
    this.showRows();
  }

  showRows() {
    const { sections, rows } = this.venue.layout;
    const { first_row, row_count } = sections[Number(this.sections.value)] ?? { first_row: 0, row_count: 0 };
    this.rows.replaceChildren();
    for (let r = first_row; r < first_row + row_count; r++) {
      this.rows.append(h("option", { value: String(r) }, this.rowWords(r)));
    }
    const withFree = [...this.rows.options].find((option) => this.freeIn(Number(option.value)) > 0);
    if (withFree && rows.length > 0) this.rows.value = withFree.value;
    this.showSeats();
  }

  /** @param {number} rowNo */
  freeIn(rowNo) {
    const { first_seat, seat_count } = this.venue.layout.rows[rowNo];
    return this.journey.seats?.subarray(first_seat, first_seat + seat_count).reduce((n, state) => n + (state === FREE ? 1 : 0), 0) ?? 0;
  }

  /** @param {number} rowNo */
  rowWords(rowNo) {
    const { label } = this.venue.layout.rows[rowNo];
    const name = rowName(label).replace(/^./, (c) => c.toUpperCase()) || "Seats";
    return this.journey.seats === null ? name : `${name} (${this.freeIn(rowNo)} free)`;
  }

  showSeats() {
    const row = this.venue.layout.rows[Number(this.rows.value)];
    this.buttons.clear();
    this.seats.replaceChildren();
    if (row === undefined) return;
    this.seats.setAttribute("aria-label", `Seats of ${rowName(row.label) || "this section"}`);
    for (let seatNo = row.first_seat; seatNo < row.first_seat + row.seat_count; seatNo++) {
      const button = h(
        "button",
        { type: "button", onclick: () => this.journey.toggleSeat(seatNo), onfocus: () => this.onFocus(seatNo) },
        this.venue.layout.seats.number[seatNo],
      );
      this.buttons.set(seatNo, button);
      this.seats.append(button);
      this.refreshButton(seatNo, button);
    }
  }

  /** @param {Iterable<number> & { length: number }} [changed] seats; without it, only the choice changed */
  refresh(changed) {
    for (const [seatNo, button] of this.buttons) this.refreshButton(seatNo, button);
    if (changed === undefined || changed.length === 0) return;
    for (const option of this.rows.options) {
      const words = this.rowWords(Number(option.value));
      if (option.textContent !== words) option.textContent = words;
    }
  }

  /** @param {number} seatNo @param {HTMLButtonElement} button */
  refreshButton(seatNo, button) {
    const { journey, venue } = this;
    const { number, flags } = venue.place(seatNo);
    const state = journey.seats?.[seatNo] ?? FREE;
    const own = journey.chosen.has(seatNo);
    const price = journey.seatPrice(seatNo);
    const words = [
      seatName(number),
      own || state !== FREE || !price ? null : money(price),
      ...seatNotes(flags),
      own ? (journey.step === "choose" ? "chosen" : "held for you") : STATE_WORDS[state],
    ];
    const name = words.filter(Boolean).join(", ");
    if (button.getAttribute("aria-label") === name) return;
    button.setAttribute("aria-label", name);
    button.title = name;
    button.setAttribute("aria-pressed", String(own));
    // Not `disabled`: a seat lost while focused must not take the keyboard's place with it.
    button.setAttribute("aria-disabled", String(!own && state !== FREE));
  }
}
