"""People buy tickets on the page, in a real browser, against the real product."""

import asyncio
import json
import re
import time

import pytest
from playwright.async_api import Route, WebSocketRoute, expect

from engine.base.actor import ORGANISER
from engine.base.model import new_id
from engine.live.messages import Change, NoticeMessage, encode
from tests.conftest import House, MakeHouse, Stack
from tests.support.pages import Branch, OpenPage, Visit, Visitor, settled

pytestmark = pytest.mark.browser


async def test_a_buyer_gets_from_the_list_to_printed_tickets(
    stack: Stack, open_page: OpenPage, make_house: MakeHouse
) -> None:
    house = await make_house(name="The Winter's Tale")
    page = await open_page()
    await page.goto(stack.api_url)
    # By its name, as the list shows only the first twenty, and other tests have events too.
    await page.fill("[name=q]", "winter's tale")
    await page.click(f".event h2 a[href='/events/{house.event_id}']")
    await page.wait_for_selector("#live[data-status=live]")
    await expect(page.locator("#event-name")).to_have_text("The Winter's Tale")

    for seat_no in (12, 13):
        point = await page.evaluate("n => document.getElementById('map').clientPoint(n)", seat_no)
        await page.mouse.click(point["x"], point["y"])
    await page.click("#area-0-more")
    await expect(page.locator("#choose-total")).to_have_text("€130")
    await page.click("#hold")
    await expect(page.locator("#clock-left")).to_have_text(re.compile(r"^(5:00|4:\d\d)$"))
    assert (await house.states())[12:14] == "11"

    await page.click("#pay-button")
    await expect(page.locator("#name-error")).to_have_text("Who are the tickets for?")
    await page.fill("#name", "Ada Lovelace")
    await page.fill("#email", "ada@example.com")
    await page.click("#pay-button")

    await expect(page.locator(".ticket h3")).to_have_text(
        ["Stalls, row R2, seat 3", "Stalls, row R2, seat 4", "Floor"]
    )
    # Fails if one of them cannot be drawn.
    drawn = await page.locator(".ticket img").evaluate_all(
        "images => Promise.all(images.map(async (i) => (await i.decode(), i.naturalWidth > 0)))"
    )
    assert drawn == [True] * 3
    codes = await page.locator(".ticket .code").all_inner_texts()
    assert len(set(codes)) == 3
    assert (await house.states())[12:14] == "22"
    assert await house.floor_free() == 5

    await page.emulate_media(media="print")
    await expect(page.locator("#print, #calendar").locator("visible=true")).to_have_count(0)
    await expect(page.locator(".ticket").first).to_be_visible()
    await page.emulate_media(media="screen")
    await page.reload()
    await expect(page.locator(".ticket")).to_have_count(3)


