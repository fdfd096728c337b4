"""Best seats: ``index`` knows the house, ``choice`` chooses (pure), ``scout`` keeps the house in view.

The rule is published in ``docs/best-seats.md``; ``choice`` follows it step by step.
"""
