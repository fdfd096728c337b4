"""Templates that exceed their limits: they are stopped, and nothing waits for them."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.base.errors import Unavailable
from engine.notifications.model import Texts, Written
from engine.notifications.rendering_pool import Piece, PieceBroken, Renderers, TooCostly

pytestmark = pytest.mark.integration

LAYOUT = Texts(html="{% block content %}{% endblock %}", text="")
ENDLESS = (
    "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}"
    "{% endfor %}{% endfor %}{% endfor %}"
)


@pytest_asyncio.fixture
async def renderers() -> AsyncIterator[Renderers]:
    opened = Renderers(waiting_max=2)
    yield opened
    await opened.close()


async def write(renderers: Renderers, html: str, *, cpu_s: float = 2.0, **facts: object) -> Written:
    texts = Texts(subject="S", html=html, text="T")
    return await renderers.render(LAYOUT, [Piece(texts, [facts])], cpu_s=cpu_s)


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        (ENDLESS, "more than 0.3 s"),
        ("{{ '%s'|format('a'|center(9999999))|wordwrap(1) }}", "more than 0.3 s"),
        ("{{ 'x'|center(300000000) }}", "memory"),
        ("{{ '%500000000d'|format(1) }}", "memory"),
        (
            "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}"
            "{% endfor %}",
            "memory",
        ),
    ],
)
async def test_a_too_expensive_template_is_stopped_and_the_next_is_rendered(
    renderers: Renderers, attack: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its CPU time ends it; on a busy machine it may get no processor for seconds.
    monkeypatch.setattr("engine.notifications.rendering_pool._CLOCK_FACTOR", 200)
    with pytest.raises(TooCostly, match=why):
        await write(renderers, attack, cpu_s=0.3)
    assert (await write(renderers, "{{ a }}", a="<b>")).html == "&lt;b&gt;"


async def test_a_broken_template_breaks_no_child(renderers: Renderers) -> None:
    for attack in (
        "{{ x.__class__ }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ 'é'|center(2000000) }}",
    ):
        with pytest.raises(PieceBroken) as broken:
            await write(renderers, attack, x="")
        assert len(str(broken.value)) < 400
        [child] = renderers._idle
        assert child.is_alive


async def test_a_child_has_no_secrets_and_survives_an_incomplete_character(
    renderers: Renderers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTROW_TOKEN_SECRET", "s3cret" * 6)
    assert (await write(renderers, "{{ '\\ud800' }}")).html == "?"
    [child] = renderers._idle
    with open(f"/proc/{child._process.pid}/environ", "rb") as environ:
        assert b"FRONTROW" not in environ.read()


async def test_a_killed_child_is_replaced(renderers: Renderers) -> None:
    await write(renderers, "a")
    [child] = renderers._idle
    os.kill(child._process.pid, 9)
    assert (await write(renderers, "b")).html == "b"


async def test_jobs_and_their_queue_are_bounded_and_cancellable(
    renderers: Renderers,
) -> None:
    # Two are running and two are queued: one more is refused.
    jobs = [asyncio.create_task(write(renderers, ENDLESS, cpu_s=60.0)) for _ in range(4)]
    while renderers._waiting < 2:
        await asyncio.sleep(0.01)
    with pytest.raises(Unavailable):
        await write(renderers, "a")
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    assert (await write(renderers, "a")).html == "a"
