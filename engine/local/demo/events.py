"""The demonstration: six invented events in three invented venues, the same on every machine.

Pure data and pure functions; loading them into the stores is done elsewhere.
"""

import math
import random
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final

from msgspec import Struct

from engine.layout.model import Layout, SeatFlag
from engine.local.demo.venues import Document, demo_venues
from engine.pricing.rule import Expected, Rule

SEED: Final = 20_260


class DemoPlace(Struct, frozen=True):
    """A venue's place; its layout has the same key in ``demo_venues()``."""

    venue_id: str
    key: str
    name: str
    city: str
    country: str
    address: str
    latitude: float
    longitude: float
    timezone: str


class DemoEvent(Struct, frozen=True, kw_only=True):
    """``prices`` are minor units of ``currency`` by category; ``sold_share`` is 0 to 1.

    ``metadata`` is free: ``genre``, ``tags``, ``accent`` colours, and ``poster_svg``.
    """

    event_id: str
    venue: str
    name: str
    description: str
    starts_at: datetime
    currency: str
    prices: dict[str, int]
    buyer_limit: int
    sold_share: float
    tagline: str
    metadata: dict[str, Any]
    #: By category; categories without a rule keep their price.
    rules: dict[str, Rule] = {}


def demo_places() -> list[DemoPlace]:
    return [
        DemoPlace(
            venue_id="01980000-0000-7000-8000-0000000000a1",
            key="arena",
            name="Nordhalle Arena",
            city="Hamburg",
            country="DE",
            address="Am Speicher 1, 20457 Hamburg",
            latitude=53.5434,
            longitude=9.9995,
            timezone="Europe/Berlin",
        ),
        DemoPlace(
            venue_id="01980000-0000-7000-8000-0000000000a2",
            key="theatre",
            name="Lantern Theatre",
            city="London",
            country="GB",
            address="14 Lantern Row, London WC2",
            latitude=51.5117,
            longitude=-0.1240,
            timezone="Europe/London",
        ),
        DemoPlace(
            venue_id="01980000-0000-7000-8000-0000000000a3",
            key="club",
            name="The Blue Cellar",
            city="Vienna",
            country="AT",
            address="Kellergasse 9, 1070 Wien",
            latitude=48.2025,
            longitude=16.3497,
            timezone="Europe/Vienna",
        ),
    ]


