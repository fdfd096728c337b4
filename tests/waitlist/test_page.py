"""The waitlist on the page: people join, see their rank, get offers and accept them."""

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from engine.base.actor import ORGANISER
from engine.base.model import new_id
from engine.waitlist.model import EntryStatus, OfferStatus, Wanted
from tests.conftest import MakeHouse, small_house
from tests.support.pages import Branch, Come, Crowd, OpenPage, SellOut, Visitor, settled

pytestmark = pytest.mark.browser

_PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
#: The clock of a fresh offer; a busy machine may read it late.
_FIFTEEN = re.compile(r"^(15:00|14:\d\d)$")


async def join(page: Page, *ticked: str, quantity: int = 2) -> None:
    """Join from the invitation that a sold-out event shows."""
    await page.click("#invite-go")
    for name in ticked:
        await page.get_by_role("checkbox", name=name, exact=True).check()
    for _ in range(quantity - 2):
        await page.get_by_role("button", name="One place more").click()
    for _ in range(2 - quantity):
        await page.get_by_role("button", name="One place fewer").click()
    await page.click("#wait-send")
    await expect(page.locator("#title-line")).to_be_focused()


async def offered(page: Page, places: int = 2) -> None:
    await expect(page.locator("#offer")).to_be_visible()
    await expect(page.locator("#offered li")).to_have_count(places)


async def test_a_person_joins_sees_the_rank_changes_the_wish_and_leaves(
    sell_out: SellOut, come: Come
) -> None:
    crowd = await sell_out()
    await crowd.joins(categories=["Front"])
    await crowd.joins(quantity=4)
    page = await come(crowd.event_id)
    await expect(page.locator("#choose-hint")).to_have_text("Everything is taken just now.")
    await expect(page.locator("#invite")).to_contain_text("go to the people in the waitlist")
    await page.click("#invite-go")
    await expect(page.locator("#title-wait")).to_be_focused()

    await page.get_by_role("button", name="One place more").click()
    await page.get_by_role("checkbox", name="Front").check()
    await page.get_by_role("checkbox", name="Stalls").check()
    await page.fill("#wait-most", "60.50")
    await page.fill("#wait-email", "ada@example")
    await page.click("#wait-send")
    await expect(page.locator("#wait-email-error")).to_contain_text("is like ada@example.com")
    await expect(page.locator("#wait-email")).to_be_focused()
    await page.fill("#wait-email", "ada@example.com")
    await page.click("#wait-send")
    await expect(page.locator("#wait-name-error")).to_have_text("What is your name?")
    await page.fill("#wait-name", "Ada Lovelace")
    await page.click("#wait-send")

    await expect(page.locator("#title-line")).to_have_text("You are 3rd of 3")
    wish = "3 places side by side · Front · Stalls · up to €60.50 each"
    await expect(page.locator("#line-wish")).to_have_text(wish)
    await expect(page.locator("#line")).to_contain_text("Nobody can say yet how long it takes.")
    await expect(page.locator("#line-basis")).not_to_be_empty()
    await expect(page.locator("#invite")).to_be_hidden()
    await page.click("#line summary")
    await expect(page.locator("#line")).to_contain_text("by e-mail to ada@example.com")
    await expect(page.locator("#line")).to_contain_text("you then have 15 minutes to accept")

    await page.reload()
    await expect(page.locator("#title-line")).to_have_text("You are 3rd of 3")
    await page.click("#line-change")
    await expect(page.locator("#title-wait")).to_have_text("What you wait for", use_inner_text=True)
    await expect(page.locator("#wait-most")).to_have_value("60.5")
    await expect(page.get_by_role("checkbox", name="Front")).to_be_checked()
    await page.get_by_role("checkbox", name="Front").uncheck()
    await page.get_by_role("button", name="One place fewer").click()
    await page.get_by_role("checkbox", name="Side by side").uncheck()
    await page.fill("#wait-most", "")
    await page.click("#wait-send")
    await expect(page.locator("#line-wish")).to_have_text("2 places · Stalls")
    await expect(page.locator("#title-line")).to_have_text("You are 3rd of 3")
    entry = await crowd.entry(page)
    assert entry.wanted == Wanted(quantity=2, together=False, sections=["Stalls"])
    assert entry.contact.buyer is not None
    assert (entry.contact.buyer.email, entry.contact.language) == ("ada@example.com", "en-US")

    await page.click("#line-leave")
    await page.get_by_role("button", name="Stay in the waitlist").click()
    await expect(page.locator("#line")).to_be_visible()
    await page.click("#line-leave")
    await page.get_by_role("button", name="Leave", exact=True).click()
    await expect(page.locator("#notice")).to_contain_text("You have left the waitlist")
    await expect(page.locator("#line")).to_be_hidden()
    assert (await crowd.entry(page)).status == EntryStatus.LEFT
    await page.reload()
    await expect(page.locator("#invite")).to_be_visible()
    await expect(page.locator("#notice")).to_be_empty()


