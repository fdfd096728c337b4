"""Contains all the data models used in inputs/outputs"""

from .access_token import AccessToken
from .access_token_token_type import AccessTokenTokenType
from .account_token import AccountToken
from .account_token_token_type import AccountTokenTokenType
from .activation import Activation
from .area import Area
from .area_item import AreaItem
from .area_state import AreaState
from .assignment import Assignment
from .attempt import Attempt
from .attempt_outcome import AttemptOutcome
from .attendee import Attendee
from .attendee_list import AttendeeList
from .availability import Availability
from .because import Because
from .best_seats_wish import BestSeatsWish
from .blocking import Blocking
from .blocking_areas import BlockingAreas
from .booking import Booking
from .booking_body import BookingBody
from .booking_correction import BookingCorrection
from .booking_list import BookingList
from .booking_status import BookingStatus
from .buyer import Buyer
from .cancel_request import CancelRequest
from .category import Category
from .category_price import CategoryPrice
from .category_simulation import CategorySimulation
from .category_state import CategoryState
from .category_state_mode import CategoryStateMode
from .contact import Contact
from .correction import Correction
from .credentials import Credentials
from .decision import Decision
from .decision_why import DecisionWhy
from .decoration import Decoration
from .decoration_kind import DecorationKind
from .ellipse import Ellipse
from .ellipse_type import EllipseType
from .email_preferences import EmailPreferences
from .email_preferences_patch import EmailPreferencesPatch
from .entry import Entry
from .entry_list import EntryList
from .entry_status import EntryStatus
from .entry_tier import EntryTier
from .estimate import Estimate
from .event_category import EventCategory
from .event_draft import EventDraft
from .event_draft_metadata import EventDraftMetadata
from .event_draft_prices import EventDraftPrices
from .event_facets import EventFacets
from .event_item import EventItem
from .event_item_metadata import EventItemMetadata
from .event_list import EventList
from .event_page import EventPage
from .event_page_metadata import EventPageMetadata
from .event_patch import EventPatch
from .event_patch_metadata_type_0 import EventPatchMetadataType0
from .event_patch_prices_type_0 import EventPatchPricesType0
from .event_preview import EventPreview
from .event_standing import EventStanding
from .event_standings import EventStandings
from .event_status import EventStatus
from .expected import Expected
from .facet import Facet
from .factors import Factors
from .freeze import Freeze
from .guest_request import GuestRequest
from .hold import Hold
from .hold_list import HoldList
from .hold_relaxed_item import HoldRelaxedItem
from .hold_request import HoldRequest
from .hold_request_areas import HoldRequestAreas
from .hold_status import HoldStatus
from .import_venue_body import ImportVenueBody
from .imported_venue import ImportedVenue
from .join_request import JoinRequest
from .layout import Layout
from .layout_warning import LayoutWarning
from .line_entry import LineEntry
from .line_entry_list import LineEntryList
from .line_entry_tier import LineEntryTier
from .line_summary import LineSummary
from .line_summary_by_status import LineSummaryByStatus
from .line_summary_offers import LineSummaryOffers
from .line_terms import LineTerms
from .link_token import LinkToken
from .list_attendees_status import ListAttendeesStatus
from .live_ticket import LiveTicket
from .lookup import Lookup
from .lookup_answer import LookupAnswer
from .mail import Mail
from .mail_kind import MailKind
from .mail_list import MailList
from .money import Money
from .next_action import NextAction
from .next_action_type import NextActionType
from .offer import Offer
from .offer_list import OfferList
from .offer_status import OfferStatus
from .outcome import Outcome
from .override import Override
from .payment_choice import PaymentChoice
from .person import Person
from .person_list import PersonList
from .person_patch import PersonPatch
from .person_tier import PersonTier
from .point import Point
from .polygon import Polygon
from .polygon_type import PolygonType
from .preferences import Preferences
from .preferences_patch import PreferencesPatch
from .preview import Preview
from .preview_request import PreviewRequest
from .preview_wish import PreviewWish
from .price_change import PriceChange
from .price_change_inputs_type_0 import PriceChangeInputsType0
from .price_history import PriceHistory
from .price_list import PriceList
from .price_move import PriceMove
from .pricing_state import PricingState
from .pricing_terms import PricingTerms
from .problem import Problem
from .problem_errors_type_0_item import ProblemErrorsType0Item
from .proof_of_work import ProofOfWork
from .proven_address import ProvenAddress
from .ready import Ready
from .recorded import Recorded
from .recorded_type import RecordedType
from .rectangle import Rectangle
from .rectangle_type import RectangleType
from .refresh_token import RefreshToken
from .refused_seat import RefusedSeat
from .refused_seat_reason import RefusedSeatReason
from .registration import Registration
from .resent import Resent
from .row import Row
from .rule import Rule
from .rule_draft import RuleDraft
from .rule_list import RuleList
from .rule_status import RuleStatus
from .rule_version import RuleVersion
from .seat_item import SeatItem
from .seat_selection import SeatSelection
from .seat_selection_areas import SeatSelectionAreas
from .seat_states import SeatStates
from .seat_states_areas import SeatStatesAreas
from .seats import Seats
from .section import Section
from .set_point import SetPoint
from .set_simulation import SetSimulation
from .set_simulation_request import SetSimulationRequest
from .set_simulation_request_rules import SetSimulationRequestRules
from .signals import Signals
from .simulation import Simulation
from .simulation_point import SimulationPoint
from .simulation_request import SimulationRequest
from .size import Size
from .skip import Skip
from .skip_list import SkipList
from .status import Status
from .synthetic import Synthetic
from .synthetic_shape import SyntheticShape
from .synthetic_type import SyntheticType
from .template_choice import TemplateChoice
from .template_draft import TemplateDraft
from .template_in_force import TemplateInForce
from .template_in_force_source import TemplateInForceSource
from .template_list import TemplateList
from .template_version import TemplateVersion
from .template_version_list import TemplateVersionList
from .template_version_source import TemplateVersionSource
from .terms_patch import TermsPatch
from .text import Text
from .texts import Texts
from .ticket import Ticket
from .ticket_list import TicketList
from .ticket_status import TicketStatus
from .tier_body import TierBody
from .tier_body_tier import TierBodyTier
from .total import Total
from .venue import Venue
from .venue_draft import VenueDraft
from .venue_list import VenueList
from .venue_patch import VenuePatch
from .venue_ref import VenueRef
from .wanted import Wanted
from .wanted_patch import WantedPatch
from .written import Written

