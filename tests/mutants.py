"""Ten faults, sown one at a time: each must turn the suite red (``make mutants``).

Each fault is put into a copy of the project. The tests of its subject run first, then all others; the
table says which test noticed. A fault that none notices is a hole in the suite, and the exit status is 1.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).resolve().parents[1]


#: Tests of the checkout itself, its documents and its environment: a copy of the code fails them anyway.
_ABOUT_THE_CHECKOUT = ("cli", "deploy", "docs", "local", "support")


class Mutant(NamedTuple):
    """``old`` stands once in ``file``; with ``new`` in its place the promise ``breaks``."""

    breaks: str
    file: str
    old: str
    new: str
    #: Folders of tests that are asked first.
    subjects: tuple[str, ...]


MUTANTS = (
    Mutant(
        "a held seat can be held again",
        "engine/lua/hold.lua",
        "if digit ~= '0' then",
        "if digit ~= '0' and digit ~= '1' then",
        ("live", "holds", "sales"),
    ),
    Mutant(
        "a buyer's limit does not count what they have",
        "engine/lua/hold.lua",
        "if owned + quantity > tonumber(meta[4])",
        "if quantity > tonumber(meta[4])",
        ("live", "holds", "sales"),
    ),
    Mutant(
        "an older fact overwrites a newer one",
        "engine/lua/settle.lua",
        "if version > stored or (force and version == stored)",
        "if true or (force and version == stored)",
        ("live", "sales"),
    ),
    Mutant(
        "seats that are not available can be booked",
        "sql/functions/reserve_bookings.sql",
        "SELECT ord, -1 FROM locked WHERE state = 'available'",
        "SELECT ord, -1 FROM locked",
        ("sales", "events"),
    ),
    Mutant(
        "a hold whose deadline is over can be booked",
        "sql/functions/reserve_bookings.sql",
        "a.deadline <= clock_timestamp()",
        "a.deadline <= clock_timestamp() - interval '1 hour'",
        ("sales",),
    ),
    Mutant(
        "weights do not count in the waitlist",
        "engine/waitlist/matching.py",
        "return -self.weight, self.join_no",
        "return 0, self.join_no",
        ("waitlist",),
    ),
    Mutant(
        "a price moves inside its dead band",
        "engine/pricing/decision.py",
        "if abs(target - price) <= _exact(rule.dead_band) * price:",
        "if target == price:",
        ("pricing",),
    ),
    Mutant(
        "the gateway overlooks a lost change",
        "seatmap/replica.py",
        "if item.seq > self.pending_seq + 1:",
        "if item.seq > self.pending_seq + 2:",
        ("seatmap",),
    ),
    Mutant(
        "the auditor overlooks what is false in quiet",
        "engine/audit/auditor.py",
        "_ALWAYS + (_QUIET if quiet else ())",
        "_ALWAYS",
        ("audit",),
    ),
    Mutant(
        "a rate limit lets one more through",
        "engine/limits/rates.py",
        "reset_s, taken > limit.quota)",
        "reset_s, taken > limit.quota + 1)",
        ("limits", "api"),
    ),
)


def main() -> int:
    """Print the table; how many faults nobody noticed."""
    rows, missed = [], 0
    for number, mutant in enumerate(MUTANTS, 1):
        print(f"mutant {number}/{len(MUTANTS)}: {mutant.breaks}", file=sys.stderr, flush=True)
        started = time.monotonic()
        caught = _caught_by(mutant)
        missed += caught is None
        rows.append((mutant, caught or "NOT NOTICED", time.monotonic() - started))
    print("| breaks | in | noticed by | after |")
    print("|---|---|---|---|")
    for mutant, caught, took_s in rows:
        print(f"| {mutant.breaks} | `{mutant.file}` | `{caught}` | {took_s:.0f} s |")
    return min(missed, 1)


def _caught_by(mutant: Mutant) -> str | None:
    """The first test that fails with the fault; None: none does."""
    with tempfile.TemporaryDirectory(prefix="frontrow-mutant-") as folder:
        copy = Path(folder) / "frontrow"
        _copy_project(copy)
        file = copy / mutant.file
        text = file.read_text()
        if text.count(mutant.old) != 1:
            raise SystemExit(f"mutants: {mutant.file} does not have once: {mutant.old}")
        file.write_text(text.replace(mutant.old, mutant.new))
        subjects = [f"tests/{subject}" for subject in mutant.subjects]
        others = [
            str(path.relative_to(copy)) for path in (copy / "tests").iterdir() if path.is_dir()
        ]
        others = [folder for folder in others if Path(folder).name not in _ABOUT_THE_CHECKOUT]
        return _first_failure(copy, subjects) or _first_failure(copy, others)


def _copy_project(copy: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (REPO / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPO / name, copy / name)


def _first_failure(copy: Path, where: list[str]) -> str | None:
    command = [sys.executable, "-m", "pytest", "-x", "--numprocesses=3", "--dist=loadscope"]
    command += ["--no-loadscope-reorder", "-p", "no:cacheprovider", *where]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode and not failed:
        raise SystemExit(f"mutants: pytest did not run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return failed[1] if failed else None


if __name__ == "__main__":
    sys.exit(main())
