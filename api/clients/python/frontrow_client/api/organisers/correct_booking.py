from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.booking import Booking
from ...models.booking_correction import BookingCorrection
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    booking_id: UUID,
    *,
    body: BookingCorrection,
    if_match: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_match, Unset):
        headers["If-Match"] = if_match

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/v1/bookings/{booking_id}".format(
            booking_id=quote(str(booking_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Booking | Problem | None:
    if response.status_code == 200:
        response_200 = Booking.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 408:
        response_408 = Problem.from_dict(response.json())

        return response_408

    if response.status_code == 412:
        response_412 = Problem.from_dict(response.json())

        return response_412

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

    if response.status_code == 428:
        response_428 = Problem.from_dict(response.json())

        return response_428

    if response.status_code == 429:
        response_429 = Problem.from_dict(response.json())

        return response_429

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Booking | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    booking_id: UUID,
    *,
    client: AuthenticatedClient,
    body: BookingCorrection,
    if_match: str | Unset = UNSET,
) -> Response[Booking | Problem]:
    """Correct a buyer's address or name

     Needs If-Match. Links that were mailed to another address end; mails about the booking that wait to
    be sent go to the new one. The tickets are not mailed again: see `resend`.

    Args:
        booking_id (UUID):
        if_match (str | Unset):
        body (BookingCorrection): What was wrong about the buyer; absent fields stay.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Booking | Problem]
    """

    kwargs = _get_kwargs(
        booking_id=booking_id,
        body=body,
        if_match=if_match,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    booking_id: UUID,
    *,
    client: AuthenticatedClient,
    body: BookingCorrection,
    if_match: str | Unset = UNSET,
) -> Booking | Problem | None:
    """Correct a buyer's address or name

     Needs If-Match. Links that were mailed to another address end; mails about the booking that wait to
    be sent go to the new one. The tickets are not mailed again: see `resend`.

    Args:
        booking_id (UUID):
        if_match (str | Unset):
        body (BookingCorrection): What was wrong about the buyer; absent fields stay.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Booking | Problem
    """

    return sync_detailed(
        booking_id=booking_id,
        client=client,
        body=body,
        if_match=if_match,
    ).parsed


async def asyncio_detailed(
    booking_id: UUID,
    *,
    client: AuthenticatedClient,
    body: BookingCorrection,
    if_match: str | Unset = UNSET,
) -> Response[Booking | Problem]:
    """Correct a buyer's address or name

     Needs If-Match. Links that were mailed to another address end; mails about the booking that wait to
    be sent go to the new one. The tickets are not mailed again: see `resend`.

    Args:
        booking_id (UUID):
        if_match (str | Unset):
        body (BookingCorrection): What was wrong about the buyer; absent fields stay.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Booking | Problem]
    """

    kwargs = _get_kwargs(
        booking_id=booking_id,
        body=body,
        if_match=if_match,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    booking_id: UUID,
    *,
    client: AuthenticatedClient,
    body: BookingCorrection,
    if_match: str | Unset = UNSET,
) -> Booking | Problem | None:
    """Correct a buyer's address or name

     Needs If-Match. Links that were mailed to another address end; mails about the booking that wait to
    be sent go to the new one. The tickets are not mailed again: see `resend`.

    Args:
        booking_id (UUID):
        if_match (str | Unset):
        body (BookingCorrection): What was wrong about the buyer; absent fields stay.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Booking | Problem
    """

    return (
        await asyncio_detailed(
            booking_id=booking_id,
            client=client,
            body=body,
            if_match=if_match,
        )
    ).parsed
