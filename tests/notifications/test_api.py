"""Mails over HTTP: templates, the delivery log, the link that switches mails off, /dev/mail."""

import asyncio
import re
from collections.abc import AsyncIterator
from email import message_from_string, policy
from typing import Any

import httpx
import pytest

from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.signing import dev_mail_key
from tests.conftest import ORGANISER_KEY, House, Stack
from tests.support.http import ORGANISER, Buyer, problem_of

pytestmark = pytest.mark.contract

TEXTS = {
    "subject": "Bienvenue, {{ person.name }}",
    "html": '{% extends "layout" %}{% block content %}<p>{{ person.email }}</p>{% endblock %}',
    "text": "Bonjour",
}


@pytest.fixture
async def organiser(http: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=http.base_url, headers=ORGANISER, timeout=60) as client:
        yield client


def in_language(kind: str = "welcome") -> str:
    """A template that no other test knows: languages are any two letters."""
    letters = new_id().replace("-", "")[-2:]
    return f"/v1/mail-templates/{kind}/" + "".join(chr(ord("q") + int(c, 16) % 8) for c in letters)


async def mail_to(organiser: httpx.AsyncClient, email: str, kind: str) -> dict[str, Any]:
    """The mail of this kind to this address, once it was sent."""
    async with asyncio.timeout(60):
        while True:
            wanted = {"email": email, "kind": kind}
            found = (await organiser.get("/v1/mails", params=wanted)).json()["items"]
            if found and found[0]["status"] == "sent":
                mail: dict[str, Any] = found[0]
                return mail
            await asyncio.sleep(0.05)


async def book(ada: Buyer, house: House, email: str) -> dict[str, Any]:
    hold = (await ada.hold(house.event_id, 1)).json()
    body = {
        "hold_id": hold["hold_id"],
        "buyer": {"email": email, "name": "Zoë <b>"},
        "payment": {"provider": "sandbox", "token": "tok_visa"},
    }
    headers = ada.auth | {"Idempotency-Key": new_id()}
    booking: dict[str, Any] = (
        await ada.http.post("/v1/bookings", json=body, headers=headers)
    ).json()
    assert booking["status"] == "confirmed"
    return booking


async def test_a_template_goes_from_draft_to_rollback(organiser: httpx.AsyncClient) -> None:
    path = in_language()
    problem_of(await organiser.get(path), 404, "template-not-found")
    preview = (await organiser.post(path + "/preview", json=TEXTS)).json()
    assert preview["subject"] == "Bienvenue, Ada Lovelace"
    assert "<p>ada@example.com</p>" in preview["html"]
    assert preview["text"] == "Bonjour\n"
    first = await organiser.post(path, json={**TEXTS, "note": "one", "activate": True})
    assert first.status_code == 201
    assert first.headers["location"] == path + "/1"
    assert (await organiser.get(path + "/1")).json() == first.json()
    await organiser.post(path, json={**TEXTS, "subject": "Two"})
    versions = (await organiser.get(path)).json()["items"]
    assert [(v["version"], v["source"]) for v in versions] == [(2, "organiser"), (1, "organiser")]
    assert await in_force(organiser, path) == 1
    assert (await organiser.post(path + "/activate", json={"version": 2})).json()["version"] == 2
    assert (await organiser.post(path + "/rollback")).json()["version"] == 1
    assert await in_force(organiser, path) == 1
    problem_of(await organiser.post(path + "/rollback"), 409, "nothing-to-roll-back")
    problem_of(
        await organiser.post(path + "/activate", json={"version": 3}), 404, "template-not-found"
    )


async def in_force(organiser: httpx.AsyncClient, path: str) -> int:
    listed = (await organiser.get("/v1/mail-templates")).json()["items"]
    [version] = [x["version"] for x in listed if path.endswith(f"/{x['kind']}/{x['language']}")]
    return int(version)


