"""Group commit: which commands share a batch, which wait, and which result each gets when one fails."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from engine.base import deadline
from engine.base.batch import Batcher
from engine.base.bulkhead import Bulkhead
from engine.base.errors import Contended, OutcomeUnknown, Unavailable


class Server:
    """Takes batches one at a time and answers each when the test says so."""

    def __init__(self, answer: Callable[[str], str | Exception] = str.upper) -> None:
        self.batches: list[list[str]] = []
        self.arrived = asyncio.Event()
        self._answer = answer
        self._answers: asyncio.Queue[Exception | None] = asyncio.Queue()

    async def flush(self, commands: list[str]) -> Sequence[str | Exception]:
        self.batches.append(commands)
        self.arrived.set()
        failure = await self._answers.get()
        if failure is not None:
            raise failure
        return [self._answer(command) for command in commands]

    async def started(self) -> None:
        """Wait for the next batch to be under way."""
        await self.arrived.wait()
        self.arrived.clear()

    def reply(self, *failures: Exception | None) -> None:
        for failure in failures or (None,):
            self._answers.put_nowait(failure)


async def test_a_lone_command_leaves_at_once() -> None:
    server = Server()
    batcher = Batcher("test", server.flush)
    server.reply()
    assert await batcher.submit("a") == "A"
    assert server.batches == [["a"]]


async def test_commands_that_arrive_during_a_batch_leave_together_and_in_order() -> None:
    server = Server()
    batcher = Batcher("test", server.flush)
    first = batcher.submit("a")
    await server.started()
    rest = [batcher.submit(command) for command in "bcd"]
    assert server.batches == [["a"]], "one batch at a time"
    server.reply(None, None)
    assert await asyncio.gather(first, *rest) == ["A", "B", "C", "D"]
    assert server.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_does_not_exceed_its_largest_size() -> None:
    server = Server()
    batcher = Batcher("test", server.flush, size_max=2)
    server.reply(None, None, None)
    await asyncio.gather(*map(batcher.submit, "abcde"))
    assert server.batches == [["a", "b"], ["c", "d"], ["e"]]


async def test_conflicting_commands_never_share_a_batch_and_keep_their_order() -> None:
    server = Server()
    # "12" touches 1 and 2.
    batcher = Batcher("test", server.flush, conflicts=set)
    server.reply(*[None] * 3)
    # 23 waits for 12; 3 would fit beside 12 but must not overtake 23; 4 may.
    answers = await asyncio.gather(*map(batcher.submit, ["12", "23", "3", "4"]))
    assert answers == ["12", "23", "3", "4"]
    assert server.batches == [["12", "4"], ["23"], ["3"]]


async def test_each_command_has_its_own_result() -> None:
    server = Server(lambda command: ValueError(command) if command == "b" else command)
    batcher = Batcher("test", server.flush)
    server.reply()
    results = await asyncio.gather(*map(batcher.submit, "abc"), return_exceptions=True)
    assert [repr(result) for result in results] == ["'a'", "ValueError('b')", "'c'"]


async def test_a_command_that_fails_its_batch_fails_alone() -> None:
    attempts: list[list[str]] = []

    async def flush(commands: list[str]) -> list[str]:
        attempts.append(commands)
        if "poison" in commands:
            raise RuntimeError("the whole statement failed")
        return commands

    batcher: Batcher[str, str] = Batcher("test", flush)
    commands = ["a", "poison", "b"]
    results = await asyncio.gather(*map(batcher.submit, commands), return_exceptions=True)
    assert results[::2] == ["a", "b"]
    assert isinstance(results[1], RuntimeError)
    assert attempts == [commands, ["a"], ["poison"], ["b"]]


async def test_a_store_that_is_away_fails_the_whole_batch_and_the_next_one_is_tried_again() -> None:
    server = Server()
    batcher = Batcher("test", server.flush)
    server.reply(Unavailable("away"), None)
    results = await asyncio.gather(*map(batcher.submit, "abc"), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable] * 3
    assert await batcher.submit("d") == "D"
    assert server.batches == [["a", "b", "c"], ["d"]], "no command was tried alone"


async def test_a_cancelled_caller_neither_undoes_the_command_nor_hinders_others() -> None:
    server = Server()
    batcher = Batcher("test", server.flush)
    running = batcher.submit("a")
    await server.started()
    waiting, other = batcher.submit("b"), batcher.submit("c")
    running.cancel()
    waiting.cancel()
    server.reply(None, None)
    assert await other == "C"
    assert server.batches == [["a"], ["b", "c"]]


async def test_an_answer_of_the_wrong_length_fails_every_caller() -> None:
    async def flush(commands: list[str]) -> list[str]:
        return commands[:-1] if len(commands) != 1 else ["x", "y"]

    batcher: Batcher[str, str] = Batcher("test", flush)
    async with asyncio.timeout(60):
        results = await asyncio.gather(*map(batcher.submit, "abc"), return_exceptions=True)
    assert all(isinstance(result, Exception) for result in results), results


async def test_draining_waits_for_batches_under_way_and_queued_commands() -> None:
    server = Server()
    batcher = Batcher("test", server.flush)
    first = batcher.submit("a")
    await server.started()
    second = batcher.submit("b")
    draining = asyncio.create_task(batcher.drain())
    server.reply()
    await server.started()
    assert not draining.done()
    server.reply()
    await draining
    assert (first.result(), second.result()) == ("A", "B")
    await batcher.drain()  # nothing is queued: returns at once


async def test_commands_that_nobody_waits_for_gather_longer() -> None:
    server = Server()
    batcher = Batcher("test", server.flush, linger_s=0.05)
    server.reply()
    first = batcher.submit("a")
    for _ in range(3):  # the batch has not left: nothing is under way
        await asyncio.sleep(0)
    second = batcher.submit("b")
    assert [await first, await second] == ["A", "B"]
    assert server.batches == [["a", "b"]]


async def test_a_cancelled_batch_fails_its_callers() -> None:
    server = Server()
    batcher = Batcher("test", server.flush)
    waiter = asyncio.gather(*map(batcher.submit, "ab"), return_exceptions=True)
    await server.started()
    assert batcher._task is not None
    batcher._task.cancel()
    assert [type(r) for r in await waiter] == [asyncio.CancelledError] * 2


@pytest.mark.parametrize("size_max", [1, 3, 256])
async def test_random_conflicts_keep_every_keys_order(size_max: int) -> None:
    served: list[str] = []

    async def flush(commands: list[str]) -> list[str]:
        touched = "".join(command[0] for command in commands)
        assert len(set(touched)) == len(touched)
        assert len(commands) <= size_max
        served.extend(commands)
        await asyncio.sleep(0)
        return commands

    batcher: Batcher[str, str] = Batcher(
        "test", flush, conflicts=lambda command: command[0], size_max=size_max
    )
    commands = [f"{'abc'[n * n % 3]}{n}" for n in range(60)]
    await asyncio.gather(*map(batcher.submit, commands))
    for key in "abc":
        mine = [command for command in commands if command[0] == key]
        assert [command for command in served if command[0] == key] == mine


async def test_a_caller_past_its_deadline_is_refused_and_a_queued_command_is_dropped() -> None:
    server = Server()
    batcher = Batcher("test", server.flush)

    async def ask(command: str, seconds: float) -> str:
        deadline.begin(seconds)
        return await batcher.submit(command)

    # Under way: the outcome is unknown. Queued: never sent. Neither affects callers with more time or no limit.
    under_way = asyncio.create_task(ask("a", 60))
    await server.started()
    waiting = [asyncio.create_task(ask(command, s)) for command, s in (("b", 60), ("c", 0.1))]
    patient = batcher.submit("d")
    with pytest.raises(Unavailable) as refused:
        await waiting[1]
    assert not isinstance(refused.value, OutcomeUnknown)
    batcher._under_way[0].due = 0  # as if those 60 seconds were over
    batcher._look_at_the_clock()
    with pytest.raises(OutcomeUnknown):
        await under_way
    server.reply(None, None)
    assert [await waiting[0], await patient] == ["B", "D"]
    assert [sorted(batch) for batch in server.batches] == [["a"], ["b", "d"]]


async def test_a_batch_that_met_a_lock_is_split_and_a_stuck_event_gets_its_own_lane() -> None:
    """Commands are event and number: "a1" is one of event a, whose rows are locked."""
    attempts: list[list[str]] = []
    lock = asyncio.Event()

    async def flush(commands: list[str]) -> list[str]:
        attempts.append(commands)
        if any(command[0] == "a" for command in commands) and not lock.is_set():
            if len({command[0] for command in commands}) == 1:
                await lock.wait()
            raise Contended("locked", by_lock=True)
        return commands

    bulkhead = Bulkhead(per_event=2, stuck_most=2)
    batcher: Batcher[str, str] = Batcher(
        "test", flush, bulkhead=bulkhead, event_of=lambda command: command[0]
    )
    stuck, *healthy = [batcher.submit(command) for command in ("a1", "b1", "c1", "b2")]
    assert [await future for future in healthy] == ["b1", "c1", "b2"]
    # The stuck event has a lane of its own: further commands for it join it there.
    later = batcher.submit("a2")
    assert await batcher.submit("b3") == "b3"
    assert not stuck.done()
    lock.set()
    with pytest.raises(Contended):
        await stuck
    assert list(bulkhead.stuck) == ["a"]
    assert await later == "a2", "the lock is gone"
    assert attempts[0] == ["a1", "b1", "c1", "b2"]
    assert not any(
        len({c[0] for c in commands}) > 1 for commands in attempts[1:] if "a1" in commands
    )
    await batcher.drain()
    bulkhead.close()
