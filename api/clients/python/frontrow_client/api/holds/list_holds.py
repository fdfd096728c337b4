from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.hold_list import HoldList
from ...models.problem import Problem
from ...types import UNSET, Response


def _get_kwargs(
    *,
    event_id: UUID,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_event_id = str(event_id)
    params["event_id"] = json_event_id

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/holds",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> HoldList | Problem | None:
    if response.status_code == 200:
        response_200 = HoldList.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[HoldList | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    event_id: UUID,
) -> Response[HoldList | Problem]:
    """Your live holds of one event

     Those that are held or being paid for, the one with the nearest deadline first, whichever window or
    device made them. Their number is bounded by the event's limit per buyer.

    Args:
        event_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HoldList | Problem]
    """

    kwargs = _get_kwargs(
        event_id=event_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    event_id: UUID,
) -> HoldList | Problem | None:
    """Your live holds of one event

     Those that are held or being paid for, the one with the nearest deadline first, whichever window or
    device made them. Their number is bounded by the event's limit per buyer.

    Args:
        event_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HoldList | Problem
    """

    return sync_detailed(
        client=client,
        event_id=event_id,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    event_id: UUID,
) -> Response[HoldList | Problem]:
    """Your live holds of one event

     Those that are held or being paid for, the one with the nearest deadline first, whichever window or
    device made them. Their number is bounded by the event's limit per buyer.

    Args:
        event_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HoldList | Problem]
    """

    kwargs = _get_kwargs(
        event_id=event_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    event_id: UUID,
) -> HoldList | Problem | None:
    """Your live holds of one event

     Those that are held or being paid for, the one with the nearest deadline first, whichever window or
    device made them. Their number is bounded by the event's limit per buyer.

    Args:
        event_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HoldList | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            event_id=event_id,
        )
    ).parsed