async def test_a_broken_template_is_refused_with_the_place_of_the_error(
    organiser: httpx.AsyncClient,
) -> None:
    path = in_language("offer-made")
    for texts, place in (
        ({**TEXTS, "html": "<p>\n{% fi %}"}, {"key": "html", "line": 2}),
        ({**TEXTS, "subject": "{{ ofer.total }}"}, {"key": "subject"}),
        ({**TEXTS, "text": "{{ offer.totl }}"}, {"key": "text"}),
    ):
        for call in (path, path + "/preview"):
            problem = problem_of(await organiser.post(call, json=texts), 400, "template-broken")
            assert place.items() <= problem["errors"][0].items()
    problem_of(await organiser.get(path), 404, "template-not-found")
    for name in ("birthday/en", "welcome/english", "layout/en", "welcome/E1"):
        where = f"/v1/mail-templates/{name}"
        problem_of(await organiser.post(where, json=TEXTS), 404, "template-not-found")
    problem_of(await organiser.post(path, json={**TEXTS, "html": "a\x00"}), 400, "invalid-request")


async def test_an_endless_template_does_not_stop_other_requests(
    organiser: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    loop = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3
    path = in_language() + "/preview"
    attacks = [loop, "{{ 'x'|center(300000000) }}", "{{ '%500000000d'|format(1) }}"] * 2
    previews = [
        asyncio.create_task(organiser.post(path, json={**TEXTS, "html": html})) for html in attacks
    ]
    # While these requests run, all others are answered.
    assert (await http.get("/v1/events")).status_code == 200
    assert not all(preview.done() for preview in previews)
    for preview in previews:
        problem_of(await preview, 400, "template-too-costly")
    assert (await organiser.post(path, json=TEXTS)).status_code == 200


async def test_a_preview_shows_its_pictures(organiser: httpx.AsyncClient) -> None:
    texts = {"subject": "T", "html": '<img src="{{ tickets[0].picture }}">', "text": "T"}
    path = "/v1/mail-templates/booking-confirmed/en/preview"
    shown = (await organiser.post(path, json=texts)).json()
    assert shown["html"].startswith('<img src="data:image/png;base64,iVBOR')


async def test_only_the_organiser_may_use_templates_and_mails(
    http: httpx.AsyncClient, ada: Buyer
) -> None:
    for path in ("/v1/mail-templates", "/v1/mails", f"/v1/mails/{new_id()}"):
        problem_of(await http.get(path), 401, "not-authenticated")
        problem_of(await http.get(path, headers=ada.auth), 403, "not-allowed")


async def test_a_mail_can_be_found_and_its_log_read(
    organiser: httpx.AsyncClient, house: House, ada: Buyer
) -> None:
    email = f"{new_id()}@example.com"
    booking = await book(ada, house, email)
    mail = await mail_to(organiser, email, "booking-confirmed")
    assert mail["cause"] == booking["booking_id"]
    assert mail["event_id"] == house.event_id
    assert mail["log"] == []
    read = (await organiser.get(f"/v1/mails/{mail['mail_id']}")).json()
    assert [attempt["outcome"] for attempt in read["log"]] == ["accepted"]
    problem_of(await organiser.get(f"/v1/mails/{new_id()}"), 404, "mail-not-found")
    problem_of(
        await organiser.post(f"/v1/mails/{mail['mail_id']}/resend"), 409, "mail-not-resendable"
    )
    found = (await organiser.get("/v1/mails", params={"event_id": house.event_id})).json()
    assert [item["mail_id"] for item in found["items"]] == [mail["mail_id"]]
    page = (await organiser.get("/v1/mails", params={"limit": 1})).json()
    assert len(page["items"]) == 1
    if page["next_cursor"]:
        more = {"limit": 1, "cursor": page["next_cursor"]}
        behind = (await organiser.get("/v1/mails", params=more)).json()["items"]
        assert behind[0]["mail_id"] < page["items"][0]["mail_id"]


async def test_the_unsubscribe_link_switches_mails_off(
    http: httpx.AsyncClient, house: House, ada: Buyer
) -> None:
    me = (await http.get("/v1/me", headers=ada.auth)).json()
    url = house.runtime.notifications.unsubscribe.url(me["person_id"], "waitlist")
    path = "/mail/unsubscribe/" + url.rpartition("/")[2]
    asked = await http.get(path)
    assert asked.status_code == 200
    assert "Stop these mails?" in asked.text
    me = (await http.get("/v1/me", headers=ada.auth)).json()
    assert me["preferences"]["email"]["waitlist"] is True
    # RFC 8058: the mail program posts, without cookies, and follows nothing.
    body = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):
        done = await http.post(path, data=body)
        assert (done.status_code, "Done" in done.text) == (200, True)
    me = (await http.get("/v1/me", headers=ada.auth)).json()
    assert me["preferences"]["email"]["waitlist"] is False
    assert me["version"] == 2
    changed = path[:-1] + ("A" if path[-1] != "A" else "B")
    for wrong in (changed, path[:-5], "/mail/unsubscribe/%E2%82%AC"):
        for answer in (await http.get(wrong), await http.post(wrong)):
            assert answer.status_code == 404
            assert "not one of ours" in answer.text


