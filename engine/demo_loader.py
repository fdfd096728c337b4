"""Loads the demo into the stores, through the same doors as everyone: import, publish, hold, book."""

from collections.abc import Callable

from engine.runtime import Runtime


async def demo_loaded(runtime: Runtime) -> bool:
    raise RuntimeError


async def load_demo(
    runtime: Runtime, on_progress: Callable[[str, int, int], None] | None = None
) -> None:
    raise RuntimeError
