"""Every problem, by code: the engine's own errors with a sentence as it would be sent."""

from datetime import UTC, datetime

from api.auth import NEEDS_KEY
from api.examples.access import PROOF
from api.examples.evening import (
    BOOKING_ID,
    ENTRY_ID,
    EVENT_ID,
    HOLD_ID,
    LAYOUT_ID,
    MAIL_ID,
    OFFER_ID,
    RULE_ID,
    VENUE_ID,
)
from engine.base.errors import (
    Conflict,
    FrontrowError,
    Gone,
    InvalidInput,
    LimitReached,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PaymentDeclined,
    PreconditionFailed,
    PreconditionRequired,
    ProofNeeded,
    SeatUnavailable,
    TooManyRequests,
    Unavailable,
)
from engine.layout import LayoutRejected


def _by_code(*problems: FrontrowError) -> dict[str, FrontrowError]:
    return {problem.code: problem for problem in problems}


INVALID_PARAMETER = InvalidInput(
    "limit: send a whole number from 1 to 100.",
    errors=[{"message": "send a whole number from 1 to 100", "key": "limit", "source": "query"}],
)
NO_KEY = NotAuthenticated(NEEDS_KEY)
PROBLEMS = _by_code(
    InvalidInput(
        "seats[0]: send a whole number from 0 to 2147483647, not text.",
        errors=[
            {
                "message": "send a whole number from 0 to 2147483647, not text",
                "key": "seats[0]",
                "source": "body",
            }
        ],
    ),
    InvalidInput(
        "The request is empty: name at least one seat or area.",
        code="empty-hold",
    ),
    InvalidInput("A seat is named twice.", code="duplicate-seat"),
    InvalidInput(
        "The event has no seat 4000; seats are numbered from 0 to 1219, areas from 0 to 0.",
        code="no-such-seat",
    ),
    InvalidInput("At most 100 seats and areas in one hold.", code="too-many-seats"),
    InvalidInput("The event has no numbered seats; ask for places with `areas`.", code="no-seats"),
    InvalidInput(
        "There is no category 'Stals'; the event has Stalls, Standing.", code="no-such-category"
    ),
    InvalidInput(
        "There is no section 'Balcony'; the event has Stalls, Boxes.", code="no-such-section"
    ),
    InvalidInput(
        "An area's number starts at 0 and its quantity is 1 to 100.", code="invalid-quantity"
    ),
    InvalidInput("An area's number starts at 0 and its quantity is 1 to 100.", code="no-such-area"),
    InvalidInput(
        "Send an Idempotency-Key header, new for each attempt, so that a retry cannot pay twice.",
        code="idempotency-key-required",
    ),
    InvalidInput(
        "Idempotency-Key must be 1 to 255 printable characters.", code="invalid-idempotency-key"
    ),
    InvalidInput(
        "prices must name each category of the event once (Stalls, Standing). Missing: Standing.",
        code="prices-mismatch",
    ),
    InvalidInput(
        "assignments[0].row: there is no row 'Z'; there are A, B, C.", code="categories-mismatch"
    ),
    InvalidInput(
        "Unknown payment provider 'paypal'; use sandbox.", code="unknown-payment-provider"
    ),
    InvalidInput(
        "Unknown sandbox token; use one of tok_visa, tok_declined, tok_insufficient_funds, "
        "tok_3ds, tok_timeout.",
        code="unknown-payment-token",
    ),
    InvalidInput(
        "These places cost 118.00 EUR: send payment with provider and token.",
        code="payment-required",
    ),
    NotAuthenticated(
        "The token is not valid or has expired; get a new one with POST /v1/auth/refresh if you "
        "have an account; a guest sends the old token to POST /v1/auth/guest."
    ),
    NotAuthenticated("The address or the password is wrong.", code="wrong-credentials"),
    NotAuthenticated(
        "This login has ended; log in again with POST /v1/auth/login.", code="session-ended"
    ),
    InvalidInput("Take at least 8 characters; a few words do well.", code="weak-password"),
    InvalidInput(
        "The language 'tlh' is not supported; choose one of en, de.", code="unknown-language"
    ),
    InvalidInput(
        "Mails about your bookings cannot be switched off: they carry your tickets.",
        code="booking-mails-needed",
    ),
    Conflict(
        "This address belongs to another account already; log in to that one.",
        code="address-of-another",
    ),
    Conflict(
        "Your account has another address; change it with PATCH /v1/me first.",
        code="address-not-claimed",
    ),
    NotFound(
        "That link is not one of ours, or it has expired; for a new one register again, or set the address "
        "again with PATCH /v1/me.",
        code="link-not-ours",
    ),
    Conflict(
        "This token has an account already; log in, or register without a token.",
        code="already-registered",
    ),
    NotAllowed(
        "The password is wrong; send your present password as `password`.", code="wrong-password"
    ),
    NotFound(
        "A guest has no password; make an account with POST /v1/auth/register.", code="no-account"
    ),
    PaymentDeclined(
        "The card was declined. Your seats are still held; try another card.",
        decline_code="card_declined",
        booking_id=BOOKING_ID,
        hold_id=HOLD_ID,
    ),
    NotAllowed("This needs the organiser's key; a buyer's token is not enough."),
    NotAllowed(
        "The organiser does not publish this event's price history. The prices in force are at "
        f"/v1/events/{EVENT_ID}/prices.",
        code="history-not-public",
    ),
    NotFound("There is nothing at /v1/event; the API is described at /schema."),
    NotFound(f"There is no event {EVENT_ID}.", code="event-not-found"),
    NotFound(
        f"There is no hold {HOLD_ID}; it may have ended some time ago. Choose the seats again.",
        code="hold-not-found",
    ),
    NotFound(f"There is no booking {BOOKING_ID}.", code="booking-not-found"),
    Conflict(
        "No mail reaches ada@example.invalid; correct the buyer's address first.", code="no-address"
    ),
    Conflict(
        "Nothing is owed for this booking, which is confirmed; cancelling a confirmed booking refunds it "
        "in full.",
        code="no-refund-due",
    ),
    NotFound("That link is not one of ours.", code="link-not-found"),
    Gone(
        "That link has ended. Have new ones mailed to you with POST /v1/bookings/lookup.",
        code="link-ended",
    ),
    NotFound(f"There is no venue {VENUE_ID}.", code="venue-not-found"),
    NotFound(f"There is no place in line {ENTRY_ID}.", code="entry-not-found"),
    NotFound(f"There is no offer {OFFER_ID}.", code="offer-not-found"),
    Conflict(
        "Your wish is on sale: Stalls, row F, seat 12; Stalls, row F, seat 13. "
        "You do not have to wait for it.",
        code="still-on-sale",
        url=f"http://localhost:8000/events/{EVENT_ID}",
        seats=[117, 118],
    ),
    Conflict(
        "You are in this waitlist already; change your entry, or leave and join again.",
        code="already-waiting",
        entry_id=ENTRY_ID,
    ),
    Conflict("Nobody can join this waitlist any more.", code="waitlist-closed"),
    Conflict("There are at most 6 such places. Change your wish.", code="wish-impossible"),
    Conflict(
        "Only a waiting entry can be changed; this one has an offer or has ended.",
        code="entry-ended",
    ),
    Conflict(
        "Only a waiting entry can be moved to the front; this one is accepted.",
        code="entry-not-waiting",
    ),
    Conflict(
        "These seats are offered to you; accept the offer first "
        f"(POST /v1/offers/{OFFER_ID}/accept).",
        code="offer-not-accepted",
    ),
    Gone("The offer was not accepted in time.", code="offer-ended", offer_status="expired"),
    NotFound(f"There is no layout {LAYOUT_ID}.", code="layout-not-found"),
    NotFound(f"There is no mail {MAIL_ID}.", code="mail-not-found"),
    Conflict(
        "The mail is sent; only a dead, unknown or skipped mail with an address can be sent again.",
        code="mail-not-resendable",
    ),
    NotFound(
        "There is no template birthday/en; GET /v1/mail-templates lists them.",
        code="template-not-found",
    ),
    InvalidInput(
        "The template cannot be used for welcome/en: html, line 2: Encountered unknown tag 'fi'.",
        code="template-broken",
        errors=[
            {
                "key": "html",
                "message": "Encountered unknown tag 'fi'.",
                "source": "body",
                "line": 2,
            }
        ],
    ),
    InvalidInput(
        "The template was stopped: it takes more than 2 s. Make it do less; see docs/notifications.md.",
        code="template-too-costly",
    ),
    Conflict(
        "There is no version before this one; activate one by its number.",
        code="nothing-to-roll-back",
    ),
    NotFound(f"There is no rule {RULE_ID} of this event.", code="pricing-rule-not-found"),
    NotFound(
        "The event has no category 7; they are numbered from 0 to 1.", code="category-not-found"
    ),
    FrontrowError("Method Not Allowed", code="method-not-allowed"),
    SeatUnavailable("Stalls, row F, seat 12 is no longer available.", seats=[117]),
    LimitReached("One buyer may have 10 places of this event; you have 9.", limit=10, owned=9),
    Conflict("The event is not on sale: it is paused.", code="event-not-on-sale"),
    Conflict(
        "This hold_id belongs to another hold; make a new one for each attempt.",
        code="hold-id-taken",
    ),
    Conflict("The hold is being paid for; wait for the booking to end.", code="hold-in-payment"),
    Conflict(
        "This hold is being booked already; wait for that booking or cancel it.",
        code="hold-already-booked",
        booking_id=BOOKING_ID,
    ),
    Conflict(
        "Only a confirmed booking can be cancelled; this one is expired.",
        code="booking-not-confirmed",
    ),
    Conflict(
        "The event has begun, so its bookings can no longer be cancelled here; ask the organiser.",
        code="event-begun",
    ),
    Conflict("A cancelled event stays cancelled.", code="event-cancelled"),
    Conflict("The event is draft; publish it first.", code="event-not-published"),
    Conflict(
        "The event is published, and its places are sold by category: categories and assignments "
        "stay as they are. Prices can be changed.",
        code="event-published",
    ),
    Conflict("Somebody else changed the same price; read and repeat."),
    Conflict("This id exists already.", code="already-exists"),
    Conflict(
        "A retired rule stays retired; make a new version of it.", code="pricing-rule-retired"
    ),
    Conflict("Stalls follows no rule; send a rule to try.", code="no-pricing-rule"),
    Conflict(
        "There are no recorded sales to replay; try a synthetic curve.",
        code="nothing-recorded",
    ),
    Conflict(
        "The first request with this Idempotency-Key is still under way; retry shortly.",
        code="request-in-flight",
        retry_after=1,
    ),
    Conflict(
        "This was answered with status 201 under the same Idempotency-Key; the answer was too large "
        "to be kept. Read the result.",
        code="answer-not-kept",
    ),
    Gone("The hold has expired; choose the seats again.", code="hold-expired"),
    Gone("The hold has been released; choose the seats again.", code="hold-released"),
    Gone("The hold has been booked already.", code="hold-booked"),
    Gone(
        "The payment arrived after the seats were sold to somebody else; it is refunded in full.",
        code="payment-too-late",
        booking_id=BOOKING_ID,
    ),
    PreconditionFailed(
        "Somebody changed it meanwhile: it is at version 4 now. "
        "Read it again and repeat the change.",
        current_version=4,
    ),
    InvalidInput("The body is larger than 256 KiB.", code="body-too-large"),
    InvalidInput(
        "The rest of the body did not come. Send the request again.", code="request-timeout"
    ),
    InvalidInput(
        "Send at most 100 headers, and 32768 bytes with the address.", code="headers-too-large"
    ),
    InvalidInput(
        "Send the body as application/json, not text/plain.", code="unsupported-media-type"
    ),
    InvalidInput(
        "This Idempotency-Key was used for another request; make a new key for a new one.",
        code="idempotency-key-reused",
    ),
    LayoutRejected(
        'the layout has a problem: zones[0].rows[3].seats[7].category: no category "Stals"',
        errors=[{"path": "zones[0].rows[3].seats[7].category", "problem": 'no category "Stals"'}],
    ),
    PreconditionRequired(
        "Send If-Match with the ETag that you read, so that no other change is overwritten."
    ),
    TooManyRequests(
        "Too many tokens for one address; keep a token, it is good for many requests.",
        retry_after_s=17,
    ),
    TooManyRequests(
        "You have used 200 Idempotency-Keys whose answers are still kept; nothing was done. Send this "
        "without a key, or later.",
        retry_after_s=1800,
        code="too-many-keys",
    ),
    TooManyRequests(
        "Too many connections from your network; keep one open, it carries many requests.",
        retry_after_s=5,
        code="too-many-connections",
    ),
    ProofNeeded(PROOF.challenge, bits=14, expires_at=datetime(2026, 4, 3, 18, 15, tzinfo=UTC)),
    FrontrowError("This is our mistake; it has been logged. Trying again may work."),
    Conflict(
        "You or somebody in your network has just given up Stalls, Row 3, seat 7. For 8 s only other "
        "people may take these seats. Choose other seats, or try again then.",
        code="seat-resting",
        seats=[17],
        retry_after=8,
    ),
    Conflict(
        "Only a checkout that has begun gets more time: send the buyer's name and e-mail "
        "(`buyer`), or pay.",
        code="checkout-not-begun",
    ),
    TooManyRequests(
        "Your network holds 50 unpaid places of this event, and one network may hold 50 just now. Places "
        "become free when others in your network pay or give theirs back; try again in a moment.",
        code="network-limit",
        retry_after_s=3,
    ),
    TooManyRequests(
        "Many places held by your network were given up unpaid, so it must wait before it holds more. "
        "Payments from your network shorten the wait.",
        code="network-paused",
        retry_after_s=40,
    ),
    TooManyRequests(
        "Too many payments of yours were declined or are under way. Your seats stay held until their "
        "deadline; try again in a moment.",
        code="too-many-payments",
        retry_after_s=10,
    ),
    Unavailable(
        "Many people are choosing seats right now, and others were faster each time; try again.",
        code="too-contended",
        retry_after_s=1,
    ),
    Unavailable("Too many requests at the moment; try again shortly.", code="overloaded"),
    Unavailable("PostgreSQL is not reachable; try again shortly."),
    Unavailable("Redis is not reachable; try again shortly.", code="redis-unavailable"),
    Unavailable(
        "The catalogue (MongoDB) is not reachable; try again shortly.", code="catalog-unavailable"
    ),
    Unavailable("PostgreSQL went away under way; try again shortly.", code="outcome-unknown"),
    Unavailable(
        "The payment gateway does not answer at present; nothing was charged. Try again shortly.",
        code="payments-unavailable",
    ),
)
