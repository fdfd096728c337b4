"""Dynamic pricing: prices that follow a published rule and give a reason for each change.

::

    rule ──┐
    signals ├─▶ decide ─▶ price, reason in words, factors
    current ┘      ▲
                   ├── repricer    the worker: measures, decides, writes, publishes
                   ├── admin       the organiser: rules, overrides, preview
                   └── simulation  the same function on a synthetic or a recorded sale

``rule``, ``decision``, ``velocity``, ``sentences``, ``market``, ``simulation`` and ``chart`` are pure.
"""
