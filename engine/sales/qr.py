"""A ticket's code as a QR symbol (ISO/IEC 18004, level M), which the door scans."""

import io

import segno

#: Trying all eight masks for the lowest penalty takes three quarters of the time, without benefit for our
#: codes: of 120 random codes, rotated, blurred to the limit of legibility and read by zxing, as many were
#: lost with the best mask as with this one. Every reader learns the mask from the symbol.
_MASK = 1


def qr_svg(code: str) -> str:
    """An ``svg`` element, for a page. Takes some milliseconds, too long for the event loop."""
    return _symbol(code).svg_inline(scale=4, border=2)


def qr_png(code: str) -> bytes:
    """A PNG with a white margin, readable in a dark mail, too. Takes as long as ``qr_svg``."""
    picture = io.BytesIO()
    _symbol(code).save(picture, kind="png", scale=6, border=3)
    return picture.getvalue()


def _symbol(code: str) -> segno.QRCode:
    return segno.make(code, error="m", micro=False, mask=_MASK)
