from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.import_venue_body import ImportVenueBody
from ...models.imported_venue import ImportedVenue
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: ImportVenueBody,
    name: str | Unset = UNSET,
    city: str | Unset = UNSET,
    latitude: float | Unset = UNSET,
    longitude: float | Unset = UNSET,
    timezone: str | Unset = UNSET,
    renumber: bool | Unset = False,
    lenient: bool | Unset = False,
    venue_id: UUID | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    params: dict[str, Any] = {}

    params["name"] = name

    params["city"] = city

    params["latitude"] = latitude

    params["longitude"] = longitude

    params["timezone"] = timezone

    params["renumber"] = renumber

    params["lenient"] = lenient

    json_venue_id: str | Unset = UNSET
    if not isinstance(venue_id, Unset):
        json_venue_id = str(venue_id)
    params["venue_id"] = json_venue_id

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/venues/import",
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ImportedVenue | Problem | None:
    if response.status_code == 201:
        response_201 = ImportedVenue.from_dict(response.json())

        return response_201

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

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

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
) -> Response[ImportedVenue | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: ImportVenueBody,
    name: str | Unset = UNSET,
    city: str | Unset = UNSET,
    latitude: float | Unset = UNSET,
    longitude: float | Unset = UNSET,
    timezone: str | Unset = UNSET,
    renumber: bool | Unset = False,
    lenient: bool | Unset = False,
    venue_id: UUID | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Response[ImportedVenue | Problem]:
    """Import a seating plan

     The body is a plan in the native or the pretix format; every problem is reported.

    Args:
        name (str | Unset):
        city (str | Unset):
        latitude (float | Unset):
        longitude (float | Unset):
        timezone (str | Unset):
        renumber (bool | Unset):  Default: False.
        lenient (bool | Unset):  Default: False.
        venue_id (UUID | Unset):
        idempotency_key (str | Unset):
        body (ImportVenueBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ImportedVenue | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        name=name,
        city=city,
        latitude=latitude,
        longitude=longitude,
        timezone=timezone,
        renumber=renumber,
        lenient=lenient,
        venue_id=venue_id,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: ImportVenueBody,
    name: str | Unset = UNSET,
    city: str | Unset = UNSET,
    latitude: float | Unset = UNSET,
    longitude: float | Unset = UNSET,
    timezone: str | Unset = UNSET,
    renumber: bool | Unset = False,
    lenient: bool | Unset = False,
    venue_id: UUID | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> ImportedVenue | Problem | None:
    """Import a seating plan

     The body is a plan in the native or the pretix format; every problem is reported.

    Args:
        name (str | Unset):
        city (str | Unset):
        latitude (float | Unset):
        longitude (float | Unset):
        timezone (str | Unset):
        renumber (bool | Unset):  Default: False.
        lenient (bool | Unset):  Default: False.
        venue_id (UUID | Unset):
        idempotency_key (str | Unset):
        body (ImportVenueBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ImportedVenue | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        name=name,
        city=city,
        latitude=latitude,
        longitude=longitude,
        timezone=timezone,
        renumber=renumber,
        lenient=lenient,
        venue_id=venue_id,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: ImportVenueBody,
    name: str | Unset = UNSET,
    city: str | Unset = UNSET,
    latitude: float | Unset = UNSET,
    longitude: float | Unset = UNSET,
    timezone: str | Unset = UNSET,
    renumber: bool | Unset = False,
    lenient: bool | Unset = False,
    venue_id: UUID | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Response[ImportedVenue | Problem]:
    """Import a seating plan

     The body is a plan in the native or the pretix format; every problem is reported.

    Args:
        name (str | Unset):
        city (str | Unset):
        latitude (float | Unset):
        longitude (float | Unset):
        timezone (str | Unset):
        renumber (bool | Unset):  Default: False.
        lenient (bool | Unset):  Default: False.
        venue_id (UUID | Unset):
        idempotency_key (str | Unset):
        body (ImportVenueBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ImportedVenue | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        name=name,
        city=city,
        latitude=latitude,
        longitude=longitude,
        timezone=timezone,
        renumber=renumber,
        lenient=lenient,
        venue_id=venue_id,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: ImportVenueBody,
    name: str | Unset = UNSET,
    city: str | Unset = UNSET,
    latitude: float | Unset = UNSET,
    longitude: float | Unset = UNSET,
    timezone: str | Unset = UNSET,
    renumber: bool | Unset = False,
    lenient: bool | Unset = False,
    venue_id: UUID | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> ImportedVenue | Problem | None:
    """Import a seating plan

     The body is a plan in the native or the pretix format; every problem is reported.

    Args:
        name (str | Unset):
        city (str | Unset):
        latitude (float | Unset):
        longitude (float | Unset):
        timezone (str | Unset):
        renumber (bool | Unset):  Default: False.
        lenient (bool | Unset):  Default: False.
        venue_id (UUID | Unset):
        idempotency_key (str | Unset):
        body (ImportVenueBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ImportedVenue | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            name=name,
            city=city,
            latitude=latitude,
            longitude=longitude,
            timezone=timezone,
            renumber=renumber,
            lenient=lenient,
            venue_id=venue_id,
            idempotency_key=idempotency_key,
        )
    ).parsed
