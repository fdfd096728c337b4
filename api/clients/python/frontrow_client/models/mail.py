from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.mail_kind import MailKind
from ..models.status import Status
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.attempt import Attempt


T = TypeVar("T", bound="Mail")


@_attrs_define
class Mail:
    """A mail in the queue or in the log.

    Attributes:
        mail_id (UUID):
        kind (MailKind):
        status (Status): The status of a mail; `engine.notifications` has a diagram.
        event_id (None | UUID):
        person_id (UUID):
        cause (str): The id of the cause; it causes one mail of this kind.
        email (None | str):
        name (str):
        language (None | str):
        reason (None | str): Why it was skipped, is dead, or waits again.
        attempts (int):
        queued_at (datetime.datetime):
        due_at (datetime.datetime | None): When it is tried next; while queued.
        ended_at (datetime.datetime | None):
        log (list[Attempt] | Unset): Every attempt; empty in lists.
    """

    mail_id: UUID
    kind: MailKind
    status: Status
    event_id: None | UUID
    person_id: UUID
    cause: str
    email: None | str
    name: str
    language: None | str
    reason: None | str
    attempts: int
    queued_at: datetime.datetime
    due_at: datetime.datetime | None
    ended_at: datetime.datetime | None
    log: list[Attempt] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        mail_id = str(self.mail_id)

        kind = self.kind.value

        status = self.status.value

        event_id: None | str
        if isinstance(self.event_id, UUID):
            event_id = str(self.event_id)
        else:
            event_id = self.event_id

        person_id = str(self.person_id)

        cause = self.cause

        email: None | str
        email = self.email

        name = self.name

        language: None | str
        language = self.language

        reason: None | str
        reason = self.reason

        attempts = self.attempts

        queued_at = self.queued_at.isoformat()

        due_at: None | str
        if isinstance(self.due_at, datetime.datetime):
            due_at = self.due_at.isoformat()
        else:
            due_at = self.due_at

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        log: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.log, Unset):
            log = []
            for log_item_data in self.log:
                log_item = log_item_data.to_dict()
                log.append(log_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "mail_id": mail_id,
                "kind": kind,
                "status": status,
                "event_id": event_id,
                "person_id": person_id,
                "cause": cause,
                "email": email,
                "name": name,
                "language": language,
                "reason": reason,
                "attempts": attempts,
                "queued_at": queued_at,
                "due_at": due_at,
                "ended_at": ended_at,
            }
        )
        if log is not UNSET:
            field_dict["log"] = log

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.attempt import Attempt  # noqa: PLC0415

        d = dict(src_dict)
        mail_id = UUID(d.pop("mail_id"))

        kind = MailKind(d.pop("kind"))

        status = Status(d.pop("status"))

        def _parse_event_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                event_id_type_0 = UUID(data)

                return event_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        event_id = _parse_event_id(d.pop("event_id"))

        person_id = UUID(d.pop("person_id"))

        cause = d.pop("cause")

        def _parse_email(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        email = _parse_email(d.pop("email"))

        name = d.pop("name")

        def _parse_language(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        language = _parse_language(d.pop("language"))

        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))

        attempts = d.pop("attempts")

        queued_at = datetime.datetime.fromisoformat(d.pop("queued_at"))

        def _parse_due_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                due_at_type_0 = datetime.datetime.fromisoformat(data)

                return due_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        due_at = _parse_due_at(d.pop("due_at"))

        def _parse_ended_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = datetime.datetime.fromisoformat(data)

                return ended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ended_at = _parse_ended_at(d.pop("ended_at"))

        _log = d.pop("log", UNSET)
        log: list[Attempt] | Unset = UNSET
        if _log is not UNSET:
            log = []
            for log_item_data in _log:
                log_item = Attempt.from_dict(log_item_data)

                log.append(log_item)

        mail = cls(
            mail_id=mail_id,
            kind=kind,
            status=status,
            event_id=event_id,
            person_id=person_id,
            cause=cause,
            email=email,
            name=name,
            language=language,
            reason=reason,
            attempts=attempts,
            queued_at=queued_at,
            due_at=due_at,
            ended_at=ended_at,
            log=log,
        )

        mail.additional_properties = d
        return mail

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
