"""``frontrow rehearse``: an on-sale tried on a copy of an event, before the public comes.

::

    original   reads the event; makes the copy         curves   when buyers come
    stage      stores and processes of the copy's own  buyers   what each of them does
    crowd      sends them all, an open loop            verdict  what the stores show afterwards
    performance  one rehearsal from end to end → report → page
"""