def demo_events(now: datetime | None = None) -> list[DemoEvent]:
    """Six events after ``now`` (aware; default: the clock's). Their ids never change."""
    today = (now or datetime.now(UTC)).astimezone(UTC).date()
    sunday = 27 - today.weekday()

    def at(days: int, hour: int, minute: int = 0) -> datetime:
        return datetime.combine(today + timedelta(days=days), time(hour, minute), UTC)

    return [
        DemoEvent(
            event_id="01980000-0000-7000-8000-0000000000e1",
            venue="arena",
            name="Aurora Lines: The Long Night Tour",
            description=(
                "Two hours of widescreen synth-pop under the biggest light rig the Nordhalle has "
                "hung so far. Support from Paper Comets. Doors open 90 minutes before the show."
            ),
            starts_at=at(9, 18, 30),
            currency="EUR",
            prices={
                "Front standing": 12_900,
                "Standing": 8_900,
                "Premium": 14_900,
                "Lower tier": 9_900,
                "Upper tier front": 7_900,
                "Upper tier": 5_900,
                "Side view": 4_900,
            },
            buyer_limit=8,
            sold_share=0.97,
            tagline="The last seats of the year's biggest tour",
            metadata=_metadata(
                1,
                genre="Concert",
                tags=["pop", "electronic", "standing"],
                accent=("#4b2e83", "#f25f8b", "#ffd166"),
            ),
        ),
        DemoEvent(
            event_id="01980000-0000-7000-8000-0000000000e2",
            venue="arena",
            name="North Wind: A Winter Concert",
            description=(
                "A folk orchestra, a choir of two hundred and a snowfall that starts on cue. Two "
                "halves with an interval of 25 minutes; the floor is open for dancing."
            ),
            starts_at=at(37, 16, 0),
            currency="EUR",
            prices={
                "Front standing": 6_900,
                "Standing": 4_900,
                "Premium": 9_900,
                "Lower tier": 6_900,
                "Upper tier front": 4_900,
                "Upper tier": 3_900,
                "Side view": 2_900,
            },
            buyer_limit=10,
            sold_share=0.38,
            tagline="Bring a scarf",
            metadata=_metadata(
                2,
                genre="Family",
                tags=["family", "folk", "orchestra"],
                accent=("#0b4f6c", "#7fd1e8", "#f4f9fb"),
            ),
        ),
        DemoEvent(
            event_id="01980000-0000-7000-8000-0000000000e3",
            venue="theatre",
            name="The Cartographer's Daughter",
            description=(
                "A new play about a woman who redraws the map of a country that no longer wants "
                "to be found. Running time 2 hours 40 minutes with one interval."
            ),
            starts_at=at(5, 19, 30),
            currency="GBP",
            prices={
                "Premium stalls": 9_500,
                "Stalls": 6_500,
                "Dress circle": 7_200,
                "Upper circle": 3_800,
                "Boxes": 8_000,
                "Restricted view": 2_200,
            },
            buyer_limit=8,
            sold_share=0.71,
            tagline="Every border is a story somebody told",
            metadata=_metadata(
                3,
                genre="Theatre",
                tags=["drama", "new writing"],
                accent=("#2f3e46", "#e07a5f", "#f2e9dc"),
            ),
        ),
        DemoEvent(
            event_id="01980000-0000-7000-8000-0000000000e4",
            venue="theatre",
            name="Sunday Matinee: Six Cellos",
            description=(
                "From Bach to Radiohead: an afternoon with six cellos and no conductor. Coffee "
                "and cake in the foyer from 13:00."
            ),
            starts_at=at(sunday, 14, 0),
            currency="GBP",
            prices={
                "Premium stalls": 5_500,
                "Stalls": 4_200,
                "Dress circle": 4_600,
                "Upper circle": 2_400,
                "Boxes": 5_000,
                "Restricted view": 1_500,
            },
            buyer_limit=6,
            sold_share=0.24,
            tagline="Twenty-four strings, no conductor",
            metadata=_metadata(
                4,
                genre="Classical",
                tags=["chamber music", "matinee"],
                accent=("#5c3a21", "#d9a566", "#f7ede2"),
            ),
        ),
        DemoEvent(
            event_id="01980000-0000-7000-8000-0000000000e5",
            venue="club",
            name="Late Set with the Mira Novak Trio",
            description=(
                "Piano, bass and drums, close enough to hear the brushes. Two sets; the kitchen "
                "is open until midnight."
            ),
            starts_at=at(2, 19, 0),
            currency="EUR",
            prices={"Front tables": 4_500, "Tables": 3_600, "Gallery": 2_800, "Bar": 2_200},
            buyer_limit=6,
            sold_share=0.45,
            tagline="Two sets, no microphones",
            metadata=_metadata(
                5,
                genre="Jazz",
                tags=["jazz", "live", "dinner"],
                accent=("#10243e", "#3f88c5", "#f6ae2d"),
            ),
            rules=_lively({"Front tables": 4_500, "Tables": 3_600, "Gallery": 2_800, "Bar": 2_200}),
        ),
        DemoEvent(
            event_id="01980000-0000-7000-8000-0000000000e6",
            venue="club",
            name="Open Mic: Ten Minutes Each",
            description=(
                "Twelve comedians, ten minutes each, one very loud bell. Hosted by Jo Adeyemi. "
                "Recommended from 16 years."
            ),
            starts_at=at(12, 18, 30),
            currency="EUR",
            prices={"Front tables": 2_000, "Tables": 1_600, "Gallery": 1_400, "Bar": 1_200},
            buyer_limit=6,
            sold_share=0.6,
            tagline="When the bell rings, it is over",
            metadata=_metadata(
                6,
                genre="Comedy",
                tags=["comedy", "stand-up"],
                accent=("#7a1f3d", "#ff7f51", "#ffe8d6"),
            ),
        ),
    ]