async def test_the_rank_is_refreshed_when_the_tab_is_shown_again(
    sell_out: SellOut, come: Come
) -> None:
    crowd = await sell_out()
    first = await crowd.joins()
    page = await come(crowd.event_id)
    await join(page)
    await expect(page.locator("#title-line")).to_have_text("You are 2nd of 2")
    rows = await crowd.runtime.stores.view.fetchrow("waitlist.entry", first.entry_id)
    assert rows is not None
    await crowd.runtime.waitlist.entries.leave(first.entry_id, str(rows["person_id"]))
    # As when a person comes back to the tab.
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.locator("#title-line")).to_have_text("You are next of 1")


async def test_matching_seats_on_sale_are_chosen_instead_of_joining(
    make_house: MakeHouse, come: Come
) -> None:
    crowd = Crowd(await make_house())
    await crowd.take(0, 1)
    page = await come(crowd.event_id)
    await expect(page.locator("#invite-text")).to_have_text("Front is sold out.")
    await page.click("#invite-go")
    await expect(page.get_by_role("checkbox", name="Front")).to_be_checked()
    await page.get_by_role("checkbox", name="Back").check()
    await page.click("#wait-send")
    await expect(page.locator("#notice")).to_contain_text("Your wish is on sale: Stalls, row R")
    await expect(page.locator("#chosen li")).to_have_count(2)
    await expect(page.locator("#choose-total")).to_have_text("€60")
    await page.click("#hold")
    await expect(page.locator("#step-held")).to_be_visible()


async def test_an_unavailable_wish_leads_to_the_waitlist(
    make_house: MakeHouse, come: Come, buyer: str
) -> None:
    crowd = Crowd(await make_house())
    await crowd.take(0)
    for first in range(11, 20, 2):
        await crowd.house.hold(new_id(), first)
    page = await come(crowd.event_id)
    # Best seats: no two side by side are left.
    await page.locator("#categories li button", has_text="Front").first.click()
    await page.get_by_role("button", name="One seat more").click()
    for _ in range(3):
        await page.get_by_role("button", name="One seat more").click()
    await page.get_by_role("button", name="Find the best 6").click()
    await page.click("#invite-lost")
    await expect(page.locator("#wait-count")).to_have_text("6")
    await expect(page.get_by_role("checkbox", name="Front")).to_be_checked()
    await expect(page.get_by_role("checkbox", name="Back")).not_to_be_checked()
    await page.click("#wait-back")
    await expect(page.locator("#step-choose")).to_be_visible()

    # A seat lost to a faster buyer.
    await page.evaluate("document.getElementById('map').choose([10])")
    await crowd.house.hold(buyer, 10)
    await expect(page.locator("#notice")).to_contain_text("was just taken")
    await page.click("#invite-lost")
    await expect(page.locator("#wait-count")).to_have_text("1")
    await expect(page.get_by_role("checkbox", name="Front")).to_be_checked()
    await page.click("#wait-back")
    await crowd.house.hold(new_id(), floor=6)
    await expect(page.locator("#area-0-facts")).to_contain_text("sold out")
    await page.click("#area-0-more", force=True)
    await page.click("#invite-lost")
    await expect(page.get_by_role("checkbox", name="Floor")).to_be_checked()


async def test_sections_are_picked_on_the_map(make_house: MakeHouse, come: Come) -> None:
    crowd = Crowd(await make_house())
    await crowd.take(0, 1)
    page = await come(crowd.event_id)
    await page.click("#invite-go")
    point = await page.evaluate("document.getElementById('map').clientPoint(33)")
    await page.mouse.click(point["x"], point["y"])
    await expect(page.get_by_role("checkbox", name="Stalls")).to_be_checked()
    assert await page.evaluate("document.getElementById('map').selection.seats") == []
    await page.mouse.click(point["x"], point["y"])
    await expect(page.get_by_role("checkbox", name="Stalls")).not_to_be_checked()
    await page.click("#wait-back")
    await page.mouse.click(point["x"], point["y"])
    assert await page.evaluate("document.getElementById('map').selection.seats") == [33]