async def test_a_declined_card_keeps_the_seats_for_another_card(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await ada.hold(3)
    # Long enough for the payment to give the hold more time than it had.
    await expect(ada.page.locator("#clock-left")).to_have_text(re.compile("4:(5[0-7]|[0-4])"))
    await ada.pay("tok_declined")
    assert "still held" in await ada.notice("Nothing was charged")
    await ada.pay("tok_insufficient_funds")
    await ada.notice("Nothing was charged")
    await ada.pay("tok_visa")
    assert await ada.ticket_labels() == ["Stalls, row R1, seat 4"]


@pytest.mark.parametrize("approve", [True, False], ids=["approved", "refused"])
async def test_a_payment_is_approved_or_denied_on_the_banks_page(
    visit: Visit, make_house: MakeHouse, approve: bool
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await ada.hold(3)
    await ada.pay("tok_3ds")
    await ada.page.click("#pending-link")
    await ada.page.click(f"button[value={'true' if approve else 'false'}]")
    if approve:
        assert await ada.ticket_labels() == ["Stalls, row R1, seat 4"]
    else:
        await ada.notice("try another card")
        await ada.pay("tok_visa")
        assert await ada.ticket_labels() == ["Stalls, row R1, seat 4"]


async def test_the_way_back_to_the_tickets_and_what_is_on_them(visit: Visit, house: House) -> None:
    ada = await visit(house.event_id)
    await ada.hold(3, 4)
    await expect(ada.page.locator("#pay-total")).to_have_text("€100")
    await ada.pay("tok_visa")
    ticket = ada.page.locator(".ticket .words").first
    await expect(ticket).to_contain_text(re.compile(r"Ada Lovelace · €50 · Booking \w{10}"))
    address = await ada.page.locator("#calendar").get_attribute("href")
    assert address is not None
    file = await ada.page.request.get(address)
    assert house.event_id in await file.text()
    assert file.headers["content-type"].startswith("text/calendar")
    await ada.page.click("#again")
    await ada.page.click("#own-tickets")
    await expect(ada.page.locator(".ticket")).to_have_count(2)


async def test_nobody_has_to_wait_for_the_bank(visit: Visit, house: House) -> None:
    ada = await visit(house.event_id)
    await ada.hold(3)
    await ada.pay("tok_3ds")
    left = re.compile(r"^\d+:\d\d left to confirm; then the seats go back on sale\.$")
    await expect(ada.page.locator("#pending-time")).to_have_text(left)
    await ada.page.get_by_role("button", name="Another card").click()
    await ada.notice("try another card")
    await expect(ada.page.locator("#title-held")).to_be_visible()
    await ada.pay("tok_3ds")
    await ada.page.locator("#pending-cancel").click()
    await ada.notice("nothing was charged, and the seats are back on sale")
    await ada.until_seat(3, 0)
    assert (await house.states())[3] == "0"


async def test_a_payment_without_an_answer_is_resumed_after_a_reload(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await ada.hold(3)
    await ada.pay("tok_timeout")
    await ada.page.wait_for_selector("#step-pending:not([hidden])")
    await ada.page.reload()
    assert await ada.ticket_labels() == ["Stalls, row R1, seat 4"]


async def test_of_two_people_who_hold_one_seat_one_gets_it(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house()
    people = await asyncio.gather(visit(house.event_id), visit(house.event_id))
    for person in people:
        await person.tap_seat(7, 8)
    # The slower person may have lost the seats, and with them the button, before the click.
    await asyncio.gather(
        *(person.page.locator("#hold").evaluate("button => button.click()") for person in people)
    )

    settled = "#step-held:not([hidden]), #notice.bad"
    await asyncio.gather(*(person.page.wait_for_selector(settled) for person in people))
    held = [await person.page.is_visible("#step-held") for person in people]
    assert sorted(held) == [False, True]
    loser = people[held.index(False)]
    assert "row R1, seats 8 and 9 were just taken by someone else" in await loser.notice("taken")

    for person in people:
        await person.until_seat(7, 1)
        await person.until_seat(8, 1)
    assert len({await person.map_digits() for person in people} | {await house.states()}) == 1


async def test_a_chosen_seat_taken_by_another_is_announced(
    visit: Visit, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await ada.tap_seat(7, 20)
    await house.hold(buyer, 7)
    assert "Stalls, row R1, seat 8 was just taken" in await ada.notice("taken")
    await expect(ada.page.locator("#chosen li")).to_have_count(1)


async def test_a_reload_restores_the_hold(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await ada.hold(30, 31)
    await ada.page.reload()
    await expect(ada.page.locator("#held .place")).to_have_count(2)
    await ada.page.click("#extend")
    await ada.page.click("#release")
    await expect(ada.page.locator("#chosen li")).to_have_count(2)
    await ada.until_seat(30, 0)
    assert "1" not in await house.states()


async def test_an_expired_hold_is_announced(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house(hold_ttl_s=2)
    ada = await visit(house.event_id)
    # Counted by the page, because a hold may be over before the test looks.
    await ada.page.evaluate(
        """() => { window.holds = 0;
        document.addEventListener("hold", () => window.holds++); }"""
    )
    await ada.tap_seat(9)
    for held in (1, 2):
        await ada.page.click("#hold")
        await ada.page.wait_for_function("n => window.holds === n", arg=held)
        await ada.notice("Your time ran out")


async def test_the_keyboard_alone_books(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    page = ada.page
    await page.focus("#list summary")
    await page.keyboard.press("Enter")
    await page.focus(".seat-buttons button")
    await page.keyboard.press("Space")
    await expect(page.locator("#spoken")).to_have_text("Stalls, row R1, seat 1 chosen, €50.")
    await page.focus("#hold")
    await page.keyboard.press("Enter")
    await expect(page.locator("#title-held")).to_be_focused()
    await page.focus("#name")
    await page.keyboard.type("Ada")
    await page.keyboard.press("Tab")
    await page.keyboard.type("ada@example.com")
    await page.keyboard.press("Enter")
    assert await ada.ticket_labels() == ["Stalls, row R1, seat 1"]


async def test_the_page_says_that_it_is_offline_and_catches_up_later(
    visit: Visit, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await ada.page.context.set_offline(True)
    await expect(ada.page.locator("#live")).to_have_text("Offline")
    await expect(ada.page.locator("#stale")).to_contain_text("The map shows how it was at")
    await ada.tap_seat(30)
    await ada.page.click("#hold")
    await ada.notice("You are offline. Your choice is kept")
    await house.hold(buyer, 5)
    await ada.page.context.set_offline(False)
    await expect(ada.page.locator("#live")).to_have_text("Live")
    await ada.until_seat(5, 1)
    assert await ada.map_digits() == await house.states()


async def test_a_buyer_can_book_on_a_phone(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    phone = {"width": 390, "height": 844}
    ada = await visit(house.event_id, viewport=phone, has_touch=True, is_mobile=True)
    point = await ada.page.evaluate("document.getElementById('map').clientPoint(14)")
    if point["radius"] < 8:
        # The first tap zooms in, the second chooses.
        await ada.page.touchscreen.tap(point["x"], point["y"])
        await ada.page.wait_for_function(
            "() => document.getElementById('map').clientPoint(14).radius >= 8"
        )
        await settled(ada.page)
        point = await ada.page.evaluate("document.getElementById('map').clientPoint(14)")
    await ada.page.touchscreen.tap(point["x"], point["y"])
    await expect(ada.page.locator("#chosen .place")).to_contain_text("Stalls, row R2, seat 5")
    width: int = await ada.page.evaluate("document.documentElement.scrollWidth")
    assert width == 390


async def test_an_unknown_event_and_a_failing_server_are_explained(
    stack: Stack, open_page: OpenPage, house: House
) -> None:
    page = await open_page()
    await page.goto(f"{stack.api_url}/events/01920000-0000-7000-8000-00000000dead")
    await expect(page.locator("#message")).to_contain_text("There is no such event")

    async def refuse(route: Route) -> None:
        await route.fulfill(status=404, json={})

    await page.route("**/v1/events?*", refuse)
    await page.goto(stack.api_url)
    await expect(page.get_by_role("alert")).to_contain_text("The programme did not load")
    await page.unroute("**/v1/events?*")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".event h2").first).to_be_visible()


async def test_a_lost_seat_is_replaced_with_one_tap(
    visit: Visit, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await ada.tap_seat(13, 14)
    await house.hold(buyer, 13, 14)
    await expect(ada.page.locator("#instead-text")).to_contain_text("are free, €100.")
    await ada.page.click("#take")
    await expect(ada.page.locator("#instead")).to_be_hidden()
    await ada.page.click("#hold")
    await ada.page.wait_for_selector("#step-held:not([hidden])")
    assert (await house.states()).count("1") == 4


async def test_a_risen_price_is_announced_before_holding(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await ada.tap_seat(3, 4)

    async def reprice(amount: int) -> None:
        await house.runtime.events.publishing.reprice(
            house.event_id, {"Front": amount}, reason="demand", actor=ORGANISER
        )

    await reprice(6000)
    said = await ada.notice("The price went up")
    assert said == ("The price went up: Front now €60 instead of €50. Your choice comes to €120.")

    async def rise_meanwhile(route: Route) -> None:
        await reprice(7000)
        await route.continue_()

    # At the moment of holding: nothing is held at a price that was not shown.
    await ada.page.route("**/holds", rise_meanwhile)
    await ada.page.click("#hold")
    await ada.notice("€140 instead of €120, so nothing is held yet")
    await expect(ada.page.locator("#choose-total")).to_have_text("€140")
    assert "1" not in await house.states()
    await ada.page.unroute("**/holds")
    await ada.page.click("#hold")
    await expect(ada.page.locator("#pay-button")).to_have_text("Pay €140")


async def test_a_reload_keeps_the_chosen_seats(visit: Visit, make_house: MakeHouse) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await ada.tap_seat(12, 13)
    await ada.page.click("#area-0-more")
    await expect(ada.page.locator("#choose-count")).to_have_text("3 places")
    await ada.page.reload()
    await expect(ada.page.locator("#choose-count")).to_have_text("3 places")
    await expect(ada.page.locator("#chosen li")).to_have_count(2)


async def test_a_reload_during_the_request_for_a_hold_restores_the_hold(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    held = asyncio.Event()

    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        held.set()

    await ada.page.route("**/holds", lose_the_answer)
    await ada.tap_seat(12)
    await ada.page.click("#hold")
    await held.wait()
    await ada.page.reload()
    await expect(ada.page.locator("#held .place")).to_have_count(1)


async def test_a_reload_during_the_payment_cannot_pay_twice(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    keys: list[str] = []

    async def lose_the_question(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        await route.abort()

    async def lose_the_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        await route.fetch()
        await ada.page.reload()

    await ada.hold(12)
    await ada.page.route("**/v1/bookings", lose_the_question)
    await ada.pay("tok_visa")
    await ada.notice("We cannot reach the box office")
    await ada.page.reload()
    await expect(ada.page.locator("#name")).to_have_value("Ada Lovelace")
    await ada.page.unroute("**/v1/bookings")
    await ada.page.route("**/v1/bookings", lose_the_answer)
    await ada.page.click("#pay-button")
    assert await ada.ticket_labels() == ["Stalls, row R2, seat 3"]
    assert len(keys) > 1
    assert len(set(keys)) == 1


async def test_another_window_of_the_same_person_is_kept_in_step(
    visit: Visit, make_house: MakeHouse
) -> None:
    house = await make_house()
    ada = await visit(house.event_id)
    await ada.hold(12)
    other = Visitor(await ada.page.context.new_page())
    await other.page.goto(ada.page.url)
    await other.page.wait_for_selector("#step-held:not([hidden])")
    await expect(ada.page.locator("#clock-left")).to_have_text(re.compile("4:(5[0-7]|[0-4])"))
    await other.page.click("#extend")
    await ada.notice("you asked for it in another window")
    await other.page.click("#release")
    await ada.notice("You gave these seats back")
    await expect(ada.page.locator("#chosen li")).to_have_count(1)

    await ada.page.click("#hold")
    await ada.page.wait_for_selector("#step-held:not([hidden])")
    await other.page.reload()
    await other.page.wait_for_selector("#step-held:not([hidden])")
    await other.pay("tok_visa")
    assert await ada.ticket_labels() == ["Stalls, row R2, seat 3"]


async def test_the_page_survives_the_loss_of_its_gateway(
    branch: Branch, visit: Visit, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    ada = await visit(house.event_id, f"{branch.api_url}/events/{house.event_id}")
    await ada.tap_seat(3, 4)
    branch.kill("live")
    await expect(ada.page.locator("#live")).to_have_text("Reconnecting")
    # Without the gateway the page polls the map, and buying goes on.
    await house.hold(buyer, 4, 5)
    await ada.until_seat(5, 1)
    await ada.notice("seat 5 was just taken")
    await ada.page.click("#hold")
    await ada.page.wait_for_selector("#step-held:not([hidden])")
    await branch.start("live")
    # The longer the gateway was away, the longer the page waits between attempts, except when the browser
    # reports that the network is back.
    await ada.page.evaluate("dispatchEvent(new Event('online'))")
    await expect(ada.page.locator("#live")).to_have_text("Live", timeout=60_000)
    await house.hold(buyer, 20)
    await ada.until_seat(20, 1)
    assert await ada.map_digits() == await house.states()


async def test_the_page_reconnects_when_the_closing_gateway_asked(
    stack: Stack, open_page: OpenPage, make_house: MakeHouse
) -> None:
    house = await make_house()
    page = await open_page()
    sockets: list[tuple[float, WebSocketRoute]] = []

    def relay(socket: WebSocketRoute) -> None:
        sockets.append((time.monotonic(), socket))
        socket.connect_to_server()

    await page.route_web_socket(re.compile("/v1/live/"), relay)
    await page.add_init_script(
        """window.statuses = [];
        document.addEventListener("livechange", (e) => window.statuses.push(e.detail.status));"""
    )
    await page.goto(f"{stack.api_url}/events/{house.event_id}")
    await settled(page)
    notice = {"type": "notice", "code": "going-away", "reconnect_in_ms": 2500}
    began = time.monotonic()
    sockets[0][1].send(b"\x03" + bytes(7) + json.dumps(notice).encode())
    await sockets[0][1].close(code=1001)
    await page.wait_for_function("() => window.statuses.join() === 'live,reconnecting,live'")
    # Without the notice the page would have reconnected within 0.4 seconds.
    assert sockets[1][0] - began > 2.4
    await expect(page.locator("#notice")).to_be_empty()


async def test_an_edit_of_the_event_is_announced_on_its_open_page(
    stack: Stack, open_page: OpenPage, make_house: MakeHouse
) -> None:
    house = await make_house()
    page = await open_page()
    sockets: list[WebSocketRoute] = []

    def relay(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    await page.route_web_socket(re.compile("/v1/live/"), relay)
    await page.goto(f"{stack.api_url}/events/{house.event_id}")
    await settled(page)
    elsewhere, here = Change("name", "A", "B"), Change("starts_at", "A", "B")
    for event_id, change in ((new_id(), elsewhere), (house.event_id, here)):
        notice = NoticeMessage("event-changed", event_id=event_id, changes=[change])
        sockets[0].send(b"\x03" + bytes(7) + encode(notice))
    said = "The organiser has changed the time. Reload the page to see it."
    await expect(page.locator("#notice")).to_contain_text(said)


async def test_the_page_works_with_a_gateway_that_refuses_tickets(
    stack: Stack, open_page: OpenPage, make_house: MakeHouse
) -> None:
    house = await make_house()
    page = await open_page()
    asked: list[str] = []
    twice = asyncio.Event()

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        async def refuse(message: str | bytes) -> None:
            if isinstance(message, str) and "authenticate" in message:
                asked.append(message)
                if len(asked) == 2:
                    twice.set()
                await socket.close(code=4400)
            else:
                server.send(message)

        socket.on_message(refuse)

    await page.route_web_socket(re.compile("/v1/live/"), relay)
    await page.goto(f"{stack.api_url}/events/{house.event_id}")
    await settled(page)
    ada = Visitor(page)
    await ada.hold(12)
    await asyncio.wait_for(twice.wait(), 60)
    await page.wait_for_selector("#live[data-status=live]")
    await ada.pay("tok_visa")
    assert await ada.ticket_labels() == ["Stalls, row R2, seat 3"]
    assert len(asked) == 2


async def test_the_page_polls_if_no_live_connection_can_be_opened(
    stack: Stack, open_page: OpenPage, make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house()
    page = await open_page()
    # As on an https page whose gateway has only a ws: address.
    await page.add_init_script(
        "window.WebSocket = class { constructor() { throw new DOMException('', 'SecurityError'); } }"
    )
    await page.goto(f"{stack.api_url}/events/{house.event_id}")
    await expect(page.locator("#live")).to_have_text("Every few seconds")
    await house.hold(buyer, 20)
    ada = Visitor(page)
    await ada.until_seat(20, 1)
    await ada.hold(12)
    await ada.pay("tok_visa")
    assert await ada.ticket_labels() == ["Stalls, row R2, seat 3"]
