"""Proofs of work: what a proof allows, and that an unavailable store does not make proofs cheaper."""

from datetime import UTC, datetime

import pytest

from engine.limits.proofs import Proof, Proofs, is_solved, solve
from engine.runtime import Runtime
from engine.stores.redis import RedisStore
from tests.conftest import TOKEN_SECRET, free_port

pytestmark = pytest.mark.integration

NETWORK = "203.0.113.7"
BITS = 10


def solved(proofs: Proofs, network: str = NETWORK) -> Proof:
    asked = proofs.needed(network, BITS).extra
    assert asked["bits"] == BITS
    assert datetime.fromisoformat(asked["expires_at"]).tzinfo is not None
    return Proof(asked["challenge"], solve(asked["challenge"], BITS))


@pytest.fixture
def proofs(runtime: Runtime) -> Proofs:
    return Proofs(runtime.stores.redis, TOKEN_SECRET)


async def test_a_proof_is_good_once(runtime: Runtime, proofs: Proofs) -> None:
    first, second = solved(proofs), solved(proofs)
    persons = [await proofs.redeem(proof, NETWORK) for proof in (first, second)]
    assert None not in persons
    assert len(set(persons)) == 2
    for process in (proofs, Proofs(runtime.stores.redis, TOKEN_SECRET)):
        assert await process.redeem(first, NETWORK) is None


async def test_an_invalid_proof_is_refused(runtime: Runtime, proofs: Proofs) -> None:
    good = solved(proofs)
    wrong = next(n for n in map(str, range(99)) if not is_solved(good.challenge, n, BITS))
    forged = Proofs(runtime.stores.redis, TOKEN_SECRET + "x").needed(NETWORK, 0).extra["challenge"]
    for proof, network in (
        (Proof(good.challenge, wrong), NETWORK),
        (Proof(forged, ""), NETWORK),
        (Proof("", ""), NETWORK),
        (Proof("é", "é"), NETWORK),
        (good, "203.0.113.8"),
    ):
        assert await proofs.redeem(proof, network) is None
    late = Proofs(runtime.stores.redis, TOKEN_SECRET, lambda: datetime.now(UTC).timestamp() + 901)
    assert await late.redeem(good, NETWORK) is None
    assert await proofs.redeem(good, NETWORK) is not None


@pytest.mark.parametrize("skew_s", [-600, 600])
async def test_servers_with_different_clocks_accept_each_others_challenges(
    runtime: Runtime, proofs: Proofs, skew_s: float
) -> None:
    skewed = Proofs(
        runtime.stores.redis, TOKEN_SECRET, lambda: datetime.now(UTC).timestamp() + skew_s
    )
    assert await proofs.redeem(solved(skewed), NETWORK) is not None
    assert await skewed.redeem(solved(proofs), NETWORK) is not None


async def test_without_redis_a_proof_still_makes_only_one_person() -> None:
    away = RedisStore(f"redis://127.0.0.1:{free_port()}/0")
    try:
        proofs = Proofs(away, TOKEN_SECRET)
        proof = solved(proofs)
        persons = {await proofs.redeem(proof, NETWORK) for _ in range(3)}
        assert len(persons) == 1
        assert None not in persons
        assert await proofs.redeem(Proof(proof.challenge, "no"), NETWORK) is None
    finally:
        await away.close()
