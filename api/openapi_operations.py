"""What each operation takes, gives and refuses: the half of the reference that code does not show.

Keyed by the handler's name, which is the operation's id. What follows from an operation's shape (401
where a token is needed, 415 where there is a body, 422 for a used Idempotency-Key) is added by
``api.openapi``.
"""

from typing import Any

from msgspec import Struct

from api import openapi_examples as example
from api.access import AccessToken, GuestRequest
from api.bookings import BookingBody, BookingList, TicketList
from api.events import (
    EventFacets,
    EventList,
    EventPage,
    EventStandings,
    PriceHistory,
    PriceList,
    SeatStates,
)
from api.holds import HoldBody
from api.links import Lookup, LookupAnswer
from api.live import LiveTicket
from api.notifications import (
    MailList,
    TemplateChoice,
    TemplateDraft,
    TemplateList,
    TemplateVersionList,
)
from api.operations import Ready
from api.organiser import ImportedVenue, SeatSelection, VenueDraft
from api.people import AccountToken, Credentials, PersonList, RefreshToken, TierBody
from api.pricing import RuleList
from api.spreadsheets import CSV
from api.verification import LinkToken, ProvenAddress
from api.waitlist import (
    Because,
    EntryList,
    JoinRequest,
    LineEntryList,
    LineTerms,
    OfferList,
    SkipList,
)
from engine.base.model import Booking, Hold
from engine.catalog.model import EventDraft, EventPatch, Venue
from engine.events.publishing import Blocking
from engine.layout import Layout
from engine.notifications.model import Mail, TemplateInForce, TemplateVersion, Texts, Written
from engine.people.model import Person, PersonPatch, Registration
from engine.pricing.model import (
    Activation,
    CategoryState,
    Freeze,
    Override,
    Preview,
    PreviewRequest,
    PricingState,
    RuleDraft,
    RuleVersion,
    SetSimulationRequest,
    SimulationRequest,
    TermsPatch,
)
from engine.pricing.simulation import SetSimulation, Simulation
from engine.waitlist.model import Entry, LineEntry, LineSummary, Offer, WantedPatch

JSON = "application/json"
BINARY = "application/octet-stream"
TEXT = "text/plain"


class Body(Struct, frozen=True):
    """What a request or response carries: its type, and examples of it by name."""

    type: Any
    examples: dict[str, Any]
    media_type: str = JSON
    #: A request may come without it.
    is_optional: bool = False


class Answer(Struct, frozen=True):
    """A response that is no problem. ``headers`` are names in ``api.openapi.HEADERS``."""

    description: str
    bodies: tuple[Body, ...] = ()
    headers: tuple[str, ...] = ()


class Operation(Struct, frozen=True, kw_only=True):
    """``refuses``: problem codes. ``replays``: takes an Idempotency-Key and gives its answer again;
    ``needs_key``: does not go without one.
    """

    gives: dict[int, Answer]
    refuses: tuple[str, ...] = ()
    takes: Body | None = None
    replays: bool = False
    needs_key: bool = False


def _one(type_: Any, name: str, value: Any) -> tuple[Body, ...]:
    return (Body(type_, {name: value}),)


_STORES = ("unavailable", "redis-unavailable", "catalog-unavailable")
_HOLD_ENDED = ("hold-expired", "hold-released", "hold-booked")
_HOLD = ("hold-not-found", "offer-not-accepted")
_BOOKING = ("booking-not-found",)
_ENTRY = ("entry-not-found",)
_OFFER = ("offer-not-found",)
_WISH = ("no-such-category", "no-such-section", "event-not-found", "event-not-on-sale")
_LOGGED_IN = _one(AccountToken, "tokens", example.ACCOUNT_TOKEN)
_LIMITED = ("RateLimit", "RateLimit-Policy")
_EVENT_BODY = _one(EventPage, "event", example.EVENT_PAGE)


def _event_command(description: str, *refuses: str) -> Operation:
    return Operation(
        gives={200: Answer(description, _EVENT_BODY, ("ETag", "Location"))},
        refuses=("event-not-found", *refuses, *_STORES),
        replays=True,
    )


def _seat_command(name: str, given: Blocking) -> Operation:
    return Operation(
        takes=Body(SeatSelection, {name: example.SEAT_SELECTION}),
        gives={200: Answer("What was changed, and what not.", _one(Blocking, name, given))},
        refuses=(
            "no-such-seat",
            "event-not-found",
            "event-not-published",
            "event-cancelled",
            *_STORES,
        ),
        replays=True,
    )