async def test_an_offer_is_accepted_and_booked(sell_out: SellOut, come: Come) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await page.evaluate(
        """() => { window.told = []; for (const name of ["waitlist", "offer", "hold"])
        document.addEventListener(name, (e) => window.told.push(e.detail.change ?? name)); }"""
    )
    await join(page, "Front")
    await crowd.give_back(4)
    await offered(page)
    assert await page.locator("#offered .place").all_inner_texts() == [
        "Stalls, row R1, seat 5\nFront",
        "Stalls, row R1, seat 6\nFront",
    ]
    await expect(page.locator("#offer-total")).to_have_text("€100")
    await expect(page.locator("#offer-left")).to_have_text(_FIFTEEN)
    await expect(page.locator("#title-offer")).to_be_focused()
    await expect(page.locator("#spoken")).to_have_text(
        re.compile(
            "^Seats for you: Stalls, row R1, seat 5 and Stalls, row R1, seat 6, €100. They are"
        )
    )
    await expect(page).to_have_title(re.compile("^◆ Seats for you · A play"))
    await expect(page.locator("#key-offered")).to_be_visible()
    drawn = "[...document.getElementById('map').showing.drawing.offered]"
    assert await page.evaluate(drawn) == [4, 5]

    await page.reload()
    await offered(page)
    await expect(page.locator("#offer-left")).to_have_text(_FIFTEEN)
    await settled(page)
    # An own offered seat cannot be chosen, but the map says what it is.
    point = await page.evaluate("document.getElementById('map').clientPoint(4)")
    await page.mouse.click(point["x"], point["y"])
    await expect(page.locator("#notice")).to_contain_text("is offered to you")

    await page.click("#accept")
    await expect(page.locator("#title-held")).to_be_focused()
    await expect(page.locator("#offer")).to_be_hidden()
    await expect(page).to_have_title(re.compile("^A play · .* · Small house$"))
    await expect(page.locator("#clock-left")).to_have_text(re.compile(r"^(5:00|4:\d\d)$"))
    entry = await crowd.entry(page)
    assert entry.status == EntryStatus.ACCEPTED
    assert entry.offer is not None
    hold_id = await page.evaluate("document.getElementById('map').currentHold.hold_id")
    assert entry.offer.offer_id == hold_id
    await page.reload()
    await expect(page.locator("#held .place")).to_have_count(2)
    ada = Visitor(page)
    await ada.pay("tok_visa")
    assert await ada.ticket_labels() == ["Stalls, row R1, seat 5", "Stalls, row R1, seat 6"]
    await expect(page.locator("#line")).to_be_hidden()
    assert (await crowd.house.states())[4:6] == "22"


async def test_declining_passes_the_seats_on(sell_out: SellOut, come: Come) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await join(page, "Front")
    other = await come(crowd.event_id)
    await join(other)
    await crowd.give_back(4)
    await offered(page)
    await page.click("#decline")
    await page.keyboard.press("Escape")
    await expect(page.locator("#offer")).to_be_visible()
    await page.click("#decline")
    await page.get_by_role("button", name="Keep the offer").click()
    await expect(page.locator("#offer")).to_be_visible()
    await page.click("#decline")
    await page.locator("dialog[open]").get_by_role("button", name="Decline").click()
    await expect(page.locator("#notice")).to_contain_text("your place has ended")
    await expect(page.locator("#offer")).to_be_hidden()
    await offered(other)
    await expect(page).to_have_title(re.compile("^A play · .* · Small house$"))
    assert (await crowd.entry(page)).status == EntryStatus.DECLINED
    # Join again, at the end, from the notice.
    await page.click("#invite-lost")
    await expect(page.get_by_role("checkbox", name="Front")).to_be_checked()
    await page.click("#wait-send")
    await expect(page.locator("#title-line")).to_have_text("You are next of 1")


