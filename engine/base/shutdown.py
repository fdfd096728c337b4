"""How a process ends: the first SIGTERM or SIGINT asks it to, the second ends it at once.

Once asked, a process is not ready any more, finishes the work under way, and exits with 0. A second
signal ends it as it would any program: another process finishes the interrupted work.
"""

import asyncio
import signal
import threading
from collections.abc import Callable

SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: How long rounds and requests under way have to finish, in seconds; less than supervisors wait before
#: they kill.
FINISH_TIMEOUT_S = 8

_asked = threading.Event()


def is_asked() -> bool:
    """Whether this process was asked to end. From any thread."""
    return _asked.is_set()


def on_signal(stop: Callable[[], object]) -> None:
    """Let the running loop call ``stop`` when this process is asked to end."""
    loop = asyncio.get_running_loop()

    def asked() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        _asked.set()
        stop()

    for number in SIGNALS:
        loop.add_signal_handler(number, asked)
