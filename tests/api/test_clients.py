"""The generated clients buy tickets: the examples of the docs, run as they stand there."""

import json
import re
from pathlib import Path

import httpx
import pytest

from api.app import openapi_document
from api.clients import generate
from tests.conftest import REPO, MakeHouse, Stack
from tests.support.clients import PYTHON, TSC, run, type_check_python

pytestmark = pytest.mark.contract

_MODULES = [
    "--target",
    "es2022",
    "--module",
    "es2022",
    "--moduleResolution",
    "bundler",
    "--lib",
    "es2023,dom",
]
_DOCS = REPO / "docs" / "api.md"


async def test_the_served_document_is_the_one_that_clients_are_made_of(
    http: httpx.AsyncClient,
) -> None:
    served = (await http.get("/schema/openapi.json")).json()
    assert served == json.loads(json.dumps(openapi_document()))


def example(language: str) -> str:
    """The example of the docs in this language."""
    _, _, section = _DOCS.read_text().partition("\n## Clients\n")
    found = re.search(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.usefixtures("client_tools")
async def test_the_python_example_buys_tickets(
    stack: Stack, make_house: MakeHouse, tmp_path: Path
) -> None:
    house = await make_house(name="Clients in Python")
    script = tmp_path / "buy.py"
    script.write_text(example("python"))
    type_check_python(script, folder=tmp_path)
    path = str(generate.HERE / "python")
    printed = run([PYTHON, script, stack.api_url, "clients in python"], PYTHONPATH=path)
    assert len(printed.splitlines()) == 2
    assert (await house.states()).count("2") == 2


@pytest.mark.usefixtures("client_tools")
async def test_the_typescript_example_buys_tickets(
    stack: Stack, make_house: MakeHouse, tmp_path: Path
) -> None:
    house = await make_house(name="Clients in TypeScript")
    (tmp_path / "buy.ts").write_text(example("ts"))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    # As npm links a package of a folder.
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "frontrow-client").symlink_to(generate.HERE / "typescript")
    run([TSC, "--strict", *_MODULES, "--outDir", tmp_path, tmp_path / "buy.ts"])
    call = f"import {{ buy }} from '{tmp_path}/buy.js'; console.log(await buy(...process.argv.slice(1)))"
    command = [
        "node",
        "--input-type=module",
        "--eval",
        call,
        stack.api_url,
        "clients in typescript",
    ]
    assert run(command).count("Stalls, row") == 2
    assert (await house.states()).count("2") == 2
