"""The examples of the document: one evening at the theatre, by tag.

They are the API's own Structs and errors, so an example cannot differ from real answers. The examples of an
operation are keyed by its handler object.
"""

from litestar.handlers import HTTPRouteHandler

from api.examples import (
    access,
    bookings,
    desk,
    events,
    holds,
    mails,
    operations,
    organisers,
    pricing,
    venues,
    waitlist,
)
from api.examples.shown import Shown

#: The examples of each handler.
SHOWN: dict[HTTPRouteHandler, Shown] = {
    **access.SHOWN,
    **events.SHOWN,
    **holds.SHOWN,
    **bookings.SHOWN,
    **waitlist.SHOWN,
    **venues.SHOWN,
    **organisers.SHOWN,
    **desk.SHOWN,
    **mails.SHOWN,
    **pricing.SHOWN,
    **operations.SHOWN,
}