async def test_a_lapsed_offer_is_announced(sell_out: SellOut, come: Come) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await join(page)
    # Recorded by the page itself, because the offer may be over before the test looks.
    await page.evaluate(
        """() => {
        window.shown = [];
        const offer = document.getElementById("map").shadowRoot.getElementById("offer");
        new MutationObserver(() => {
          const [left, seats] = ["#offer-left", "#offered"].map((id) => offer.querySelector(id));
          if (!offer.hidden) window.shown.push(`${left.textContent} ${seats.children.length}`);
        }).observe(offer, { attributes: true, characterData: true, childList: true, subtree: true });
        }"""
    )
    await crowd.window(8)
    await crowd.give_back(4)
    await expect(page.locator("#notice")).to_contain_text("The time to accept ran out")
    shown: list[str] = await page.evaluate("window.shown")
    assert any(re.fullmatch("0:0[0-8] 2", each) for each in shown), shown
    await expect(page.locator("#offer")).to_be_hidden()
    assert (await crowd.entry(page)).status == EntryStatus.LAPSED
    await page.reload()
    await expect(page.locator("#invite, #finder").first).to_be_visible()
    await expect(page.locator("#notice")).to_be_empty()


async def test_an_offer_about_to_end_is_announced(sell_out: SellOut, come: Come) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await page.evaluate(
        """() => { window.told = []; document.addEventListener("offer", ({ detail }) =>
        window.told.push([detail.change, detail.offer.status])); }"""
    )
    await join(page)
    await crowd.give_back(4)
    await offered(page)
    async with crowd.runtime.stores.view.connection() as connection:
        # Let the offer have been made long ago.
        await connection.execute(
            "UPDATE offers SET made_at = now() - interval '13 minutes', expires_at = now() + interval '2 minutes' "
            "WHERE event_id = $1",
            crowd.event_id,
        )
    await expect(page.locator("#notice")).to_contain_text(
        re.compile(
            r"^The seats offered to you are kept until .+: accept them soon if you want them"
        )
    )
    await expect(page.locator("#offer-left")).to_have_text(re.compile(r"^(2:00|1:\d\d)$"))
    assert await page.evaluate("window.told") == [["made", "open"], ["ending", "open"]]
    await page.click("#accept")
    await expect(page.locator("#held li")).to_have_count(2)


async def test_a_cancelled_event_ends_the_waitlist_and_its_offers(
    sell_out: SellOut, come: Come
) -> None:
    crowd = await sell_out()
    lucky = await come(crowd.event_id)
    await join(lucky)
    await crowd.give_back(4)
    await offered(lucky)
    waiting = await come(crowd.event_id)
    await join(waiting)
    # The page does not poll meanwhile: the messages of the live connection are enough.
    await waiting.route("**/v1/waitlist*", lambda route: route.abort())
    await crowd.runtime.events.publishing.cancel(crowd.event_id)
    for page in (lucky, waiting):
        await expect(page.locator("#offer")).to_be_hidden()
        await expect(page.locator("#line")).to_be_hidden()
        await expect(page.locator("#invite")).to_be_hidden()
        await expect(page.locator("body")).to_contain_text("cancelled")
        await crowd.until(page, EntryStatus.DISMISSED)


async def test_a_returning_person_finds_the_offer_or_learns_that_it_ended(
    sell_out: SellOut, come: Come
) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await join(page)
    url = page.url
    await page.goto("about:blank")
    await crowd.give_back(4)
    await page.goto(url)
    await offered(page)
    await page.goto("about:blank")
    entry = (
        await crowd.runtime.waitlist.admin.entries(crowd.event_id, status=None, after=None, limit=1)
    )[0]
    found = await crowd.runtime.waitlist.entries.read(entry.entry_id)
    assert found.offer is not None
    async with crowd.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE offers SET expires_at = clock_timestamp() WHERE offer_id = $1",
            found.offer.offer_id,
        )
    await crowd.runtime.waitlist.offers.lapse()
    await page.goto(url)
    await expect(page.locator("#notice")).to_contain_text("The time to accept ran out")


