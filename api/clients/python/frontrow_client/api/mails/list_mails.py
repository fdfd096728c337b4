from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.mail_kind import MailKind
from ...models.mail_list import MailList
from ...models.problem import Problem
from ...models.status import Status
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    status: Status | Unset = UNSET,
    kind: MailKind | Unset = UNSET,
    event_id: UUID | Unset = UNSET,
    email: str | Unset = UNSET,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status.value

    params["status"] = json_status

    json_kind: str | Unset = UNSET
    if not isinstance(kind, Unset):
        json_kind = kind.value

    params["kind"] = json_kind

    json_event_id: str | Unset = UNSET
    if not isinstance(event_id, Unset):
        json_event_id = str(event_id)
    params["event_id"] = json_event_id

    params["email"] = email

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/mails",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> MailList | Problem | None:
    if response.status_code == 200:
        response_200 = MailList.from_dict(response.json())

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
) -> Response[MailList | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    status: Status | Unset = UNSET,
    kind: MailKind | Unset = UNSET,
    event_id: UUID | Unset = UNSET,
    email: str | Unset = UNSET,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> Response[MailList | Problem]:
    """Mails and their delivery

     Mails with `?status=dead` and `?status=unknown` need a person.

    Args:
        status (Status | Unset): The status of a mail; `engine.notifications` has a diagram.
        kind (MailKind | Unset):
        event_id (UUID | Unset):
        email (str | Unset):
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[MailList | Problem]
    """

    kwargs = _get_kwargs(
        status=status,
        kind=kind,
        event_id=event_id,
        email=email,
        limit=limit,
        cursor=cursor,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    status: Status | Unset = UNSET,
    kind: MailKind | Unset = UNSET,
    event_id: UUID | Unset = UNSET,
    email: str | Unset = UNSET,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> MailList | Problem | None:
    """Mails and their delivery

     Mails with `?status=dead` and `?status=unknown` need a person.

    Args:
        status (Status | Unset): The status of a mail; `engine.notifications` has a diagram.
        kind (MailKind | Unset):
        event_id (UUID | Unset):
        email (str | Unset):
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        MailList | Problem
    """

    return sync_detailed(
        client=client,
        status=status,
        kind=kind,
        event_id=event_id,
        email=email,
        limit=limit,
        cursor=cursor,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    status: Status | Unset = UNSET,
    kind: MailKind | Unset = UNSET,
    event_id: UUID | Unset = UNSET,
    email: str | Unset = UNSET,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> Response[MailList | Problem]:
    """Mails and their delivery

     Mails with `?status=dead` and `?status=unknown` need a person.

    Args:
        status (Status | Unset): The status of a mail; `engine.notifications` has a diagram.
        kind (MailKind | Unset):
        event_id (UUID | Unset):
        email (str | Unset):
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[MailList | Problem]
    """

    kwargs = _get_kwargs(
        status=status,
        kind=kind,
        event_id=event_id,
        email=email,
        limit=limit,
        cursor=cursor,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    status: Status | Unset = UNSET,
    kind: MailKind | Unset = UNSET,
    event_id: UUID | Unset = UNSET,
    email: str | Unset = UNSET,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> MailList | Problem | None:
    """Mails and their delivery

     Mails with `?status=dead` and `?status=unknown` need a person.

    Args:
        status (Status | Unset): The status of a mail; `engine.notifications` has a diagram.
        kind (MailKind | Unset):
        event_id (UUID | Unset):
        email (str | Unset):
        limit (int | Unset):  Default: 20.
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        MailList | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            status=status,
            kind=kind,
            event_id=event_id,
            email=email,
            limit=limit,
            cursor=cursor,
        )
    ).parsed