def _lively(prices: dict[str, int]) -> dict[str, Rule]:
    """Rules that change prices within minutes, so that a visitor sees changes."""
    return {
        category: Rule(
            base_minor=price,
            floor_minor=price * 8 // 10,
            ceiling_minor=price * 16 // 10,
            sold_weight=0.8,
            expected=[Expected(30, 0.1), Expected(7, 0.4), Expected(2, 0.6), Expected(0, 0.95)],
            velocity_weight=0.2,
            half_life_s=1800,
            demand_weight=0.6,
            watcher_share=0.5,
            max_step=0.05,
            min_interval_s=60,
            dead_band=0.02,
            reversal_s=300,
        )
        for category, price in prices.items()
    }


# --- what is sold already -------------------------------------------------------------------------

_PARTY_SIZES: Final = (1, 2, 3, 4, 5, 6)
_PARTY_WEIGHTS: Final = (14, 46, 12, 20, 4, 4)


def sold_seats(layout: Layout, share: float, seed: int = SEED) -> list[int]:
    """Seat numbers, ascending, that look like real sales: parties side by side, good seats first.

    Exactly ``round(share * seat_count)`` of them, the same for the same arguments.
    """
    # Must be repeatable; not used for security.
    chance = random.Random(seed)  # noqa: S311
    wanted = round(min(max(share, 0.0), 1.0) * layout.seat_count)
    parties = [
        (_reluctance(layout, first, end, chance), first, end)
        for row in layout.rows
        for first, end in _parties(row.first_seat, row.seat_count, chance)
    ]
    sold: list[int] = []
    for _, first, end in sorted(parties):
        sold += range(first, min(end, first + wanted - len(sold)))
        if len(sold) >= wanted:
            break
    return sorted(sold)


def _parties(first: int, count: int, chance: random.Random) -> list[tuple[int, int]]:
    """Cut a row into parties, as (first, end) seat numbers."""
    cuts = [first]
    while cuts[-1] < first + count:
        size = chance.choices(_PARTY_SIZES, _PARTY_WEIGHTS)[0]
        cuts.append(min(cuts[-1] + size, first + count))
    return list(pairwise(cuts))


def _reluctance(layout: Layout, first: int, end: int, chance: random.Random) -> float:
    """How late a party would choose these seats: far from the focal point, and by chance."""
    seats, focus, size = layout.seats, layout.focal_point, layout.size
    middle = (first + end) // 2
    distance = math.hypot(seats.x[middle] - focus.x, seats.y[middle] - focus.y)
    value = distance / math.hypot(size.width, size.height) + chance.gauss(0, 0.22)
    flags = seats.flags[middle]
    if flags & SeatFlag.RESTRICTED_VIEW:
        value += 0.25
    if flags & (SeatFlag.WHEELCHAIR | SeatFlag.COMPANION):
        value += 0.15
    return value


# --- posters --------------------------------------------------------------------------------------

_POSTER_WIDTH: Final = 800
_POSTER_HEIGHT: Final = 500


def _metadata(
    number: int, *, genre: str, tags: list[str], accent: tuple[str, str, str]
) -> dict[str, Any]:
    return {
        "genre": genre,
        "tags": tags,
        "accent": list(accent),
        "poster_svg": poster_svg(number, *accent),
    }


def poster_svg(number: int, ground: str, tone: str, light: str) -> str:
    """An abstract picture in three colours, 8:5, as a self-contained SVG without words."""
    chance = random.Random(SEED + number)  # noqa: S311 - repeatability is wanted
    draw = (_beams, _flakes, _contours, _strings, _rings, _bursts)[(number - 1) % 6]
    body = "".join(draw(chance, tone, light))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_POSTER_WIDTH} {_POSTER_HEIGHT}" '
        f'preserveAspectRatio="xMidYMid slice"><rect width="100%" height="100%" fill="{ground}"/>'
        f"{body}</svg>"
    )


def _beams(chance: random.Random, tone: str, light: str) -> list[str]:
    """Stage lights over the heads of a crowd."""
    parts = []
    for i in range(9):
        x, lean, width = 60 + i * 85, chance.uniform(-170, 170), chance.uniform(24, 70)
        color = light if i % 3 == 1 else tone
        parts.append(
            f'<path d="M{x} -20L{x + lean + width:.0f} 420H{x + lean - width:.0f}Z" '
            f'fill="{color}" opacity="{chance.uniform(0.2, 0.5):.2f}"/>'
        )
    heads = "".join(
        f'<circle cx="{i * 34 + chance.uniform(-8, 8):.0f}" '
        f'cy="{458 - chance.uniform(0, 34):.0f}" r="{chance.uniform(17, 23):.0f}"/>'
        for i in range(25)
    )
    return [*parts, f'<g fill="#0d0718">{heads}<path d="M0 455H800V500H0Z"/></g>']


