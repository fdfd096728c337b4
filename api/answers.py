"""Answers that are given without the framework."""

from litestar.types import Send

from api.problems import PROBLEM_JSON

#: The route of a request that has none.
UNMATCHED = "unmatched"


async def send_answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    """A whole answer; a problem, unless ``headers`` say what it is."""
    if body:
        headers = {"content-type": PROBLEM_JSON, **headers, "content-length": str(len(body))}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