async def test_a_withdrawn_offer_and_a_dismissed_waitlist_are_announced(
    sell_out: SellOut, come: Come
) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await page.click("#invite-go")
    await page.get_by_role("checkbox", name="Front").check()
    await page.fill("#wait-most", "50")
    await page.click("#wait-send")
    await expect(page.locator("#line")).to_be_visible()
    await crowd.give_back(4)
    await offered(page)
    # Now too expensive to be offered to the same person again.
    await crowd.house.runtime.events.publishing.reprice(
        crowd.event_id, {"Front": 6000}, reason="demand", actor=ORGANISER
    )
    offer = (await crowd.until(page, EntryStatus.OFFERED)).offer
    assert offer is not None
    await crowd.runtime.waitlist.offers.withdraw(
        offer.offer_id, reason="A mistake", actor=ORGANISER
    )
    await expect(page.locator("#notice")).to_contain_text("withdrew the offer")
    await expect(page.locator("#offer")).to_be_hidden()
    await expect(page.locator("#title-line")).to_have_text("You are next of 1")
    await crowd.runtime.waitlist.admin.dismiss(
        crowd.event_id, reason="All is sold", actor=ORGANISER
    )
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.locator("#notice")).to_contain_text("ended the waitlist")
    await expect(page.locator("#line")).to_be_hidden()


async def test_two_windows_of_one_person_show_the_same_offer(sell_out: SellOut, come: Come) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await join(page)
    other = await page.context.new_page()
    await other.goto(page.url)
    await expect(other.locator("#line")).to_be_visible()
    await crowd.give_back(4)
    await offered(page)
    await offered(other)
    await other.click("#accept")
    await expect(other.locator("#step-held")).to_be_visible()
    await expect(page.locator("#step-held")).to_be_visible()
    await expect(page.locator("#held li")).to_have_count(2)
    await other.click("#release")
    await expect(page.locator("#notice")).to_contain_text("You gave these seats back")


async def test_an_offer_declined_in_another_window_disappears(
    sell_out: SellOut, come: Come
) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await join(page)
    await crowd.give_back(4)
    await offered(page)
    other = await page.context.new_page()
    await other.goto(page.url)
    await offered(other)
    await other.click("#decline")
    await other.locator("dialog[open]").get_by_role("button", name="Decline").click()
    await expect(page.locator("#notice")).to_contain_text("You declined the offer")
    await expect(page.locator("#offer")).to_be_hidden()


async def test_an_accepted_offer_whose_answer_was_lost_is_found_again(
    sell_out: SellOut, come: Come
) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await join(page)
    await crowd.give_back(4)
    await offered(page)
    accepted = asyncio.Event()

    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        accepted.set()

    await page.route("**/accept", lose_the_answer)
    await page.click("#accept")
    await accepted.wait()
    await page.reload()
    await expect(page.locator("#held li")).to_have_count(2)


async def test_an_offer_can_be_accepted_while_other_seats_are_held(
    sell_out: SellOut, come: Come
) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await join(page, "Front")
    await crowd.give_back(24)
    await expect(page.locator("#live")).to_have_text("Live")
    await page.wait_for_function("() => document.getElementById('map').seats[24] === 0")
    await page.evaluate("document.getElementById('map').choose([24])")
    await page.click("#hold")
    await expect(page.locator("#step-held")).to_be_visible()
    await crowd.give_back(4)
    await offered(page)
    await page.click("#accept")
    await page.get_by_role("button", name="Take these").click()
    await expect(page.locator("#held .place").first).to_contain_text("row R1, seat 5")
    await page.wait_for_function("() => document.getElementById('map').seats[24] === 0")
    assert (await crowd.house.states())[4:6] == "11"


@pytest.mark.parametrize("minutes", [-10, 10], ids=["slow", "fast"])
async def test_a_wrong_clock_does_not_change_the_time_left(
    sell_out: SellOut, come: Come, minutes: int
) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await page.add_init_script(
        f"const now = Date.now; Date.now = () => now() + {minutes * 60_000};"
    )
    await page.reload()
    await join(page)
    await crowd.give_back(4)
    await offered(page)
    await expect(page.locator("#offer-left")).to_have_text(_FIFTEEN)


async def test_the_keyboard_alone_joins_and_accepts(sell_out: SellOut, come: Come) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    keys = page.keyboard

    async def tab_to(id_: str) -> None:
        for _ in range(60):
            await keys.press("Tab")
            if (
                await page.evaluate("document.getElementById('map').shadowRoot?.activeElement?.id")
                == id_
            ):
                return
        pytest.fail(f"the keyboard does not get to #{id_}")

    await tab_to("invite-go")
    await keys.press("Enter")
    await expect(page.locator("#title-wait")).to_be_focused()
    await tab_to("wait-email")
    await keys.type("ada@example.com")
    await keys.press("Tab")
    await keys.type("Ada")
    await keys.press("Enter")
    await expect(page.locator("#title-line")).to_be_focused()
    await crowd.give_back(4)
    await offered(page)
    await tab_to("decline")
    await keys.press("Enter")
    await keys.press("Escape")
    await expect(page.locator("#decline")).to_be_focused()
    await keys.press("Shift+Tab")
    await keys.press("Enter")
    await expect(page.locator("#title-held")).to_be_focused()
    # Name and address are known from joining.
    await tab_to("pay-button")
    await keys.press("Enter")
    assert len(await Visitor(page).ticket_labels()) == 2