def _flakes(chance: random.Random, tone: str, light: str) -> list[str]:
    """Snow in the wind."""
    curves = [
        f'<path d="M-20 {y}C200 {y - 190} 420 {y + 130} 820 {y - 120}" fill="none" '
        f'stroke="{color}" stroke-width="{width}" opacity=".8"/>'
        for y, color, width in ((380, tone, 22), (415, light, 5), (330, light, 3))
    ]
    flakes = [
        f'<circle cx="{chance.uniform(0, 800):.0f}" cy="{chance.uniform(0, 500):.0f}" '
        f'r="{chance.uniform(1.5, 7):.1f}" fill="{light}" opacity="{chance.uniform(0.3, 0.9):.2f}"/>'
        for _ in range(70)
    ]
    return curves + flakes


def _contours(chance: random.Random, tone: str, light: str) -> list[str]:
    """Contour lines of an island that is on no map."""
    waves = [(n, chance.uniform(0.03, 0.1), chance.uniform(0, math.tau)) for n in (2, 3, 5)]
    lines = []
    for i in range(11):
        points = []
        for step in range(73):
            angle = step * math.tau / 72
            swell = 1 + sum(size * math.sin(n * angle + phase) for n, size, phase in waves)
            radius = (30 + i * 34) * swell
            points.append(
                f"{430 + radius * 1.35 * math.cos(angle):.0f} {250 + radius * math.sin(angle):.0f}"
            )
        fill = tone if i == 2 else "none"
        lines.append(
            f'<path d="M{"L".join(points)}Z" fill="{fill}" stroke="{light}" '
            f'stroke-width="{4 if i % 4 == 2 else 1.5}" opacity=".85"/>'
        )
    return list(reversed(lines))


def _strings(chance: random.Random, tone: str, light: str) -> list[str]:
    """Twenty-four strings, some of them sounding."""
    parts = [f'<circle cx="560" cy="260" r="165" fill="{tone}" opacity=".55"/>']
    for i in range(24):
        x, swing = 40 + i * 31.3, chance.choice((0, 0, 9, 16, 26))
        parts.append(
            f'<path d="M{x:.0f} -10Q{x + swing:.0f} 250 {x:.0f} 510Q{x - swing:.0f} 250 {x:.0f} -10" '
            f'fill="{light}" fill-opacity=".16" stroke="{light}" '
            f'stroke-width="{3.4 - (i % 4) * 0.8:.1f}"/>'
        )
    return parts


def _rings(chance: random.Random, tone: str, light: str) -> list[str]:
    """Sound spreading from three places."""
    parts = []
    for x, y, color in ((210, 330, tone), (470, 200, light), (650, 360, tone)):
        for i in range(7):
            width = chance.choice((2, 3, 10))
            parts.append(
                f'<circle cx="{x}" cy="{y}" r="{18 + i * 30}" fill="none" stroke="{color}" '
                f'stroke-width="{width}" opacity="{0.9 - i * 0.11:.2f}"/>'
            )
        parts.append(f'<circle cx="{x}" cy="{y}" r="10" fill="{color}"/>')
    return parts


def _bursts(chance: random.Random, tone: str, light: str) -> list[str]:
    """Laughter, drawn as stars."""
    parts = []
    for x, y, size in ((190, 190, 150), (510, 300, 200), (700, 110, 90), (330, 420, 70)):
        turn = chance.uniform(0, 1)
        points = []
        for i in range(24):
            radius = size * (1 if i % 2 else chance.uniform(0.55, 0.7))
            angle = turn + i * math.tau / 24
            points.append(f"{x + radius * math.cos(angle):.0f},{y + radius * math.sin(angle):.0f}")
        color = light if size in (150, 70) else tone
        parts.append(f'<polygon points="{" ".join(points)}" fill="{color}" opacity=".9"/>')
    return parts


__all__ = [
    "DemoEvent",
    "DemoPlace",
    "Document",
    "demo_events",
    "demo_places",
    "demo_venues",
    "poster_svg",
    "sold_seats",
]
