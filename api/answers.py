"""Answers that are sent without the framework."""

from litestar.types import Send

from api.problems import PROBLEM_JSON

#: The name under which requests without a route are counted.
UNMATCHED = "unmatched"


async def send_answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    """Send a whole answer; a problem, unless ``headers`` name another type."""
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
