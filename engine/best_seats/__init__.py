"""Best seats: ``index`` knows the house, ``choice`` chooses (pure), ``live_copy`` keeps a live board.

The rule is published in ``docs/best-seats.md``; ``choice`` follows it step by step.
"""
