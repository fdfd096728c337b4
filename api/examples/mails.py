"""Templates and sent mails."""

from datetime import UTC, datetime

import msgspec
from litestar.handlers import HTTPRouteHandler

from api.examples.evening import BOOKING_ID, EVENT_ID, MAIL_ID, PERSON_ID
from api.examples.shown import Shown
from api.notifications import (
    MailList,
    TemplateChoice,
    TemplateDraft,
    TemplateList,
    TemplateVersionList,
    activate_template,
    add_template,
    list_mails,
    list_template_versions,
    list_templates,
    preview_template,
    read_mail,
    read_template,
    resend_mail,
    roll_back_template,
)
from engine.notifications.model import (
    Attempt,
    Mail,
    MailKind,
    Status,
    TemplateInForce,
    TemplateVersion,
    Texts,
    Written,
)

MAIL = Mail(
    mail_id=MAIL_ID,
    kind=MailKind.BOOKING_CONFIRMED,
    status=Status.DEAD,
    event_id=EVENT_ID,
    person_id=PERSON_ID,
    cause=BOOKING_ID,
    email="ada@example.com",
    name="Ada Lovelace",
    language=None,
    reason="550 5.1.1 No such mailbox",
    attempts=2,
    queued_at=datetime(2027, 3, 12, 9, 30, tzinfo=UTC),
    due_at=None,
    ended_at=datetime(2027, 3, 12, 9, 30, 14, tzinfo=UTC),
)
MAIL_WITH_LOG = msgspec.structs.replace(
    MAIL,
    log=[
        Attempt(
            attempt_no=1,
            outcome="deferred",
            reply="451 4.7.1 Greylisted, try again",
            started_at=datetime(2027, 3, 12, 9, 30, 1, tzinfo=UTC),
            ended_at=datetime(2027, 3, 12, 9, 30, 2, tzinfo=UTC),
        ),
        Attempt(
            attempt_no=2,
            outcome="refused",
            reply="550 5.1.1 No such mailbox",
            started_at=datetime(2027, 3, 12, 9, 30, 13, tzinfo=UTC),
            ended_at=datetime(2027, 3, 12, 9, 30, 14, tzinfo=UTC),
        ),
    ],
)
MAIL_AGAIN = msgspec.structs.replace(
    MAIL_WITH_LOG,
    status=Status.QUEUED,
    reason=None,
    due_at=datetime(2027, 3, 12, 10, 0, tzinfo=UTC),
    ended_at=None,
)
MAIL_LIST = MailList([MAIL])
TEMPLATE_IN_FORCE = TemplateInForce(
    kind="booking-confirmed",
    language="en",
    version=2,
    source="organiser",
    actor="organiser",
    chosen_at=datetime(2027, 3, 1, 12, 0, tzinfo=UTC),
    note="Where the door is",
)
TEMPLATE_LIST = TemplateList([TEMPLATE_IN_FORCE])
TEXTS = Texts(
    subject="Your tickets for {{ event.name }}",
    html='{% extends "layout" %}{% import "parts" as p %}{% block content %}'
    "{% for ticket in tickets %}{{ p.ticket(ticket, 'Code') }}{% endfor %}"
    '{{ p.text("The door is in the yard.") }}{% endblock %}',
    text='{% extends "layout" %}{% block content %}Booking {{ booking.reference }}. '
    "The door is in the yard.{% endblock %}",
)
TEMPLATE_DRAFT = TemplateDraft(
    subject=TEXTS.subject,
    html=TEXTS.html,
    text=TEXTS.text,
    note="Where the door is",
    activate=True,
)
TEMPLATE_VERSION = TemplateVersion(
    kind="booking-confirmed",
    language="en",
    version=2,
    source="organiser",
    subject=TEXTS.subject,
    html=TEXTS.html,
    text=TEXTS.text,
    note="Where the door is",
    created_at=datetime(2027, 3, 1, 12, 0, tzinfo=UTC),
)
TEMPLATE_VERSION_LIST = TemplateVersionList([TEMPLATE_VERSION])
TEMPLATE_CHOICE = TemplateChoice(1)
TEMPLATE_PREVIEW = Written(
    subject="Your tickets for The Tempest",
    html="<!doctype html>…",
    text="Booking 7K2M9Q4TXV. The door is in the yard.\n",
)

SHOWN: dict[HTTPRouteHandler, Shown] = {
    list_templates: Shown(gives={200: {"templates": TEMPLATE_LIST}}),
    list_template_versions: Shown(gives={200: {"versions": TEMPLATE_VERSION_LIST}}),
    read_template: Shown(gives={200: {"version": TEMPLATE_VERSION}}),
    add_template: Shown(
        takes={"another text": TEMPLATE_DRAFT}, gives={201: {"version": TEMPLATE_VERSION}}
    ),
    preview_template: Shown(takes={"another text": TEXTS}, gives={200: {"mail": TEMPLATE_PREVIEW}}),
    activate_template: Shown(
        takes={"the first": TEMPLATE_CHOICE}, gives={200: {"in force": TEMPLATE_IN_FORCE}}
    ),
    roll_back_template: Shown(gives={200: {"in force": TEMPLATE_IN_FORCE}}),
    list_mails: Shown(gives={200: {"mails": MAIL_LIST}}),
    read_mail: Shown(gives={200: {"refused": MAIL_WITH_LOG}}),
    resend_mail: Shown(gives={200: {"queued": MAIL_AGAIN}}),
}