async def test_an_offer_is_in_reach_on_a_phone(sell_out: SellOut, come: Come) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id, **_PHONE)
    await join(page)
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await crowd.give_back(4)
    pin = page.get_by_role("button", name="Seats for you")
    await expect(pin).to_be_in_viewport(ratio=1)
    await expect(pin).to_contain_text(re.compile(r"14:\d\d|15:00"))
    await pin.click()
    await expect(page.locator("#title-offer")).to_be_in_viewport()
    await expect(page.locator("#accept")).to_be_in_viewport()
    width: int = await page.evaluate("document.documentElement.scrollWidth")
    assert width == 390
    await page.click("#accept")
    await expect(page.locator("#step-held")).to_be_visible()


async def test_a_mailed_page_opened_in_an_unknown_browser_points_to_the_mailed_link(
    sell_out: SellOut, come: Come
) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id, "#waitlist")
    await expect(page.locator("#notice")).to_contain_text("the link in your mail opens it")
    known = await come(crowd.event_id)
    await join(known)
    await known.goto("about:blank")
    await known.goto(page.url)
    await expect(known.locator("#line")).to_be_visible()
    await expect(known.locator("#notice")).to_be_empty()


async def test_the_waitlist_recovers_after_being_offline(sell_out: SellOut, come: Come) -> None:
    crowd = await sell_out()
    page = await come(crowd.event_id)
    await join(page)
    await page.context.set_offline(True)
    await expect(page.locator("#live")).to_have_text("Offline")
    await crowd.give_back(4)
    await crowd.until(page, EntryStatus.OFFERED)
    await page.context.set_offline(False)
    await offered(page)
    await page.context.set_offline(True)
    await page.click("#accept")
    await expect(page.locator("#notice")).to_contain_text("You are offline")
    await page.context.set_offline(False)
    await expect(page.locator("#live")).to_have_text("Live")
    await page.click("#accept")
    await expect(page.locator("#held li")).to_have_count(2)


async def test_a_host_page_can_run_the_whole_waitlist(
    branch: Branch, open_page: OpenPage, sell_out: SellOut
) -> None:
    crowd = await sell_out(layout=small_house())
    body = (
        f'<script type="module" src="{branch.api_url}/web/seat-map.js"></script>'
        f'<seat-map id="map" event="{crowd.event_id}" panel="none"></seat-map>'
    )
    page = await open_page()
    await page.goto(branch.put_up("waits", body))
    await settled(page)
    await page.evaluate(
        """() => { window.told = []; map.addEventListener("offer", ({ detail }) => window.told.push(
        [detail.change, detail.offer.status])); }"""
    )
    wanted = {
        "quantity": 2,
        "together": True,
        "categories": ["Front"],
        "sections": [],
        "max_price": 6000,
    }
    entry = await page.evaluate("(wanted) => map.joinWaitlist(wanted)", wanted)
    assert (entry["status"], entry["rank"]) == ("waiting", 1)
    await page.evaluate("document.getElementById('map').clear()")
    await crowd.give_back(4)
    await page.wait_for_function("() => window.told.length === 1")
    refusal = "map.joinWaitlist({ quantity: 0 }).catch((error) => error.code)"
    assert await page.evaluate(refusal) == "invalid-request"
    assert (await page.evaluate("map.acceptOffer()"))["entry_id"] == entry["entry_id"]
    hold = await page.evaluate("document.getElementById('map').currentHold")
    assert [seat["seat_no"] for seat in hold["seats"]] == [4, 5]
    # Both the live connection and the answer report it; the later one is awaited.
    await page.wait_for_function("() => window.told.length > 1")
    assert await page.evaluate("window.told") == [["made", "open"], ["ended", "used"]]
    offer = (await crowd.entry(page)).offer
    assert offer is not None
    assert offer.status == OfferStatus.USED