_PRICED = ("event-not-found", "event-not-published", "unavailable", "catalog-unavailable")
#: What an edit of an event's pricing may meet.
_EDITED = ("event-cancelled", "precondition-failed", "redis-unavailable")


def _price_command(description: str, state: CategoryState, takes: Body | None) -> Operation:
    return Operation(
        takes=takes,
        gives={200: Answer(description, _one(CategoryState, "category", state), ("ETag",))},
        refuses=("category-not-found", *_PRICED, *_EDITED),
        replays=True,
    )


OPERATIONS = {
    # Access
    "guest": Operation(
        gives={
            201: Answer(
                "A token for somebody new, or a fresh one of the same guest.",
                _one(AccessToken, "token", example.ACCESS_TOKEN),
                ("RateLimit", "RateLimit-Policy"),
            )
        },
        takes=Body(
            GuestRequest,
            {
                "somebody new": example.EMPTY_GUEST_REQUEST,
                "after proof-needed": example.GUEST_REQUEST,
            },
            is_optional=True,
        ),
        refuses=("proof-needed", "too-many-requests", "unavailable"),
    ),
    "register": Operation(
        takes=Body(Registration, {"account": example.REGISTRATION}),
        gives={201: Answer("The account, logged in.", _LOGGED_IN, _LIMITED)},
        refuses=(
            "weak-password",
            "unknown-language",
            "already-registered",
            "too-many-requests",
            "unavailable",
        ),
    ),
    "login": Operation(
        takes=Body(Credentials, {"credentials": example.CREDENTIALS}),
        gives={200: Answer("Tokens of the account's person.", _LOGGED_IN, _LIMITED)},
        refuses=("wrong-credentials", "too-many-requests", "unavailable"),
    ),
    "refresh": Operation(
        takes=Body(RefreshToken, {"refresh token": example.REFRESH_TOKEN}),
        gives={200: Answer("The next ones.", _LOGGED_IN, _LIMITED)},
        refuses=("session-ended", "too-many-requests", "unavailable"),
    ),
    "logout": Operation(
        takes=Body(RefreshToken, {"refresh token": example.REFRESH_TOKEN}),
        gives={204: Answer("This login has ended, or had before.")},
        refuses=("unavailable",),
    ),
    "verify_email": Operation(
        takes=Body(LinkToken, {"link": example.LINK_TOKEN}),
        gives={200: Answer("It is yours.", _one(ProvenAddress, "address", example.PROVEN_ADDRESS))},
        refuses=("link-not-ours", "address-of-another", "address-not-claimed", "unavailable"),
    ),
    "read_me": Operation(
        gives={200: Answer("You.", _one(Person, "person", example.PERSON), ("ETag",))},
        refuses=("unavailable",),
    ),
    "patch_me": Operation(
        takes=Body(
            PersonPatch,
            {"language and mails": example.PERSON_PATCH, "password": example.NEW_PASSWORD},
        ),
        gives={200: Answer("You, as of now.", _one(Person, "person", example.PERSON), ("ETag",))},
        refuses=(
            "weak-password",
            "unknown-language",
            "booking-mails-needed",
            "wrong-password",
            "no-account",
            "precondition-failed",
            "precondition-required",
            "too-many-requests",
            "unavailable",
        ),
    ),
    "live_ticket": Operation(
        gives={
            201: Answer(
                "Good once, for half a minute.",
                _one(LiveTicket, "ticket", example.LIVE_TICKET),
                ("RateLimit", "RateLimit-Policy"),
            )
        },
        refuses=("too-many-requests", "redis-unavailable"),
    ),
    # Events
    "list_events": Operation(
        gives={
            200: Answer("A page of events.", _one(EventList, "events", example.EVENT_LIST)),
        },
        refuses=_STORES,
    ),
    "read_facets": Operation(
        gives={200: Answer("Kinds and cities.", _one(EventFacets, "facets", example.EVENT_FACETS))},
        refuses=("catalog-unavailable",),
    ),
    "read_availability": Operation(
        gives={
            200: Answer(
                "Those of the events that there are.",
                _one(EventStandings, "standings", example.EVENT_STANDINGS),
            )
        },
        refuses=_STORES,
    ),
    "read_event": Operation(
        gives={200: Answer("The event.", _EVENT_BODY, ("ETag",))},
        refuses=("event-not-found", *_STORES),
    ),
    "read_layout": Operation(
        gives={
            200: Answer(
                "The drawing; gzip where you accept it.",
                _one(Layout, "layout", example.LAYOUT),
                ("ETag", "Cache-Control"),
            ),
            304: Answer("You have it already.", headers=("ETag", "Cache-Control")),
        },
        refuses=("event-not-found", "layout-not-found", "catalog-unavailable"),
    ),
    "read_seats": Operation(
        gives={
            200: Answer(
                "The state of every seat and area at one instant.",
                (
                    Body(SeatStates, {"seats": example.SEAT_STATES}),
                    Body(bytes, {}, BINARY),
                ),
            )
        },
        refuses=("event-not-found", *_STORES),
    ),
    "read_prices": Operation(
        gives={200: Answer("The prices.", _one(PriceList, "prices", example.PRICE_LIST))},
        refuses=("event-not-found", *_STORES),
    ),
    "read_price_history": Operation(
        gives={
            200: Answer("A page of changes.", _one(PriceHistory, "history", example.PRICE_HISTORY))
        },
        refuses=("event-not-found", "history-not-public", "unavailable", "catalog-unavailable"),
    ),
    # Holds
    "place_hold": Operation(
        takes=Body(
            HoldBody,
            {
                "seats and places": example.HOLD_REQUEST,
                "with your own hold_id": example.HOLD_REQUEST_WITH_ID,
                "the best seats": example.BEST_REQUEST,
            },
        ),
        gives={
            201: Answer(
                "The hold.",
                (Body(Hold, {"hold": example.HOLD, "best seats": example.BEST_HOLD}),),
            )
        },
        refuses=(
            "empty-hold",
            "duplicate-seat",
            "no-such-seat",
            "no-such-area",
            "invalid-quantity",
            "too-many-seats",
            "no-seats",
            "no-such-category",
            "no-such-section",
            "event-not-found",
            "seat-unavailable",
            "limit-reached",
            "event-not-on-sale",
            "hold-id-taken",
            "seat-resting",
            "network-limit",
            "network-paused",
            "too-contended",
            *_STORES,
        ),
        replays=True,
    ),
    "read_hold": Operation(
        gives={200: Answer("The hold.", _one(Hold, "hold", example.HOLD))},
        refuses=(*_HOLD, *_STORES),
    ),
    "release_hold": Operation(
        gives={204: Answer("The seats are free again.")},
        refuses=(*_HOLD, "hold-in-payment", *_HOLD_ENDED, *_STORES),
    ),
    "extend_hold": Operation(
        gives={200: Answer("The hold with its new deadline.", _one(Hold, "hold", example.HOLD))},
        refuses=(*_HOLD, "hold-in-payment", "checkout-not-begun", *_HOLD_ENDED, *_STORES),
        replays=True,
    ),
    # Bookings
    "book": Operation(
        takes=Body(BookingBody, {"sandbox card": example.BOOKING_BODY}),
        gives={
            201: Answer(
                "Confirmed: the seats are sold and the tickets exist.",
                _one(Booking, "confirmed", example.BOOKING),
                ("ETag", "Location"),
            ),
            202: Answer(
                "Pending: `next_action` says what the buyer must do, or to wait and read again.",
                _one(Booking, "pending", example.PENDING_BOOKING),
                ("ETag", "Location"),
            ),
        },
        refuses=(
            "idempotency-key-required",
            "unknown-payment-provider",
            "unknown-payment-token",
            "payment-declined",
            *_HOLD,
            "seat-unavailable",
            "limit-reached",
            "event-not-on-sale",
            "hold-in-payment",
            "hold-already-booked",
            *_HOLD_ENDED,
            "payment-too-late",
            "too-many-payments",
            *_STORES,
            "payments-unavailable",
            "outcome-unknown",
        ),
        replays=True,
        needs_key=True,
    ),
    "list_bookings": Operation(
        gives={
            200: Answer("A page of bookings.", _one(BookingList, "bookings", example.BOOKING_LIST))
        },
        refuses=("unavailable", "catalog-unavailable"),
    ),
    "read_booking": Operation(
        gives={200: Answer("The booking.", _one(Booking, "booking", example.BOOKING), ("ETag",))},
        refuses=(*_BOOKING, "unavailable", "catalog-unavailable"),
    ),
    "read_tickets": Operation(
        gives={
            200: Answer(
                "One ticket per place; none before the booking is confirmed.",
                _one(TicketList, "tickets", example.TICKET_LIST),
            )
        },
        refuses=(*_BOOKING, "unavailable", "catalog-unavailable"),
    ),
    "cancel_booking": Operation(
        gives={
            200: Answer(
                "The cancelled booking.",
                _one(Booking, "cancelled", example.CANCELLED_BOOKING),
                ("ETag",),
            )
        },
        refuses=(
            *_BOOKING,
            "booking-not-confirmed",
            "event-begun",
            "precondition-failed",
            "unavailable",
            "catalog-unavailable",
            "outcome-unknown",
        ),
        replays=True,
    ),
    "look_up_bookings": Operation(
        takes=Body(Lookup, {"address": example.LOOKUP}),
        gives={
            202: Answer(
                "Whatever the address, and whether or not anything was bought with it.",
                _one(LookupAnswer, "answer", example.LOOKUP_ANSWER),
                ("RateLimit", "RateLimit-Policy"),
            )
        },
        refuses=("too-many-requests", "unavailable", "outcome-unknown"),
    ),
    "revoke_links": Operation(
        gives={204: Answer("What was mailed so far opens nothing any more.")},
        refuses=("booking-not-found", "unavailable", "outcome-unknown"),
        replays=True,
    ),
    "revoke_links_of_place": Operation(
        gives={204: Answer("What was mailed so far opens nothing any more.")},
        refuses=("entry-not-found", "unavailable", "outcome-unknown"),
        replays=True,
    ),
    # Waitlist
    "join_waitlist": Operation(
        takes=Body(JoinRequest, {"two in the stalls": example.JOIN_REQUEST}),
        gives={
            201: Answer(
                "Your place in line.",
                _one(Entry, "entry", example.ENTRY),
                ("ETag", "Location", "RateLimit", "RateLimit-Policy"),
            ),
            200: Answer(
                "You have it already.",
                _one(Entry, "entry", example.ENTRY),
                ("ETag", "Location", "RateLimit", "RateLimit-Policy"),
            ),
        },
        refuses=(
            *_WISH,
            "limit-reached",
            "wish-impossible",
            "still-on-sale",
            "already-waiting",
            "waitlist-closed",
            "too-many-requests",
            *_STORES,
            "outcome-unknown",
        ),
        replays=True,
    ),
    "list_entries": Operation(
        gives={200: Answer("A page of places.", _one(EntryList, "entries", example.ENTRY_LIST))},
        refuses=_STORES,
    ),
    "read_entry": Operation(
        gives={
            200: Answer(
                "The place; `offer` is the latest offer made for it.",
                (Body(Entry, {"waiting": example.ENTRY, "offered": example.OFFERED_ENTRY}),),
                ("ETag", "Location"),
            )
        },
        refuses=(*_ENTRY, *_STORES),
    ),
    "patch_entry": Operation(
        takes=Body(WantedPatch, {"three, at any price": example.ENTRY_PATCH}),
        gives={
            200: Answer(
                "The place as it is now.",
                _one(Entry, "entry", example.ENTRY),
                ("ETag", "Location"),
            )
        },
        refuses=(
            *_ENTRY,
            *_WISH,
            "limit-reached",
            "wish-impossible",
            "still-on-sale",
            "entry-ended",
            "precondition-failed",
            "precondition-required",
            *_STORES,
            "outcome-unknown",
        ),
    ),
    "leave_waitlist": Operation(
        gives={204: Answer("You are out of the line.")},
        refuses=(*_ENTRY, *_STORES, "outcome-unknown"),
    ),
    "read_offer": Operation(
        gives={200: Answer("The offer.", _one(Offer, "offer", example.OFFER))},
        refuses=(*_OFFER, *_STORES),
    ),
    "accept_offer": Operation(
        gives={200: Answer("The hold.", _one(Hold, "hold", example.ACCEPTED_OFFER))},
        refuses=(*_OFFER, "offer-ended", *_STORES, "outcome-unknown"),
        replays=True,
    ),
    "decline_offer": Operation(
        gives={200: Answer("The offer.", _one(Offer, "declined", example.DECLINED_OFFER))},
        refuses=(*_OFFER, "offer-ended", *_STORES, "outcome-unknown"),
        replays=True,
    ),
    "read_waitlist": Operation(
        gives={200: Answer("The line.", _one(LineSummary, "line", example.LINE), ("ETag",))},
        refuses=("event-not-found", "unavailable"),
    ),
    "patch_waitlist": Operation(
        takes=Body(LineTerms, {"closed": example.LINE_TERMS}),
        gives={
            200: Answer(
                "The line as it is now.", _one(LineSummary, "line", example.LINE), ("ETag",)
            )
        },
        refuses=(
            "event-not-found",
            "precondition-failed",
            "precondition-required",
            "unavailable",
            "outcome-unknown",
        ),
    ),
    "list_waitlist_entries": Operation(
        gives={
            200: Answer("A page of people.", _one(LineEntryList, "line", example.LINE_ENTRY_LIST))
        },
        refuses=("event-not-found", "unavailable", "catalog-unavailable"),
    ),
    "list_offers": Operation(
        gives={200: Answer("A page of offers.", _one(OfferList, "offers", example.OFFER_LIST))},
        refuses=("event-not-found", "unavailable", "catalog-unavailable"),
    ),
    "list_skips": Operation(
        gives={200: Answer("A page of rounds.", _one(SkipList, "skips", example.SKIP_LIST))},
        refuses=("event-not-found", "unavailable", "catalog-unavailable"),
    ),
    "export_waitlist": Operation(
        gives={
            200: Answer(
                "The table, whole.",
                (Body(str, {"table": example.LINE_CSV}, CSV),),
                ("Content-Disposition", "Cache-Control"),
            )
        },
        refuses=("event-not-found", "unavailable", "catalog-unavailable"),
    ),
    "promote_entry": Operation(
        takes=Body(Because, {"reason": example.BECAUSE_PROMOTED}),
        gives={200: Answer("At the head.", _one(LineEntry, "promoted", example.PROMOTED_ENTRY))},
        refuses=(
            "event-not-found",
            "entry-not-found",
            "entry-not-waiting",
            *_STORES,
            "outcome-unknown",
        ),
        replays=True,
    ),
    "dismiss_waitlist": Operation(
        takes=Body(Because, {"reason": example.BECAUSE_DISMISSED}),
        gives={
            200: Answer(
                "What is left.", _one(LineSummary, "line", example.DISMISSED_LINE), ("ETag",)
            )
        },
        refuses=("event-not-found", *_STORES, "outcome-unknown"),
        replays=True,
    ),
    "withdraw_offer": Operation(
        takes=Body(Because, {"reason": example.BECAUSE_WITHDRAWN}),
        gives={200: Answer("The offer.", _one(Offer, "withdrawn", example.WITHDRAWN_OFFER))},
        refuses=("offer-not-found", "offer-ended", *_STORES, "outcome-unknown"),
        replays=True,
    ),
    # Organisers
    "create_venue": Operation(
        takes=Body(VenueDraft, {"venue": example.VENUE_DRAFT}),
        gives={201: Answer("The venue.", _one(Venue, "venue", example.EMPTY_VENUE), ("Location",))},
        refuses=("catalog-unavailable",),
        replays=True,
    ),
    "import_venue": Operation(
        takes=Body(
            dict[str, Any],
            {
                "native, frontrow/1": example.NATIVE_PLAN,
                "pretix": example.PRETIX_PLAN,
            },
        ),
        gives={
            201: Answer(
                "The venue, and what was mended or left out on the way.",
                _one(ImportedVenue, "imported", example.IMPORTED_VENUE),
                ("Location",),
            )
        },
        refuses=("venue-not-found", "invalid-layout", "catalog-unavailable"),
        replays=True,
    ),
    "read_venue": Operation(
        gives={200: Answer("The venue.", _one(Venue, "venue", example.VENUE))},
        refuses=("venue-not-found", "catalog-unavailable"),
    ),
    "create_event": Operation(
        takes=Body(EventDraft, {"event": example.EVENT_DRAFT}),
        gives={201: Answer("The draft.", _EVENT_BODY, ("ETag", "Location"))},
        refuses=(
            "prices-mismatch",
            "venue-not-found",
            "layout-not-found",
            "catalog-unavailable",
        ),
        replays=True,
    ),
    "patch_event": Operation(
        takes=Body(EventPatch, {"new price": example.EVENT_PATCH}),
        gives={200: Answer("The event as it is now.", _EVENT_BODY, ("ETag", "Location"))},
        refuses=(
            "prices-mismatch",
            "event-not-found",
            "precondition-failed",
            "precondition-required",
            *_STORES,
        ),
    ),
    "publish_event": _event_command("The event, on sale.", "event-cancelled"),
    "pause_event": _event_command("The event, paused.", "event-not-published", "event-cancelled"),
    "resume_event": _event_command("The event, on sale.", "event-not-published", "event-cancelled"),
    "cancel_event": _event_command("The event, cancelled.", "event-not-published"),
    "block_seats": _seat_command("block", example.BLOCKING),
    "unblock_seats": _seat_command("unblock", example.UNBLOCKING),
    "find_people": Operation(
        gives={200: Answer("Nobody or one.", _one(PersonList, "people", example.PERSON_LIST))},
        refuses=("unavailable",),
    ),
    "set_tier": Operation(
        takes=Body(TierBody, {"tier": example.TIER}),
        gives={200: Answer("The person.", _one(Person, "person", example.VIP), ("ETag",))},
        refuses=("not-found", "unavailable"),
    ),
    # Mails
    "list_templates": Operation(
        gives={200: Answer("All of them.", _one(TemplateList, "templates", example.TEMPLATE_LIST))},
        refuses=("unavailable",),
    ),
    "list_template_versions": Operation(
        gives={
            200: Answer(
                "All of them.",
                _one(TemplateVersionList, "versions", example.TEMPLATE_VERSION_LIST),
            )
        },
        refuses=("template-not-found", "unavailable"),
    ),
    "read_template": Operation(
        gives={
            200: Answer("Its texts.", _one(TemplateVersion, "version", example.TEMPLATE_VERSION))
        },
        refuses=("template-not-found", "unavailable"),
    ),
    "add_template": Operation(
        takes=Body(TemplateDraft, {"another text": example.TEMPLATE_DRAFT}),
        gives={
            201: Answer(
                "The version.",
                _one(TemplateVersion, "version", example.TEMPLATE_VERSION),
                ("Location",),
            )
        },
        refuses=("template-broken", "template-too-costly", "template-not-found", "unavailable"),
    ),
    "preview_template": Operation(
        takes=Body(Texts, {"another text": example.TEXTS}),
        gives={
            200: Answer("The mail.", _one(Written, "mail", example.TEMPLATE_PREVIEW)),
        },
        refuses=("template-broken", "template-too-costly", "template-not-found", "unavailable"),
    ),
    "activate_template": Operation(
        takes=Body(TemplateChoice, {"the first": example.TEMPLATE_CHOICE}),
        gives={
            200: Answer("In force.", _one(TemplateInForce, "in force", example.TEMPLATE_IN_FORCE))
        },
        refuses=("template-broken", "template-too-costly", "template-not-found", "unavailable"),
    ),
    "roll_back_template": Operation(
        gives={
            200: Answer("In force.", _one(TemplateInForce, "in force", example.TEMPLATE_IN_FORCE))
        },
        refuses=("template-not-found", "nothing-to-roll-back", "unavailable"),
    ),
    "list_mails": Operation(
        gives={200: Answer("A page of mails.", _one(MailList, "mails", example.MAIL_LIST))},
        refuses=("unavailable",),
    ),
    "read_mail": Operation(
        gives={
            200: Answer(
                "The mail, and every attempt to deliver it.",
                _one(Mail, "refused", example.MAIL_WITH_LOG),
            )
        },
        refuses=("mail-not-found", "unavailable"),
    ),
    "resend_mail": Operation(
        gives={200: Answer("It waits again.", _one(Mail, "queued", example.MAIL_AGAIN))},
        refuses=("mail-not-found", "mail-not-resendable", "unavailable"),
    ),
    # Pricing
    "read_pricing": Operation(
        gives={
            200: Answer(
                "By category.", _one(PricingState, "pricing", example.PRICING_STATE), ("ETag",)
            )
        },
        refuses=_PRICED,
    ),
    "patch_pricing": Operation(
        takes=Body(TermsPatch, {"show the range": example.TERMS_PATCH}),
        gives={
            200: Answer(
                "As it is now.", _one(PricingState, "pricing", example.PRICING_STATE), ("ETag",)
            )
        },
        refuses=(*_PRICED, *_EDITED, "precondition-required"),
    ),
    "create_pricing_rule": Operation(
        takes=Body(RuleDraft, {"rule": example.RULE_DRAFT}),
        gives={
            201: Answer(
                "A draft.",
                _one(RuleVersion, "draft", example.DRAFT_RULE),
                ("ETag", "Location"),
            )
        },
        refuses=("no-such-category", *_PRICED, "event-cancelled"),
        replays=True,
    ),
    "list_pricing_rules": Operation(
        gives={200: Answer("A page of rules.", _one(RuleList, "rules", example.RULE_LIST))},
        refuses=("no-such-category", *_PRICED),
    ),
    "read_pricing_rule": Operation(
        gives={
            200: Answer(
                "The rule.",
                _one(RuleVersion, "rule", example.ACTIVE_RULE),
                ("ETag", "Location"),
            )
        },
        refuses=("pricing-rule-not-found", "unavailable"),
    ),
    "activate_pricing_rule": Operation(
        takes=Body(Activation, {"at a time": example.ACTIVATION}),
        gives={
            200: Answer(
                "In force, or scheduled.",
                _one(RuleVersion, "active", example.ACTIVE_RULE),
                ("ETag", "Location"),
            )
        },
        refuses=("pricing-rule-not-found", *_PRICED, "pricing-rule-retired", *_EDITED),
        replays=True,
    ),
    "retire_pricing_rule": Operation(
        gives={
            200: Answer(
                "Retired.",
                _one(RuleVersion, "retired", example.RETIRED_RULE),
                ("ETag", "Location"),
            )
        },
        refuses=("pricing-rule-not-found", *_PRICED, *_EDITED),
        replays=True,
    ),
    "override_price": _price_command(
        "The price, set.", example.OVERRIDDEN_CATEGORY, Body(Override, {"price": example.OVERRIDE})
    ),
    "freeze_price": _price_command(
        "The price, kept.", example.FROZEN_CATEGORY, Body(Freeze, {"freeze": example.FREEZE})
    ),
    "release_price": _price_command("Its rule goes on.", example.RELEASED_CATEGORY, None),
    "preview_pricing": Operation(
        takes=Body(PreviewRequest, {"a rule not made yet": example.PREVIEW_REQUEST}),
        gives={
            200: Answer("What it would do.", _one(Preview, "preview", example.PREVIEW)),
        },
        refuses=(
            "no-such-category",
            "pricing-rule-not-found",
            *_PRICED,
            "no-pricing-rule",
            "redis-unavailable",
        ),
        replays=True,
    ),
    "simulate_pricing": Operation(
        takes=Body(
            SimulationRequest,
            {"made up": example.SIMULATION_REQUEST, "as it was": example.RECORDED_REQUEST},
        ),
        gives={
            200: Answer(
                "How it went, against the fixed price.",
                (
                    Body(Simulation, {"simulation": example.SIMULATION}),
                    Body(
                        str,
                        {"chart": '<svg xmlns="http://www.w3.org/2000/svg">…</svg>'},
                        "image/svg+xml",
                    ),
                ),
            )
        },
        refuses=(
            "no-such-category",
            "pricing-rule-not-found",
            *_PRICED,
            "no-pricing-rule",
            "nothing-recorded",
        ),
        replays=True,
    ),
    "simulate_pricing_set": Operation(
        takes=Body(
            SetSimulationRequest,
            {"made up": example.SET_SIMULATION_REQUEST},
        ),
        gives={
            200: Answer(
                "How it went, against fixed prices.",
                (
                    Body(SetSimulation, {"simulation": example.SET_SIMULATION}),
                    Body(
                        str,
                        {"chart": '<svg xmlns="http://www.w3.org/2000/svg">…</svg>'},
                        "image/svg+xml",
                    ),
                ),
            )
        },
        refuses=(
            "no-such-category",
            *_PRICED,
            "nothing-recorded",
        ),
        replays=True,
    ),
    # Operations
    "live": Operation(gives={200: Answer("It runs.", (Body(str, {"ok": "ok\n"}, TEXT),))}),
    "ready": Operation(
        gives={
            200: Answer("Ready to sell.", _one(Ready, "ready", Ready("ok", "ok", "ok"))),
            503: Answer(
                "PostgreSQL or Redis does not answer.",
                _one(
                    Ready,
                    "not ready",
                    Ready("ok", "Redis is not reachable; try again shortly.", "ok"),
                ),
                ("Retry-After",),
            ),
        }
    ),
    "show_metrics": Operation(
        gives={
            200: Answer(
                "The exposition format, version 1.0.0.",
                (Body(str, {"metrics": 'frontrow_holds_total{outcome="held"} 1841.0\n'}, TEXT),),
            )
        }
    ),
}
