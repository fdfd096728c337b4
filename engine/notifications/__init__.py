"""Mails and live notices to people, exactly one for each cause.

The transaction that makes a fact true also queues its mail (``enqueue_notifications``, SQL). The facts
themselves are read when the mail is written. A worker takes due mails under a lease::

    queued ──▶ sending ──▶ sent
      │  ▲        ├──────▶ queued   the server deferred it (4xx)
      │  │        ├──────▶ dead     the server refused it (5xx), or deferred it for too long
      │  │        └──────▶ unknown  no answer was received: it may have arrived
      │  └── manually: dead, unknown, skipped
      ├─────▶ dead        refused before the message was handed over, or tried for too long
      └─────▶ skipped     switched off, or overtaken by events

``sending`` is written when the whole message except its last dot was sent, and before that dot. A mail
that fails earlier has certainly not been delivered and is tried again; one that fails later is ``unknown``
and is not.
"""
