"""Mails and notices: what is told to people, once for each cause, and how it is known to be once.

Whoever makes a fact true queues its mail in the same transaction (``enqueue_notifications``, SQL). The
facts themselves are read when the mail is written. A worker takes what is due under a lease::

    queued ──▶ sending ──▶ sent
      │  ▲        ├──────▶ queued   the server put it off (4xx)
      │  │        ├──────▶ dead     the server refused it (5xx), or it was put off for too long
      │  │        └──────▶ unknown  the answer was not heard: it may have arrived
      │  └── by hand: dead, unknown, skipped
      ├─────▶ dead        refused before the message was handed over, or tried for too long
      └─────▶ skipped     switched off, or overtaken by events

``sending`` is written when the whole message but its last dot has left, and before that dot. What dies
earlier has certainly not been delivered and is tried again; what dies later is ``unknown`` and is not.
"""
