"""The examples of the document: one evening at the theatre, by tag.

They are the API's own Structs and errors, so an example cannot drift from what is sent. What is shown of an
operation is found by its handler, the object itself.
"""

from litestar.handlers import HTTPRouteHandler

from api.examples import (
    access,
    bookings,
    events,
    holds,
    mails,
    operations,
    organisers,
    pricing,
    waitlist,
)
from api.examples.shown import Shown

#: What is shown of each handler.
SHOWN: dict[HTTPRouteHandler, Shown] = {
    **access.SHOWN,
    **events.SHOWN,
    **holds.SHOWN,
    **bookings.SHOWN,
    **waitlist.SHOWN,
    **organisers.SHOWN,
    **mails.SHOWN,
    **pricing.SHOWN,
    **operations.SHOWN,
}
