from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.link_token import LinkToken
from ...models.problem import Problem
from ...models.proven_address import ProvenAddress
from ...types import Response


def _get_kwargs(
    *,
    body: LinkToken,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/auth/verify-email",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | ProvenAddress | None:
    if response.status_code == 200:
        response_200 = ProvenAddress.from_dict(response.json())

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

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Problem | ProvenAddress]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: LinkToken,
) -> Response[Problem | ProvenAddress]:
    """Show that an address is yours

     With the token of the link that was mailed to it. The address then belongs to the account that the
    mail was written for; with an access token, to your own account, if that has the same address. The
    first account that proves the address owns it, and all others lose it.

    Args:
        body (LinkToken): The part after `/verify/` in the mailed link.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | ProvenAddress]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: LinkToken,
) -> Problem | ProvenAddress | None:
    """Show that an address is yours

     With the token of the link that was mailed to it. The address then belongs to the account that the
    mail was written for; with an access token, to your own account, if that has the same address. The
    first account that proves the address owns it, and all others lose it.

    Args:
        body (LinkToken): The part after `/verify/` in the mailed link.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | ProvenAddress
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: LinkToken,
) -> Response[Problem | ProvenAddress]:
    """Show that an address is yours

     With the token of the link that was mailed to it. The address then belongs to the account that the
    mail was written for; with an access token, to your own account, if that has the same address. The
    first account that proves the address owns it, and all others lose it.

    Args:
        body (LinkToken): The part after `/verify/` in the mailed link.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | ProvenAddress]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: LinkToken,
) -> Problem | ProvenAddress | None:
    """Show that an address is yours

     With the token of the link that was mailed to it. The address then belongs to the account that the
    mail was written for; with an access token, to your own account, if that has the same address. The
    first account that proves the address owns it, and all others lose it.

    Args:
        body (LinkToken): The part after `/verify/` in the mailed link.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | ProvenAddress
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
