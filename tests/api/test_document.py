"""The OpenAPI document and the page made of it: valid, whole, and true to the types."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import schemathesis
from litestar import get

from api.app import HANDLERS
from api.description import BINARY, Reply, described
from api.examples.problems import PROBLEMS
from api.examples.venues import NATIVE_PLAN, PRETIX_PLAN
from api.json_types import Types
from api.openapi import HEADERS, described_operations
from api.problems import HTTP_CODES, status_of
from engine.layout import import_layout
from tests.conftest import REPO

pytestmark = pytest.mark.contract

Json = dict[str, Any]
PROBLEM_JSON = "application/problem+json"
#: Routes whose body identifies the client, or that need no authentication.
WITHOUT_TOKEN = {"guest", "login", "refresh", "logout", "look_up_bookings"}


@pytest.fixture(scope="module")
async def document(stack_http: httpx.AsyncClient) -> Json:
    response = await stack_http.get("/schema/openapi.json")
    assert response.status_code == 200
    found: Json = response.json()
    return found


@pytest.fixture(scope="module")
async def page(stack_http: httpx.AsyncClient) -> str:
    response = await stack_http.get("/schema", headers={"Accept": "text/html,*/*;q=0.8"})
    assert response.headers["content-type"].startswith("text/html")
    return response.text


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


async def test_the_document_is_valid_openapi(document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    # First the specification's own schema, which comes with schemathesis; then every schema of ours.
    schemathesis.openapi.from_dict(document).validate()
    for name in document["components"]["schemas"]:
        reference = {"$ref": f"#/components/schemas/{name}"}
        jsonschema_rs.validator_for({**reference, "components": document["components"]})


async def test_every_operation_is_described_completely(document: Json) -> None:
    ids = {operation["operationId"] for _, _, operation in operations(document)}
    assert ids == set(described_operations(HANDLERS))
    tags = {tag["name"] for tag in document["tags"]}
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert set(operation["tags"]) <= tags, where
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (where, parameter["name"])
            assert "null" not in str(parameter["schema"]), (where, parameter["name"])
        assert all(response["description"] for response in operation["responses"].values()), where
        if (
            path.startswith("/v1/")
            and method != "get"
            and operation["operationId"] not in WITHOUT_TOKEN
        ):
            assert operation["security"], where


async def test_every_refusal_is_a_problem_with_an_example(document: Json) -> None:
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if status < "400" or (path, status) == ("/health/ready", "503"):
                continue
            where = f"{method} {path} {status}"
            content = response["content"][PROBLEM_JSON]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, where
            for code, example in content["examples"].items():
                problem = example["value"]
                assert problem["type"] == f"/problems/{code}", where
                assert str(problem["status"]) == status, where
                assert "{" not in problem["instance"], where
            if status in ("429", "503"):
                assert "Retry-After" in response["headers"], where


async def test_every_header_is_described(document: Json) -> None:
    used = {
        name
        for _, _, operation in operations(document)
        for response in operation["responses"].values()
        for name in response.get("headers", {})
    }
    assert used == set(HEADERS) == set(document["components"]["headers"])


def bodies() -> Iterator[tuple[str, str, str, Any, Json]]:
    """Operation, request or status, media type, type, examples."""
    for name, (operation, shown) in described_operations(HANDLERS).items():
        if operation.takes:
            yield name, "takes", "application/json", operation.takes, shown.takes
        for status, reply in operation.gives.items():
            for kind, type_ in reply.bodies.items():
                if kind != BINARY:
                    yield name, str(status), kind, type_, shown.of_reply(status, kind)


@pytest.mark.parametrize(
    ("name", "part", "kind", "type_", "examples"),
    list(bodies()),
    ids=lambda v: v if isinstance(v, str) else "",
)
async def test_examples_fit_what_the_api_takes_and_gives(
    document: Json, name: str, part: str, kind: str, type_: Any, examples: Json
) -> None:
    (operation,) = (o for _, _, o in operations(document) if o["operationId"] == name)
    holder = operation["requestBody"] if part == "takes" else operation["responses"][part]
    content = holder["content"][kind]
    assert content["examples"].keys() == examples.keys() != set()
    schema = {**content["schema"], "components": document["components"]}
    for example in content["examples"].values():
        msgspec.convert(example["value"], type_, str_keys=True)
        jsonschema_rs.validate(schema, example["value"])


def test_a_route_without_operation_does_not_start() -> None:
    @get("/v1/nothing")
    async def read_nothing() -> str:
        return ""

    with pytest.raises(TypeError, match=r"read_nothing \(/v1/nothing\) .* Write opt=described\("):
        described_operations([read_nothing])


def test_an_operation_without_example_does_not_start() -> None:
    @get("/v1/nothing", opt=described(gives={200: Reply("Nothing.", str)}))
    async def read_nothing() -> str:
        return ""

    with pytest.raises(TypeError, match=r"read_nothing .* 200 application/json\. Write .* Shown\("):
        described_operations([read_nothing])


class _Inner(msgspec.Struct, frozen=True):
    no: int


class _Named(msgspec.Struct):
    """A type with a field that is called ``default``."""

    default: dict[str, int]
    items: tuple[int, str]
    other: str | None = None
    inner: _Inner = _Inner(1)


def test_types_read_the_same_for_generators_and_people() -> None:
    fields = Types([_Named]).components["_Named"]["properties"]
    assert fields["default"]["type"] == "object"
    pair = [{"type": "integer"}, {"type": "string"}]
    assert fields["items"] == {"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": pair}
    assert "default" not in fields["other"]
    assert "default" not in fields["inner"]
    assert fields["inner"]["description"] == 'Without it: `{"no": 1}`.'


async def test_problem_examples_fit_their_schema(document: Json) -> None:
    schema = {
        "$ref": "#/components/schemas/Problem",
        "components": document["components"],
    }
    for _, _, operation in operations(document):
        for response in operation["responses"].values():
            for example in response.get("content", {}).get(PROBLEM_JSON, {}).get("examples", {}):
                value = response["content"][PROBLEM_JSON]["examples"][example]["value"]
                jsonschema_rs.validate(schema, value)


async def test_the_seating_plans_of_the_examples_can_be_imported() -> None:
    for plan in (NATIVE_PLAN, PRETIX_PLAN):
        imported = import_layout(plan)
        assert imported.layout.seat_count == 2
        assert imported.warnings == []


def raised_codes() -> set[str]:
    """Every problem code in the source, given as an argument or as the default of an error class."""
    source = "\n".join(
        path.read_text()
        for room in ("engine", "api")
        for path in sorted((REPO / room).rglob("*.py"))
        if path.parent.name != "examples"
    )
    given = set(re.findall(r"(?<!decline_)code=\(?\s*\"([a-z-]+)\"", source))
    own = set(re.findall(r"^    code = \"([a-z-]+)\"", source, re.MULTILINE))
    either = re.findall(r"code=\"([a-z-]+)\" if .* else \"([a-z-]+)\"", source)
    return given | own | {code for pair in either for code in pair} | set(HTTP_CODES.values())


async def test_every_problem_code_is_described() -> None:
    # ``gone`` is only the base of its branch; the classes below it have codes of their own.
    assert raised_codes() - {"gone"} == set(PROBLEMS)


async def test_the_page_shows_everything_without_internet_access(document: Json, page: str) -> None:
    for path, method, operation in operations(document):
        assert f'id="{operation["operationId"]}"' in page, (method, path)
    for name in document["components"]["schemas"]:
        assert f'id="type-{name}"' in page
    for code in PROBLEMS:
        assert f'id="problem-{code}"' in page
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert {"/web/base.css", "/web/reference.css"} <= set(loaded)
    assert [address for address in loaded if not address.startswith(("/", "#"))] == []
    assert "<script" not in page
    targets = set(re.findall(r'id="([^"]*)"', page))
    assert {a[1:] for a in loaded if a.startswith("#")} - targets == set()


async def test_every_file_that_the_page_loads_exists(http: httpx.AsyncClient, page: str) -> None:
    for address in set(re.findall(r'(?:src|href)="(/web/[^"]*)"', page)):
        response = await http.get(address)
        assert response.status_code == 200, address
        assert not re.search(r"url\(|@import", response.text), address
        assert Path(address).suffix in (".css", ".svg")


async def test_a_client_that_asks_for_json_gets_the_document(
    http: httpx.AsyncClient, document: Json
) -> None:
    response = await http.get("/schema", headers={"Accept": "application/json"})
    assert response.headers["content-type"] == "application/json"
    assert response.json() == document


async def test_a_problem_type_url_opens_its_description(http: httpx.AsyncClient) -> None:
    for code, error in PROBLEMS.items():
        response = await http.get(f"/problems/{code}")
        assert response.status_code == 303
        assert response.headers["location"] == f"/schema#problem-{code}"
        assert 400 <= status_of(error) < 600
