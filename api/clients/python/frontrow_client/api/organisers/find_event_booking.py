from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.booking import Booking
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    event_id: UUID,
    booking: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/events/{event_id}/bookings/{booking}".format(
            event_id=quote(str(event_id), safe=""),
            booking=quote(str(booking), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Booking | Problem | None:
    if response.status_code == 200:
        response_200 = Booking.from_dict(response.json())

        return response_200

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

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
    event_id: UUID,
    booking: str,
    *,
    client: AuthenticatedClient,
) -> Response[Booking | Problem]:
    """One booking of an event, by id or reference

     A reference is read as people type it: case, blanks and hyphens make no difference.

    Args:
        event_id (UUID):
        booking (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Booking | Problem]
    """

    kwargs = _get_kwargs(
        event_id=event_id,
        booking=booking,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    event_id: UUID,
    booking: str,
    *,
    client: AuthenticatedClient,
) -> Booking | Problem | None:
    """One booking of an event, by id or reference

     A reference is read as people type it: case, blanks and hyphens make no difference.

    Args:
        event_id (UUID):
        booking (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Booking | Problem
    """

    return sync_detailed(
        event_id=event_id,
        booking=booking,
        client=client,
    ).parsed


async def asyncio_detailed(
    event_id: UUID,
    booking: str,
    *,
    client: AuthenticatedClient,
) -> Response[Booking | Problem]:
    """One booking of an event, by id or reference

     A reference is read as people type it: case, blanks and hyphens make no difference.

    Args:
        event_id (UUID):
        booking (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Booking | Problem]
    """

    kwargs = _get_kwargs(
        event_id=event_id,
        booking=booking,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    event_id: UUID,
    booking: str,
    *,
    client: AuthenticatedClient,
) -> Booking | Problem | None:
    """One booking of an event, by id or reference

     A reference is read as people type it: case, blanks and hyphens make no difference.

    Args:
        event_id (UUID):
        booking (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Booking | Problem
    """

    return (
        await asyncio_detailed(
            event_id=event_id,
            booking=booking,
            client=client,
        )
    ).parsed
