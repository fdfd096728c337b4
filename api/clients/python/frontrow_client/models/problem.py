from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.offer_status import OfferStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.problem_errors_type_0_item import ProblemErrorsType0Item


T = TypeVar("T", bound="Problem")


@_attrs_define
class Problem:
    """RFC 9457. `type` is stable and opens its description; the fields after `instance` are those that
    the caller needs to go on, present where they apply.

        Attributes:
            type_ (str):
            title (str): The same for every problem of this status.
            status (int):
            detail (str): What happened here and what to do about it.
            instance (str): The path that was asked for.
            errors (list[ProblemErrorsType0Item] | None | Unset): Each mistake, and where it is.
            seats (list[int] | None | Unset): Seats that are taken; of `still-on-sale`: seats you can have.
            areas (list[int] | None | Unset): Areas without enough room; of `still-on-sale`: areas that have it.
            url (None | str | Unset): The page where you can have it.
            limit (int | None | Unset): Places one buyer may have.
            owned (int | None | Unset): Places you have already.
            retry_after (int | None | Unset): Seconds; as `Retry-After`.
            challenge (None | str | Unset): Of `proof-needed`: the challenge to find a nonce for.
            bits (int | None | Unset): Zero bits that SHA-256 of challenge and nonce has to begin with.
            expires_at (datetime.datetime | None | Unset): Until when the challenge can be answered.
            current_version (int | None | Unset): The version that If-Match had to name.
            decline_code (None | str | Unset): Why the card was declined.
            booking_id (None | Unset | UUID): The booking this is about.
            hold_id (None | Unset | UUID): The hold this is about.
            offer_status (None | OfferStatus | Unset): How the offer ended.
            entry_id (None | Unset | UUID): Your waitlist entry that this is about.
    """

    type_: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ProblemErrorsType0Item] | None | Unset = UNSET
    seats: list[int] | None | Unset = UNSET
    areas: list[int] | None | Unset = UNSET
    url: None | str | Unset = UNSET
    limit: int | None | Unset = UNSET
    owned: int | None | Unset = UNSET
    retry_after: int | None | Unset = UNSET
    challenge: None | str | Unset = UNSET
    bits: int | None | Unset = UNSET
    expires_at: datetime.datetime | None | Unset = UNSET
    current_version: int | None | Unset = UNSET
    decline_code: None | str | Unset = UNSET
    booking_id: None | Unset | UUID = UNSET
    hold_id: None | Unset | UUID = UNSET
    offer_status: None | OfferStatus | Unset = UNSET
    entry_id: None | Unset | UUID = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_

        title = self.title

        status = self.status

        detail = self.detail

        instance = self.instance

        errors: list[dict[str, Any]] | None | Unset
        if isinstance(self.errors, Unset):
            errors = UNSET
        elif isinstance(self.errors, list):
            errors = []
            for errors_type_0_item_data in self.errors:
                errors_type_0_item = errors_type_0_item_data.to_dict()
                errors.append(errors_type_0_item)

        else:
            errors = self.errors

        seats: list[int] | None | Unset
        if isinstance(self.seats, Unset):
            seats = UNSET
        elif isinstance(self.seats, list):
            seats = self.seats

        else:
            seats = self.seats

        areas: list[int] | None | Unset
        if isinstance(self.areas, Unset):
            areas = UNSET
        elif isinstance(self.areas, list):
            areas = self.areas

        else:
            areas = self.areas

        url: None | str | Unset
        if isinstance(self.url, Unset):
            url = UNSET
        else:
            url = self.url

        limit: int | None | Unset
        if isinstance(self.limit, Unset):
            limit = UNSET
        else:
            limit = self.limit

        owned: int | None | Unset
        if isinstance(self.owned, Unset):
            owned = UNSET
        else:
            owned = self.owned

        retry_after: int | None | Unset
        if isinstance(self.retry_after, Unset):
            retry_after = UNSET
        else:
            retry_after = self.retry_after

        challenge: None | str | Unset
        if isinstance(self.challenge, Unset):
            challenge = UNSET
        else:
            challenge = self.challenge

        bits: int | None | Unset
        if isinstance(self.bits, Unset):
            bits = UNSET
        else:
            bits = self.bits

        expires_at: None | str | Unset
        if isinstance(self.expires_at, Unset):
            expires_at = UNSET
        elif isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        current_version: int | None | Unset
        if isinstance(self.current_version, Unset):
            current_version = UNSET
        else:
            current_version = self.current_version

        decline_code: None | str | Unset
        if isinstance(self.decline_code, Unset):
            decline_code = UNSET
        else:
            decline_code = self.decline_code

        booking_id: None | str | Unset
        if isinstance(self.booking_id, Unset):
            booking_id = UNSET
        elif isinstance(self.booking_id, UUID):
            booking_id = str(self.booking_id)
        else:
            booking_id = self.booking_id

        hold_id: None | str | Unset
        if isinstance(self.hold_id, Unset):
            hold_id = UNSET
        elif isinstance(self.hold_id, UUID):
            hold_id = str(self.hold_id)
        else:
            hold_id = self.hold_id

        offer_status: None | str | Unset
        if isinstance(self.offer_status, Unset):
            offer_status = UNSET
        elif isinstance(self.offer_status, OfferStatus):
            offer_status = self.offer_status.value
        else:
            offer_status = self.offer_status

        entry_id: None | str | Unset
        if isinstance(self.entry_id, Unset):
            entry_id = UNSET
        elif isinstance(self.entry_id, UUID):
            entry_id = str(self.entry_id)
        else:
            entry_id = self.entry_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "title": title,
                "status": status,
                "detail": detail,
                "instance": instance,
            }
        )
        if errors is not UNSET:
            field_dict["errors"] = errors
        if seats is not UNSET:
            field_dict["seats"] = seats
        if areas is not UNSET:
            field_dict["areas"] = areas
        if url is not UNSET:
            field_dict["url"] = url
        if limit is not UNSET:
            field_dict["limit"] = limit
        if owned is not UNSET:
            field_dict["owned"] = owned
        if retry_after is not UNSET:
            field_dict["retry_after"] = retry_after
        if challenge is not UNSET:
            field_dict["challenge"] = challenge
        if bits is not UNSET:
            field_dict["bits"] = bits
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at
        if current_version is not UNSET:
            field_dict["current_version"] = current_version
        if decline_code is not UNSET:
            field_dict["decline_code"] = decline_code
        if booking_id is not UNSET:
            field_dict["booking_id"] = booking_id
        if hold_id is not UNSET:
            field_dict["hold_id"] = hold_id
        if offer_status is not UNSET:
            field_dict["offer_status"] = offer_status
        if entry_id is not UNSET:
            field_dict["entry_id"] = entry_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.problem_errors_type_0_item import ProblemErrorsType0Item  # noqa: PLC0415

        d = dict(src_dict)
        type_ = d.pop("type")

        title = d.pop("title")

        status = d.pop("status")

        detail = d.pop("detail")

        instance = d.pop("instance")

        def _parse_errors(data: object) -> list[ProblemErrorsType0Item] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                errors_type_0 = []
                _errors_type_0 = data
                for errors_type_0_item_data in _errors_type_0:
                    errors_type_0_item = ProblemErrorsType0Item.from_dict(errors_type_0_item_data)

                    errors_type_0.append(errors_type_0_item)

                return errors_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[ProblemErrorsType0Item] | None | Unset, data)

        errors = _parse_errors(d.pop("errors", UNSET))

        def _parse_seats(data: object) -> list[int] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                seats_type_0 = cast(list[int], data)

                return seats_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[int] | None | Unset, data)

        seats = _parse_seats(d.pop("seats", UNSET))

        def _parse_areas(data: object) -> list[int] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                areas_type_0 = cast(list[int], data)

                return areas_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[int] | None | Unset, data)

        areas = _parse_areas(d.pop("areas", UNSET))

        def _parse_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        url = _parse_url(d.pop("url", UNSET))

        def _parse_limit(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        limit = _parse_limit(d.pop("limit", UNSET))

        def _parse_owned(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        owned = _parse_owned(d.pop("owned", UNSET))

        def _parse_retry_after(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        retry_after = _parse_retry_after(d.pop("retry_after", UNSET))

        def _parse_challenge(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        challenge = _parse_challenge(d.pop("challenge", UNSET))

        def _parse_bits(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        bits = _parse_bits(d.pop("bits", UNSET))

        def _parse_expires_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        expires_at = _parse_expires_at(d.pop("expires_at", UNSET))

        def _parse_current_version(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        current_version = _parse_current_version(d.pop("current_version", UNSET))

        def _parse_decline_code(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        decline_code = _parse_decline_code(d.pop("decline_code", UNSET))

        def _parse_booking_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                booking_id_type_0 = UUID(data)

                return booking_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        booking_id = _parse_booking_id(d.pop("booking_id", UNSET))

        def _parse_hold_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                hold_id_type_0 = UUID(data)

                return hold_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        hold_id = _parse_hold_id(d.pop("hold_id", UNSET))

        def _parse_offer_status(data: object) -> None | OfferStatus | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                offer_status_type_0 = OfferStatus(data)

                return offer_status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | OfferStatus | Unset, data)

        offer_status = _parse_offer_status(d.pop("offer_status", UNSET))

        def _parse_entry_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                entry_id_type_0 = UUID(data)

                return entry_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        entry_id = _parse_entry_id(d.pop("entry_id", UNSET))

        problem = cls(
            type_=type_,
            title=title,
            status=status,
            detail=detail,
            instance=instance,
            errors=errors,
            seats=seats,
            areas=areas,
            url=url,
            limit=limit,
            owned=owned,
            retry_after=retry_after,
            challenge=challenge,
            bits=bits,
            expires_at=expires_at,
            current_version=current_version,
            decline_code=decline_code,
            booking_id=booking_id,
            hold_id=hold_id,
            offer_status=offer_status,
            entry_id=entry_id,
        )

        problem.additional_properties = d
        return problem

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