__all__ = (
    "AccessToken",
    "AccessTokenTokenType",
    "AccountToken",
    "AccountTokenTokenType",
    "Activation",
    "Area",
    "AreaItem",
    "AreaState",
    "Assignment",
    "Attempt",
    "AttemptOutcome",
    "Attendee",
    "AttendeeList",
    "Availability",
    "Because",
    "BestSeatsWish",
    "Blocking",
    "BlockingAreas",
    "Booking",
    "BookingBody",
    "BookingCorrection",
    "BookingList",
    "BookingStatus",
    "Buyer",
    "CancelRequest",
    "Category",
    "CategoryPrice",
    "CategorySimulation",
    "CategoryState",
    "CategoryStateMode",
    "Contact",
    "Correction",
    "Credentials",
    "Decision",
    "DecisionWhy",
    "Decoration",
    "DecorationKind",
    "Ellipse",
    "EllipseType",
    "EmailPreferences",
    "EmailPreferencesPatch",
    "Entry",
    "EntryList",
    "EntryStatus",
    "EntryTier",
    "Estimate",
    "EventCategory",
    "EventDraft",
    "EventDraftMetadata",
    "EventDraftPrices",
    "EventFacets",
    "EventItem",
    "EventItemMetadata",
    "EventList",
    "EventPage",
    "EventPageMetadata",
    "EventPatch",
    "EventPatchMetadataType0",
    "EventPatchPricesType0",
    "EventPreview",
    "EventStanding",
    "EventStandings",
    "EventStatus",
    "Expected",
    "Facet",
    "Factors",
    "Freeze",
    "GuestRequest",
    "Hold",
    "HoldList",
    "HoldRelaxedItem",
    "HoldRequest",
    "HoldRequestAreas",
    "HoldStatus",
    "ImportedVenue",
    "ImportVenueBody",
    "JoinRequest",
    "Layout",
    "LayoutWarning",
    "LineEntry",
    "LineEntryList",
    "LineEntryTier",
    "LineSummary",
    "LineSummaryByStatus",
    "LineSummaryOffers",
    "LineTerms",
    "LinkToken",
    "ListAttendeesStatus",
    "LiveTicket",
    "Lookup",
    "LookupAnswer",
    "Mail",
    "MailKind",
    "MailList",
    "Money",
    "NextAction",
    "NextActionType",
    "Offer",
    "OfferList",
    "OfferStatus",
    "Outcome",
    "Override",
    "PaymentChoice",
    "Person",
    "PersonList",
    "PersonPatch",
    "PersonTier",
    "Point",
    "Polygon",
    "PolygonType",
    "Preferences",
    "PreferencesPatch",
    "Preview",
    "PreviewRequest",
    "PreviewWish",
    "PriceChange",
    "PriceChangeInputsType0",
    "PriceHistory",
    "PriceList",
    "PriceMove",
    "PricingState",
    "PricingTerms",
    "Problem",
    "ProblemErrorsType0Item",
    "ProofOfWork",
    "ProvenAddress",
    "Ready",
    "Recorded",
    "RecordedType",
    "Rectangle",
    "RectangleType",
    "RefreshToken",
    "RefusedSeat",
    "RefusedSeatReason",
    "Registration",
    "Resent",
    "Row",
    "Rule",
    "RuleDraft",
    "RuleList",
    "RuleStatus",
    "RuleVersion",
    "SeatItem",
    "Seats",
    "SeatSelection",
    "SeatSelectionAreas",
    "SeatStates",
    "SeatStatesAreas",
    "Section",
    "SetPoint",
    "SetSimulation",
    "SetSimulationRequest",
    "SetSimulationRequestRules",
    "Signals",
    "Simulation",
    "SimulationPoint",
    "SimulationRequest",
    "Size",
    "Skip",
    "SkipList",
    "Status",
    "Synthetic",
    "SyntheticShape",
    "SyntheticType",
    "TemplateChoice",
    "TemplateDraft",
    "TemplateInForce",
    "TemplateInForceSource",
    "TemplateList",
    "TemplateVersion",
    "TemplateVersionList",
    "TemplateVersionSource",
    "TermsPatch",
    "Text",
    "Texts",
    "Ticket",
    "TicketList",
    "TicketStatus",
    "TierBody",
    "TierBodyTier",
    "Total",
    "Venue",
    "VenueDraft",
    "VenueList",
    "VenuePatch",
    "VenueRef",
    "Wanted",
    "WantedPatch",
    "Written",
)
