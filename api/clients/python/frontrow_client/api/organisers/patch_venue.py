from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.venue import Venue
from ...models.venue_patch import VenuePatch
from ...types import UNSET, Response, Unset


def _get_kwargs(
    venue_id: UUID,
    *,
    body: VenuePatch,
    if_match: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_match, Unset):
        headers["If-Match"] = if_match

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/v1/venues/{venue_id}".format(
            venue_id=quote(str(venue_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | Venue | None:
    if response.status_code == 200:
        response_200 = Venue.from_dict(response.json())

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
) -> Response[Problem | Venue]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    venue_id: UUID,
    *,
    client: AuthenticatedClient,
    body: VenuePatch,
    if_match: str | Unset = UNSET,
) -> Response[Problem | Venue]:
    """Change a venue

     Needs If-Match. Events in the venue show the new name, city and zone, and are found by them; people
    with tickets of coming events are notified of another name, city or clock time.

    Args:
        venue_id (UUID):
        if_match (str | Unset):
        body (VenuePatch): The fields to change; absent ones stay, and null removes. Events in the
            venue change with it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Venue]
    """

    kwargs = _get_kwargs(
        venue_id=venue_id,
        body=body,
        if_match=if_match,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    venue_id: UUID,
    *,
    client: AuthenticatedClient,
    body: VenuePatch,
    if_match: str | Unset = UNSET,
) -> Problem | Venue | None:
    """Change a venue

     Needs If-Match. Events in the venue show the new name, city and zone, and are found by them; people
    with tickets of coming events are notified of another name, city or clock time.

    Args:
        venue_id (UUID):
        if_match (str | Unset):
        body (VenuePatch): The fields to change; absent ones stay, and null removes. Events in the
            venue change with it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Venue
    """

    return sync_detailed(
        venue_id=venue_id,
        client=client,
        body=body,
        if_match=if_match,
    ).parsed


async def asyncio_detailed(
    venue_id: UUID,
    *,
    client: AuthenticatedClient,
    body: VenuePatch,
    if_match: str | Unset = UNSET,
) -> Response[Problem | Venue]:
    """Change a venue

     Needs If-Match. Events in the venue show the new name, city and zone, and are found by them; people
    with tickets of coming events are notified of another name, city or clock time.

    Args:
        venue_id (UUID):
        if_match (str | Unset):
        body (VenuePatch): The fields to change; absent ones stay, and null removes. Events in the
            venue change with it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Venue]
    """

    kwargs = _get_kwargs(
        venue_id=venue_id,
        body=body,
        if_match=if_match,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    venue_id: UUID,
    *,
    client: AuthenticatedClient,
    body: VenuePatch,
    if_match: str | Unset = UNSET,
) -> Problem | Venue | None:
    """Change a venue

     Needs If-Match. Events in the venue show the new name, city and zone, and are found by them; people
    with tickets of coming events are notified of another name, city or clock time.

    Args:
        venue_id (UUID):
        if_match (str | Unset):
        body (VenuePatch): The fields to change; absent ones stay, and null removes. Events in the
            venue change with it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Venue
    """

    return (
        await asyncio_detailed(
            venue_id=venue_id,
            client=client,
            body=body,
            if_match=if_match,
        )
    ).parsed
