"""Colours as drawings name them."""

import re
from typing import Final

#: Okabe and Ito's palette, which colour-blind people can tell apart.
_PALETTE: Final = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#f0e442",
    "#6c6c6c",
)
#: The usual words of CSS.
_NAMED: Final = {
    "aqua": "#00ffff",
    "black": "#000000",
    "blue": "#0000ff",
    "brown": "#a52a2a",
    "cyan": "#00ffff",
    "fuchsia": "#ff00ff",
    "gold": "#ffd700",
    "gray": "#808080",
    "green": "#008000",
    "grey": "#808080",
    "lime": "#00ff00",
    "magenta": "#ff00ff",
    "maroon": "#800000",
    "navy": "#000080",
    "olive": "#808000",
    "orange": "#ffa500",
    "pink": "#ffc0cb",
    "purple": "#800080",
    "red": "#ff0000",
    "silver": "#c0c0c0",
    "teal": "#008080",
    "violet": "#ee82ee",
    "white": "#ffffff",
    "yellow": "#ffff00",
}
_RGB = re.compile(
    r"rgba?\(\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*([,/]\s*[\d.]+%?\s*)?\)"
)


def plain_color(color: str | None) -> str | None:
    """``#rrggbb`` (or ``#rrggbbaa``) in lower case; a word like "transparent" stays."""
    color = (color or "").strip().lower()
    if color.startswith("#") and len(color) < 6:
        return "#" + "".join(digit * 2 for digit in color[1:])
    if rgb := _RGB.fullmatch(color):
        return "#" + "".join(f"{min(255, int(part)):02x}" for part in rgb.groups()[:3])
    return color or None


def opaque_color(color: str | None) -> str | None:
    """``#rrggbb``; None for what is no colour or a word that is not known."""
    color = plain_color(color)
    if color is None or color.startswith("#"):
        return color and color[:7]
    return _NAMED.get(color)


def default_color(category_no: int) -> str:
    return _PALETTE[category_no % len(_PALETTE)]
