"""Errors of a PostgreSQL that gives up become "try again shortly", never a 500."""

import asyncpg
import pytest

from api.problems import encode_problem
from engine.base.errors import Contended, OutcomeUnknown, Unavailable
from engine.stores.postgres import translated


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("55P03", Contended),  # lock_timeout
        ("57014", Contended),  # statement_timeout
        ("40001", Contended),
        ("40P01", Contended),  # a deadlock
        ("25P03", Unavailable),  # idle_in_transaction_session_timeout
        ("25P04", Unavailable),  # transaction_timeout
        ("53300", Unavailable),  # too many connections
        ("57P01", OutcomeUnknown),  # ended by an operator
        ("57P02", OutcomeUnknown),
        ("57P03", Unavailable),  # starting
        ("57P05", Unavailable),
        ("58030", Unavailable),  # its disk
        ("08006", Unavailable),
    ],
)
def test_every_end_by_time_is_503_with_retry_after(sqlstate: str, kind: type[Unavailable]) -> None:
    error = asyncpg.PostgresError.new({"C": sqlstate, "M": "given up"})
    with pytest.raises(Unavailable) as refused, translated():
        raise error
    assert type(refused.value) is kind
    status, headers, _ = encode_problem(refused.value, "/v1/bookings")
    assert (status, headers["Retry-After"]) == (503, "2")


def test_only_a_lock_or_time_limit_marks_an_event_as_stuck() -> None:
    """A conflict between transactions is not the event's fault: the next attempt succeeds."""
    for sqlstate, by_lock in (("55P03", True), ("57014", True), ("40001", False), ("40P01", False)):
        with pytest.raises(Contended) as refused, translated():
            raise asyncpg.PostgresError.new({"C": sqlstate, "M": "given up"})
        assert refused.value.by_lock is by_lock


def test_a_programming_error_is_not_translated() -> None:
    with pytest.raises(asyncpg.UndefinedTableError), translated():
        raise asyncpg.PostgresError.new({"C": "42P01", "M": "no such table"})
