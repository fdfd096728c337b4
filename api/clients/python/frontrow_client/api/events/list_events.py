import datetime
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.event_list import EventList
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    q: str | Unset = UNSET,
    category: str | Unset = UNSET,
    city: str | Unset = UNSET,
    near: str | Unset = UNSET,
    radius_km: float | Unset = 50.0,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    available: bool | Unset = UNSET,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["q"] = q

    params["category"] = category

    params["city"] = city

    params["near"] = near

    params["radius_km"] = radius_km

    json_from_: str | Unset = UNSET
    if not isinstance(from_, Unset):
        json_from_ = from_.isoformat()
    params["from"] = json_from_

    json_to: str | Unset = UNSET
    if not isinstance(to, Unset):
        json_to = to.isoformat()
    params["to"] = json_to

    params["available"] = available

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/events",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> EventList | Problem | None:
    if response.status_code == 200:
        response_200 = EventList.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[EventList | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    q: str | Unset = UNSET,
    category: str | Unset = UNSET,
    city: str | Unset = UNSET,
    near: str | Unset = UNSET,
    radius_km: float | Unset = 50.0,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    available: bool | Unset = UNSET,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> Response[EventList | Problem]:
    """Events on sale, by date

     On sale or paused; and cancelled ones, with that `status`, until a day after their start: people who
    look for them learn why they cannot find tickets.

    Args:
        q (str | Unset):
        category (str | Unset):
        city (str | Unset):
        near (str | Unset):
        radius_km (float | Unset):  Default: 50.0.
        from_ (datetime.datetime | Unset):
        to (datetime.datetime | Unset):
        available (bool | Unset):
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[EventList | Problem]
    """

    kwargs = _get_kwargs(
        q=q,
        category=category,
        city=city,
        near=near,
        radius_km=radius_km,
        from_=from_,
        to=to,
        available=available,
        limit=limit,
        cursor=cursor,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    q: str | Unset = UNSET,
    category: str | Unset = UNSET,
    city: str | Unset = UNSET,
    near: str | Unset = UNSET,
    radius_km: float | Unset = 50.0,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    available: bool | Unset = UNSET,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> EventList | Problem | None:
    """Events on sale, by date

     On sale or paused; and cancelled ones, with that `status`, until a day after their start: people who
    look for them learn why they cannot find tickets.

    Args:
        q (str | Unset):
        category (str | Unset):
        city (str | Unset):
        near (str | Unset):
        radius_km (float | Unset):  Default: 50.0.
        from_ (datetime.datetime | Unset):
        to (datetime.datetime | Unset):
        available (bool | Unset):
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        EventList | Problem
    """

    return sync_detailed(
        client=client,
        q=q,
        category=category,
        city=city,
        near=near,
        radius_km=radius_km,
        from_=from_,
        to=to,
        available=available,
        limit=limit,
        cursor=cursor,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    q: str | Unset = UNSET,
    category: str | Unset = UNSET,
    city: str | Unset = UNSET,
    near: str | Unset = UNSET,
    radius_km: float | Unset = 50.0,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    available: bool | Unset = UNSET,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> Response[EventList | Problem]:
    """Events on sale, by date

     On sale or paused; and cancelled ones, with that `status`, until a day after their start: people who
    look for them learn why they cannot find tickets.

    Args:
        q (str | Unset):
        category (str | Unset):
        city (str | Unset):
        near (str | Unset):
        radius_km (float | Unset):  Default: 50.0.
        from_ (datetime.datetime | Unset):
        to (datetime.datetime | Unset):
        available (bool | Unset):
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[EventList | Problem]
    """

    kwargs = _get_kwargs(
        q=q,
        category=category,
        city=city,
        near=near,
        radius_km=radius_km,
        from_=from_,
        to=to,
        available=available,
        limit=limit,
        cursor=cursor,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    q: str | Unset = UNSET,
    category: str | Unset = UNSET,
    city: str | Unset = UNSET,
    near: str | Unset = UNSET,
    radius_km: float | Unset = 50.0,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    available: bool | Unset = UNSET,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> EventList | Problem | None:
    """Events on sale, by date

     On sale or paused; and cancelled ones, with that `status`, until a day after their start: people who
    look for them learn why they cannot find tickets.

    Args:
        q (str | Unset):
        category (str | Unset):
        city (str | Unset):
        near (str | Unset):
        radius_km (float | Unset):  Default: 50.0.
        from_ (datetime.datetime | Unset):
        to (datetime.datetime | Unset):
        available (bool | Unset):
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        EventList | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            q=q,
            category=category,
            city=city,
            near=near,
            radius_km=radius_km,
            from_=from_,
            to=to,
            available=available,
            limit=limit,
            cursor=cursor,
        )
    ).parsed
