"""The whole suite on a machine that is slow and stands still at times (``make test-rough``).

Beside the suite run two loops that want a processor each, and every few seconds one of its processes is
stopped for 1 to 4 s: a store, a process of the product, a browser, pytest itself. A test may not fail for
that. The seed is printed and can be given again (``ROUGH_SEED``).
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import psutil

#: How long a process stands still, and how long all run in between, in s.
_STOPPED_S = (1.0, 4.0)
_BETWEEN_S = (2.0, 6.0)
_BUSY_LOOPS = 2


def main() -> int:
    seed = int(os.environ.get("ROUGH_SEED") or random.SystemRandom().randrange(10**6))
    dice = random.Random(seed)
    print(f"rough: seed {seed}", file=sys.stderr, flush=True)
    loops = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(_BUSY_LOOPS)
    ]
    suite = subprocess.Popen(["make", "--no-print-directory", "test"])
    stopped: Counter[str] = Counter()
    try:
        while suite.poll() is None:
            time.sleep(dice.uniform(*_BETWEEN_S))
            if (victim := _victim(suite.pid, dice)) is not None:
                stopped[_name(victim)] += _stop_for_a_while(victim, dice.uniform(*_STOPPED_S))
    finally:
        for loop in loops:
            loop.kill()
    told = ", ".join(f"{name} {count}" for name, count in sorted(stopped.items()))
    print(f"rough: seed {seed}, processes stopped: {told}", file=sys.stderr)
    return suite.returncode


def _victim(root: int, dice: random.Random) -> psutil.Process | None:
    """Any process of the suite; first a kind, then one of it: else a store's many would be all."""
    try:
        alive = psutil.Process(root).children(recursive=True)
    except psutil.NoSuchProcess:
        return None
    kinds: dict[str, list[psutil.Process]] = {}
    for process in alive:
        kinds.setdefault(_name(process), []).append(process)
    kinds.pop("", None)
    return dice.choice(kinds[dice.choice(sorted(kinds))]) if kinds else None


def _name(process: psutil.Process) -> str:
    """What kind of process it is; empty for one that has ended or is no part of the product or the suite."""
    try:
        command = process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
    text = " ".join(command)
    for name, sign in _KINDS:
        if sign in text:
            return name
    return ""


_KINDS = (
    ("postgres", "postgres"),
    ("redis", "redis-server"),
    ("mongo", "nx_27017"),
    ("browser", "headless"),
    ("api", "-m api"),
    ("gateway", "-m seatmap"),
    ("worker", "-m engine.worker"),
    ("up", "-m engine"),
    ("pytest", "pytest"),
    ("pytest", "exec(eval(sys.stdin"),
)


def _stop_for_a_while(process: psutil.Process, seconds: float) -> int:
    try:
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)
    except psutil.NoSuchProcess:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
