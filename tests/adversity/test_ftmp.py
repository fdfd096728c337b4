import asyncio
import httpx
from engine.auditor import audit
from tests.adversity.buyers import Patron
from tests.adversity.site import Site
from tests.adversity.truth import true_map, check

async def test_it(site: Site, http: httpx.AsyncClient) -> None:
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    r = await patron._send("POST", f"/v1/events/{house.event_id}/holds", json={"seats":[1],"areas":{"0":2}})
    hold_id = r.json()["hold_id"]
    catch = await site.catch("api","begin_payment")
    booking = asyncio.create_task(patron.book(hold_id, token="tok_3ds"))
    await catch.wait()
    await site.runtime.redis.flushall()
    print("REBUILT", (await house.states())[:3], await house.floor_free())
    catch.deliver()
    a = await booking
    print("ANSWER", a.status_code)
    print("AFTER", (await house.states())[:3], await house.floor_free())
    await site.runtime.inventory.reconcile(house.event_id)
    print("RECONCILED", (await house.states())[:3], await house.floor_free(), await true_map(site, house.event_id))
    print("AUDIT", await audit(site.runtime, house.event_id))
    print("AUDITQ", await audit(site.runtime, house.event_id, quiet=True))
    print("HOLD", (await patron.read_hold(hold_id)).text)
    print("DECLINE", (await patron.approve(a.json()["booking_id"], approve=False)).text)
    print("THEN", (await house.states())[:3], await house.floor_free())
    print("BOOK", (await patron.book(hold_id)).text)
    await check(site, house.event_id)
