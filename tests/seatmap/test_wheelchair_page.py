"""Places for wheelchair users and companions: seen, filtered and said before anything is held."""

from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.conftest import MakeHouse, small_house
from tests.support.pages import Visit, Visitor

pytestmark = pytest.mark.browser

WHEELCHAIR, COMPANION, RESTRICTED = 20, 21, 27


def hall() -> dict[str, Any]:
    """The first two places of row R3 belong together; the eighth has a pillar before it."""
    document = small_house()
    seats = document["sections"][0]["rows"][2]["seats"]
    for seat_no, name in ((0, "wheelchair"), (1, "companion"), (7, "restricted_view")):
        seats[seat_no]["properties"] = [name]
    return document


async def look(person: Visitor, seat_no: int) -> dict[str, Any]:
    """How a seat is painted on the map."""
    found: dict[str, Any] = await person.page.evaluate(
        """seat => {
          const drawing = document.getElementById("map").shadowRoot.getElementById("drawing");
          return drawing.layer.lookOf(seat);
        }""",
        seat_no,
    )
    return found


def said(person: Visitor) -> Locator:
    return person.page.locator("#access")


@pytest.mark.parametrize("width", [390, 1280])
async def test_such_a_place_is_said_before_it_is_held(
    visit: Visit, make_house: MakeHouse, width: int
) -> None:
    ada = await visit(
        (await make_house(layout=hall())).event_id, viewport={"width": width, "height": 860}
    )
    await expect(said(ada)).to_be_hidden()
    await ada.tap_seat(WHEELCHAIR)
    await expect(said(ada)).to_contain_text(
        "Stalls, row R3, seat 1: this place has room for a wheel"
    )
    await ada.tap_seat(COMPANION)
    await expect(said(ada)).to_contain_text(
        "seat 2: this place is kept for somebody who comes with"
    )
    assert await ada.page.evaluate("document.documentElement.scrollWidth") <= width
    await ada.tap_seat(WHEELCHAIR)
    await expect(said(ada)).not_to_contain_text("room for a wheelchair")
    await ada.tap_seat(COMPANION)
    await expect(said(ada)).to_be_hidden()


async def test_the_map_marks_them_and_the_key_explains_the_marks(
    visit: Visit, make_house: MakeHouse
) -> None:
    ada = await visit((await make_house(layout=hall())).event_id)
    assert (await look(ada, WHEELCHAIR))["square"]
    companion = await look(ada, COMPANION)
    assert companion["square"]
    assert companion["text"] == "+2"
    assert not (await look(ada, RESTRICTED))["square"]
    key = ada.page.locator("#legend")
    await expect(key).to_contain_text("Wheelchair place")
    await expect(key).to_contain_text("Companion's place")
    plain = await visit((await make_house()).event_id)
    await expect(plain.page.locator("#legend .companion")).to_be_hidden()
    await expect(plain.page.get_by_label("Places for wheelchair users")).to_be_hidden()


async def test_a_filter_leaves_only_them_on_the_map_and_in_the_list(
    visit: Visit, make_house: MakeHouse
) -> None:
    ada = await visit((await make_house(layout=hall())).event_id)
    page = ada.page
    await page.get_by_label("Places for wheelchair users").check()
    assert not (await look(ada, WHEELCHAIR))["faint"]
    assert not (await look(ada, COMPANION))["faint"]
    assert (await look(ada, RESTRICTED))["faint"]
    # Best seats are never such places, so they are not offered beside this filter.
    await expect(page.locator("#finder")).to_be_hidden()
    await page.click("#list summary")
    rows = page.locator("#list").get_by_role("combobox", name="Row", exact=True).locator("option")
    await expect(rows).to_have_text(["Row R3, 2 free, from €30"])
    await page.get_by_role("button", name="Show all").click()
    await expect(page.get_by_label("Places for wheelchair users")).not_to_be_checked()
    await expect(rows).to_have_count(5)
    await expect(page.locator("#finder")).to_be_visible()


async def test_the_list_says_which_seats_of_a_row_are_special(
    visit: Visit, make_house: MakeHouse
) -> None:
    ada = await visit((await make_house(layout=hall())).event_id)
    page = ada.page
    await page.click("#list summary")
    await page.get_by_label("Find a seat, row or section").fill("r3 1")
    await page.keyboard.press("Enter")
    await expect(page.locator("#list .seat-notes span")).to_have_text(
        ["Wheelchair place: 1", "For a wheelchair user's companion: 2", "Restricted view: 8"]
    )
    button = page.get_by_role("button", name="Row R3, seat 1, Back, €30, wheelchair place, free")
    await expect(button).to_be_focused()


async def test_best_seats_never_are_such_places(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house(layout=hall(), buyer_limit=10)
    ada = await visit(house.event_id)
    taken = [n for n in range(50) if n not in (WHEELCHAIR, COMPANION)]
    for at in range(0, len(taken), 10):
        await house.hold(f"buyer-{at}", *taken[at : at + 10])
    await ada.until_seat(taken[-1], 1)
    await ada.page.click("#finder button[type=submit], #finder .button")
    await ada.notice("No seats are free")
    assert (await house.states())[WHEELCHAIR : COMPANION + 1] == "00"


async def test_my_tickets_say_what_is_special_about_a_seat(
    visit: Visit, make_house: MakeHouse
) -> None:
    ada = await visit((await make_house(layout=hall())).event_id)
    page = ada.page
    await ada.hold(WHEELCHAIR, COMPANION, 26, RESTRICTED)
    await ada.pay("tok_visa")
    await ada.ticket_labels()
    await page.get_by_role("link", name="My tickets").click()
    await page.get_by_role("button", name="Show tickets").click()
    tickets = page.locator(".ticket")
    await expect(tickets).to_have_count(4)
    for label, words in {
        "seat 1": "Back · Wheelchair place",
        "seat 2": "Back · For a wheelchair user's companion",
        "seat 7": "Back",
        "seat 8": "Back · Restricted view",
    }.items():
        ticket = tickets.filter(has=page.get_by_role("heading", name=label))
        await expect(ticket.get_by_text(words, exact=True)).to_be_visible()
