from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.activation import Activation
from ...models.problem import Problem
from ...models.rule_version import RuleVersion
from ...types import UNSET, Response, Unset


def _get_kwargs(
    event_id: UUID,
    rule_id: UUID,
    *,
    body: Activation,
    if_match: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_match, Unset):
        headers["If-Match"] = if_match

    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/events/{event_id}/pricing/rules/{rule_id}/activate".format(
            event_id=quote(str(event_id), safe=""),
            rule_id=quote(str(rule_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | RuleVersion | None:
    if response.status_code == 200:
        response_200 = RuleVersion.from_dict(response.json())

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

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

    if response.status_code == 412:
        response_412 = Problem.from_dict(response.json())

        return response_412

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
) -> Response[Problem | RuleVersion]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    event_id: UUID,
    rule_id: UUID,
    *,
    client: AuthenticatedClient,
    body: Activation,
    if_match: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Response[Problem | RuleVersion]:
    """Put a rule in force

     At once, or at `valid_from`. The one before it is retired at that moment. Of an event that is not
    published yet: with publishing, and until then `scheduled`. Takes an optional If-Match.

    Args:
        event_id (UUID):
        rule_id (UUID):
        if_match (str | Unset):
        idempotency_key (str | Unset):
        body (Activation): When a rule comes into force.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RuleVersion]
    """

    kwargs = _get_kwargs(
        event_id=event_id,
        rule_id=rule_id,
        body=body,
        if_match=if_match,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    event_id: UUID,
    rule_id: UUID,
    *,
    client: AuthenticatedClient,
    body: Activation,
    if_match: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Problem | RuleVersion | None:
    """Put a rule in force

     At once, or at `valid_from`. The one before it is retired at that moment. Of an event that is not
    published yet: with publishing, and until then `scheduled`. Takes an optional If-Match.

    Args:
        event_id (UUID):
        rule_id (UUID):
        if_match (str | Unset):
        idempotency_key (str | Unset):
        body (Activation): When a rule comes into force.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RuleVersion
    """

    return sync_detailed(
        event_id=event_id,
        rule_id=rule_id,
        client=client,
        body=body,
        if_match=if_match,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    event_id: UUID,
    rule_id: UUID,
    *,
    client: AuthenticatedClient,
    body: Activation,
    if_match: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Response[Problem | RuleVersion]:
    """Put a rule in force

     At once, or at `valid_from`. The one before it is retired at that moment. Of an event that is not
    published yet: with publishing, and until then `scheduled`. Takes an optional If-Match.

    Args:
        event_id (UUID):
        rule_id (UUID):
        if_match (str | Unset):
        idempotency_key (str | Unset):
        body (Activation): When a rule comes into force.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RuleVersion]
    """

    kwargs = _get_kwargs(
        event_id=event_id,
        rule_id=rule_id,
        body=body,
        if_match=if_match,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    event_id: UUID,
    rule_id: UUID,
    *,
    client: AuthenticatedClient,
    body: Activation,
    if_match: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Problem | RuleVersion | None:
    """Put a rule in force

     At once, or at `valid_from`. The one before it is retired at that moment. Of an event that is not
    published yet: with publishing, and until then `scheduled`. Takes an optional If-Match.

    Args:
        event_id (UUID):
        rule_id (UUID):
        if_match (str | Unset):
        idempotency_key (str | Unset):
        body (Activation): When a rule comes into force.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RuleVersion
    """

    return (
        await asyncio_detailed(
            event_id=event_id,
            rule_id=rule_id,
            client=client,
            body=body,
            if_match=if_match,
            idempotency_key=idempotency_key,
        )
    ).parsed
