"""An attack beside a school: ``python -m loadtest.hoarding``.

One network holds as many seats as it can, with a new token for each ten, asks for more time and releases
none. Five buyers elsewhere poll for four seats that it passes from token to token. A second network tests
cards. Beside them 500 buyers of one school hold two seats each, think, and pay. All over HTTP, against an
API of its own whose proxy names the networks.
"""

import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
import httpx

from engine.base.model import new_id
from loadtest.stack import running

_ATTACKER, _SCHOOL, _TESTER = "198.51.100.{}", "203.0.113.7", "192.0.2.9"
_PASSED = [0, 1, 2, 3]


class _Again(httpx.AsyncHTTPTransport):
    """Repeats a request that met a connection which the server was just closing."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except httpx.RemoteProtocolError:
            return await super().handle_async_request(request)


class _Town:
    """The event, and all clients that request its seats. Attackers have connections of their own."""

    def __init__(self, url: str, event_id: str, seats: int) -> None:
        limits = httpx.Limits(max_connections=40, keepalive_expiry=1.0)
        self.honest, self.hostile = (
            httpx.AsyncClient(base_url=url, timeout=120, transport=_Again(limits=limits))
            for _ in range(2)
        )
        self.event_id = event_id
        self.seats = seats
        self.counted: Counter[str] = Counter()
        self.over = asyncio.Event()

    def _http(self, address: str) -> httpx.AsyncClient:
        return self.honest if address == _SCHOOL else self.hostile

    async def token(self, address: str) -> dict[str, str]:
        headers = {"X-Forwarded-For": address}
        answer = await self._http(address).post("/v1/auth/guest", headers=headers)
        answer.raise_for_status()
        return headers | {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def hold(self, who: dict[str, str], seats: list[int]) -> httpx.Response:
        path = f"/v1/events/{self.event_id}/holds"
        http = self._http(who["X-Forwarded-For"])
        return await http.post(path, json={"seats": seats}, headers=who)

    async def pay(self, who: dict[str, str], hold_id: str, card: str) -> httpx.Response:
        body = {
            "hold_id": hold_id,
            "buyer": {"email": f"{hold_id}@example.com", "name": "Ada"},
            "payment": {"provider": "sandbox", "token": card},
        }
        headers = who | {"Idempotency-Key": new_id()}
        http = self._http(who["X-Forwarded-For"])
        return await http.post("/v1/bookings", json=body, headers=headers)


async def _hoard(town: _Town, first: int, last: int) -> None:
    """Ten seats for each token, from every address of one network."""
    for at in range(first, last, 10):
        if town.over.is_set():
            return
        who = await town.token(_ATTACKER.format(random.randrange(1, 255)))  # no secret
        answer = await town.hold(who, list(range(at, min(at + 10, last))))
        town.counted[f"hoarder {answer.status_code}"] += 1
        if answer.status_code == 201:
            hold_id = answer.json()["hold_id"]
            town.counted["places hoarded"] += len(answer.json()["seats"])
            longer = await town.hostile.post(f"/v1/holds/{hold_id}/extend", headers=who)
            town.counted[f"hoarder's extension {longer.status_code}"] += 1


async def _pass_on(town: _Town) -> None:
    """Pass the same four seats from token to token, 40 times."""
    who = await town.token(_ATTACKER.format(1))
    answer = await town.hold(who, _PASSED)
    for _ in range(40):
        if answer.status_code != 201:
            return
        await town.hostile.delete(f"/v1/holds/{answer.json()['hold_id']}", headers=who)
        who = await town.token(_ATTACKER.format(1))
        answer = await town.hold(who, _PASSED)
        town.counted["passed on"] += answer.status_code == 201
        await asyncio.sleep(0.05)


async def _poll(town: _Town, number: int) -> None:
    who = await town.token(f"10.{number}.0.1")
    while not town.over.is_set():
        answer = await town.hold(who, _PASSED)
        if answer.status_code == 201:
            town.counted["pollers got the seats"] += 1
            return
        await asyncio.sleep(0.1)


async def _try_cards(town: _Town, number: int) -> None:
    """New token, new seat, another card, as fast as possible."""
    seat = town.seats // 2 + 500 * number
    while not town.over.is_set():
        seat += 1
        who = await town.token(_TESTER)
        held = await town.hold(who, [seat])
        if held.status_code != 201:
            town.counted[f"tester's hold {held.status_code}"] += 1
            await asyncio.sleep(0.05)
            continue
        answer = await town.pay(who, held.json()["hold_id"], "tok_declined")
        town.counted[f"tester's card {answer.status_code}"] += 1


async def _learn(town: _Town, number: int, think_s: float) -> None:
    """One buyer of the school: choose, hold, think, pay."""
    who = await town.token(_SCHOOL)
    seats = [town.seats - 1 - 2 * number, town.seats - 2 - 2 * number]
    while True:
        held = await town.hold(who, seats)
        if held.status_code == 201:
            break
        town.counted[f"school's hold {held.status_code}"] += 1
        await asyncio.sleep(min(1.0, held.json().get("retry_after", 1)))
    await asyncio.sleep(think_s)
    answer = await town.pay(who, held.json()["hold_id"], "tok_visa")
    town.counted[f"school's payment {answer.status_code}"] += 1


async def _run(seats: int, buyers: int, think_s: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder)) as bench:
            event_id = await bench.event(seats, buyer_limit=10)
            town = _Town(f"http://127.0.0.1:{bench.api_port}", event_id, seats)
            async with town.honest, town.hostile:
                return await _attack(town, buyers, think_s)


async def _attack(town: _Town, buyers: int, think_s: float) -> dict[str, Any]:
    quarter = town.seats // 2 // 4
    started = time.perf_counter()
    passing = asyncio.create_task(_pass_on(town))
    await asyncio.sleep(0.5)
    attackers = [
        passing,
        *(asyncio.create_task(_poll(town, number)) for number in range(5)),
        *(asyncio.create_task(_hoard(town, 4 + n * quarter, (n + 1) * quarter)) for n in range(4)),
        *(asyncio.create_task(_try_cards(town, number)) for number in range(4)),
    ]
    await asyncio.gather(*(_learn(town, number, think_s) for number in range(buyers)))
    school_s = time.perf_counter() - started
    town.over.set()
    await asyncio.gather(*attackers)
    return {"school_s": round(school_s, 1), **dict(sorted(town.counted.items()))}


@click.command()
@click.option("--seats", default=15_190, show_default=True)
@click.option("--buyers", default=500, show_default=True)
@click.option("--think-s", default=2.0, show_default=True, help="Between holding and paying.")
def main(seats: int, buyers: int, think_s: float) -> None:
    """Print how many seats each group got."""
    click.echo(json.dumps(asyncio.run(_run(seats, buyers, think_s)), indent=2))


if __name__ == "__main__":
    main()