async def test_kept_mails_are_shown_to_anyone_with_the_key(
    stack: Stack, settings: Settings, organiser: httpx.AsyncClient, house: House, ada: Buyer
) -> None:
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as http:
        await _read_kept_mail(http, dev_mail_key(settings), organiser, house, ada)


async def _read_kept_mail(
    http: httpx.AsyncClient, key: str, organiser: httpx.AsyncClient, house: House, ada: Buyer
) -> None:
    email = f"{new_id()}@example.com"
    booking = await book(ada, house, email)
    mail = await mail_to(organiser, email, "booking-confirmed")
    # The browser keeps the key for the pages behind the list.
    listed = await http.get("/dev/mail", params={"key": key})
    assert f'href="/dev/mail/{mail["mail_id"]}"' in listed.text
    assert f"Zoë &lt;b&gt; &lt;{email}&gt;" in listed.text
    shown = await http.get(f"/dev/mail/{mail['mail_id']}")
    assert booking["reference"] in shown.text
    assert email in shown.text
    assert shown.text.count('<img src="data:image/png') == 1
    assert 'sandbox="allow-popups' in shown.text
    framed = await http.get(f"/dev/mail/{mail['mail_id']}/html")
    policy = framed.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "cid:" not in framed.text
    assert "data:image/png" in framed.text
    source = await http.get(f"/dev/mail/{mail['mail_id']}/source")
    assert source.headers["content-type"].startswith("text/plain")
    assert re.search(rf"^To: [^\r]*\r\n <{email}>\r$", source.text, re.MULTILINE)
    assert (await http.get(f"/dev/mail/{new_id()}")).status_code == 404


async def test_kept_mails_are_refused_without_the_key(stack: Stack, settings: Settings) -> None:
    key = dev_mail_key(settings)
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as http:
        for path in ("/dev/mail", f"/dev/mail/{new_id()}", "/dev/mail?key=", "/dev/mail?key=x"):
            assert (await http.get(path)).status_code == 404
        for wrong in (key[:-1], ORGANISER_KEY):
            refused = await http.get("/dev/mail", headers={"Authorization": f"Bearer {wrong}"})
            assert refused.status_code == 404
        assert not http.cookies


async def test_programs_read_kept_mails_as_json(
    http: httpx.AsyncClient,
    settings: Settings,
    house: House,
    ada: Buyer,
    organiser: httpx.AsyncClient,
) -> None:
    email = f"{new_id()}@example.com"
    await book(ada, house, email)
    await mail_to(organiser, email, "booking-confirmed")
    answer = await http.get(
        "/dev/mail",
        headers={"Accept": "application/json", "Authorization": f"Bearer {dev_mail_key(settings)}"},
    )
    assert answer.headers["cache-control"] == "no-store"
    (mine,) = (mail for mail in answer.json()["items"] if mail["envelope_to"] == email)
    assert mine["kind"] == "booking-confirmed"
    parsed = message_from_string(mine["message"], policy=policy.default)
    assert str(parsed["Subject"]) == mine["subject"]
