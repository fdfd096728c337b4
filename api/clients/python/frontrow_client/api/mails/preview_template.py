from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.texts import Texts
from ...models.written import Written
from ...types import Response


def _get_kwargs(
    kind: str,
    language: str,
    *,
    body: Texts,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/mail-templates/{kind}/{language}/preview".format(
            kind=quote(str(kind), safe=""),
            language=quote(str(language), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | Written | None:
    if response.status_code == 200:
        response_200 = Written.from_dict(response.json())

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

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

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
) -> Response[Problem | Written]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    kind: str,
    language: str,
    *,
    client: AuthenticatedClient,
    body: Texts,
) -> Response[Problem | Written]:
    """See a mail before its template is saved

     Rendered with made-up facts. Pictures are embedded in the HTML.

    Args:
        kind (str):
        language (str):
        body (Texts): The texts of a mail, in Jinja2.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Written]
    """

    kwargs = _get_kwargs(
        kind=kind,
        language=language,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    kind: str,
    language: str,
    *,
    client: AuthenticatedClient,
    body: Texts,
) -> Problem | Written | None:
    """See a mail before its template is saved

     Rendered with made-up facts. Pictures are embedded in the HTML.

    Args:
        kind (str):
        language (str):
        body (Texts): The texts of a mail, in Jinja2.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Written
    """

    return sync_detailed(
        kind=kind,
        language=language,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    kind: str,
    language: str,
    *,
    client: AuthenticatedClient,
    body: Texts,
) -> Response[Problem | Written]:
    """See a mail before its template is saved

     Rendered with made-up facts. Pictures are embedded in the HTML.

    Args:
        kind (str):
        language (str):
        body (Texts): The texts of a mail, in Jinja2.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Written]
    """

    kwargs = _get_kwargs(
        kind=kind,
        language=language,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    kind: str,
    language: str,
    *,
    client: AuthenticatedClient,
    body: Texts,
) -> Problem | Written | None:
    """See a mail before its template is saved

     Rendered with made-up facts. Pictures are embedded in the HTML.

    Args:
        kind (str):
        language (str):
        body (Texts): The texts of a mail, in Jinja2.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Written
    """

    return (
        await asyncio_detailed(
            kind=kind,
            language=language,
            client=client,
            body=body,
        )
    ).parsed
