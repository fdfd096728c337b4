"""Dynamic pricing: prices that follow a published rule and say why.

::

    rule ──┐
    signals ├─▶ decide ─▶ price, reason in words, factors
    current ┘      ▲
                   ├── repricer    the worker: measures, decides, writes, publishes
                   ├── office      the organiser: rules, overrides, preview
                   └── simulation  the same function on a made-up or a recorded sale

``rule``, ``decision``, ``velocity``, ``words``, ``market``, ``simulation`` and ``chart`` are pure.
"""
