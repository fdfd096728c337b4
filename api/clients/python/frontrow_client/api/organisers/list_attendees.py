from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.attendee_list import AttendeeList
from ...models.list_attendees_status import ListAttendeesStatus
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    event_id: UUID,
    *,
    status: ListAttendeesStatus | Unset = ListAttendeesStatus.CONFIRMED,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status.value

    params["status"] = json_status

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/events/{event_id}/attendees".format(
            event_id=quote(str(event_id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> AttendeeList | Problem | None:
    if response.status_code == 200:
        response_200 = AttendeeList.from_dict(response.json())

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
) -> Response[AttendeeList | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    event_id: UUID,
    *,
    client: AuthenticatedClient,
    status: ListAttendeesStatus | Unset = ListAttendeesStatus.CONFIRMED,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> Response[AttendeeList | Problem]:
    """Who comes: one row for each place

     As pages of JSON; with `Accept: text/csv` as one complete table at one instant, in UTF-8, with a
    header. Text that a spreadsheet would take for a formula begins with an apostrophe.

    Args:
        event_id (UUID):
        status (ListAttendeesStatus | Unset):  Default: ListAttendeesStatus.CONFIRMED.
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AttendeeList | Problem]
    """

    kwargs = _get_kwargs(
        event_id=event_id,
        status=status,
        limit=limit,
        cursor=cursor,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    event_id: UUID,
    *,
    client: AuthenticatedClient,
    status: ListAttendeesStatus | Unset = ListAttendeesStatus.CONFIRMED,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> AttendeeList | Problem | None:
    """Who comes: one row for each place

     As pages of JSON; with `Accept: text/csv` as one complete table at one instant, in UTF-8, with a
    header. Text that a spreadsheet would take for a formula begins with an apostrophe.

    Args:
        event_id (UUID):
        status (ListAttendeesStatus | Unset):  Default: ListAttendeesStatus.CONFIRMED.
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AttendeeList | Problem
    """

    return sync_detailed(
        event_id=event_id,
        client=client,
        status=status,
        limit=limit,
        cursor=cursor,
    ).parsed


async def asyncio_detailed(
    event_id: UUID,
    *,
    client: AuthenticatedClient,
    status: ListAttendeesStatus | Unset = ListAttendeesStatus.CONFIRMED,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> Response[AttendeeList | Problem]:
    """Who comes: one row for each place

     As pages of JSON; with `Accept: text/csv` as one complete table at one instant, in UTF-8, with a
    header. Text that a spreadsheet would take for a formula begins with an apostrophe.

    Args:
        event_id (UUID):
        status (ListAttendeesStatus | Unset):  Default: ListAttendeesStatus.CONFIRMED.
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AttendeeList | Problem]
    """

    kwargs = _get_kwargs(
        event_id=event_id,
        status=status,
        limit=limit,
        cursor=cursor,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    event_id: UUID,
    *,
    client: AuthenticatedClient,
    status: ListAttendeesStatus | Unset = ListAttendeesStatus.CONFIRMED,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> AttendeeList | Problem | None:
    """Who comes: one row for each place

     As pages of JSON; with `Accept: text/csv` as one complete table at one instant, in UTF-8, with a
    header. Text that a spreadsheet would take for a formula begins with an apostrophe.

    Args:
        event_id (UUID):
        status (ListAttendeesStatus | Unset):  Default: ListAttendeesStatus.CONFIRMED.
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AttendeeList | Problem
    """

    return (
        await asyncio_detailed(
            event_id=event_id,
            client=client,
            status=status,
            limit=limit,
            cursor=cursor,
        )
    ).parsed
