"""Clients are generated from the document, type-check, and buy tickets; the examples of the docs use them."""

import filecmp
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from api.app import openapi_document
from api.clients import generate
from tests.conftest import REPO, MakeHouse, Stack

pytestmark = pytest.mark.contract

_PYTHON = generate.PYTHON_TOOLS / "python"
_TSC = generate.NODE_TOOLS / "tsc"
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


def run(command: Sequence[str | Path], **environment: str) -> str:
    """What a program prints; if it fails, the test fails with its error output."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def type_check_python(*paths: Path, folder: Path) -> None:
    # A configuration of its own: generated code need not be as strict as the project.
    options = ["--config-file=", f"--cache-dir={folder}/mypy", f"--python-executable={_PYTHON}"]
    run([sys.executable, "-m", "mypy", *options, *paths], MYPYPATH=str(generate.HERE / "python"))


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    """What ``make clients-tools`` installs. Skips without it, except with CI=true."""
    missing = [str(tool) for tool in (_PYTHON, _TSC) if not tool.exists()]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"run `make clients-tools`: there is no {', '.join(missing)}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clients, generated again."""
    folder = tmp_path_factory.mktemp("clients")
    generate.make_clients(folder)
    return folder


def differences(ours: Path, theirs: Path) -> list[str]:
    """Files that differ between two folders or are in only one of them."""

    def listed(folder: Path) -> set[str]:
        found = (path for path in folder.rglob("*") if path.suffix != ".pyc")
        return {str(path.relative_to(folder)) for path in found if path.is_file()}

    files = listed(ours) | listed(theirs)
    same, _, _ = filecmp.cmpfiles(ours, theirs, files, shallow=False)
    return sorted(files - set(same))


def test_generated_clients_match_the_document(made: Path) -> None:
    stale = differences(made / generate.PYTHON, generate.HERE / generate.PYTHON)
    schema = (made / generate.TYPESCRIPT).read_text()
    if schema != (generate.HERE / generate.TYPESCRIPT).read_text():
        stale.append(generate.TYPESCRIPT)
    assert not stale, "run: make clients"


async def test_the_served_document_is_the_one_that_clients_are_made_of(
    http: httpx.AsyncClient,
) -> None:
    served = (await http.get("/schema/openapi.json")).json()
    assert served == json.loads(json.dumps(openapi_document()))


def test_the_python_client_has_every_operation(made: Path) -> None:
    document = openapi_document()
    ids = {op["operationId"] for item in document["paths"].values() for op in item.values()}
    folder = made / generate.PYTHON / "api"
    assert {path.stem for path in folder.glob("*/*.py") if path.stem != "__init__"} == ids
    type_check_python(made / generate.PYTHON, folder=made)


def test_datamodel_codegen_reads_the_document(tmp_path: Path) -> None:
    source, models = tmp_path / "openapi.json", tmp_path / "models.py"
    source.write_text(json.dumps(openapi_document()))
    generator = generate.PYTHON_TOOLS / "datamodel-codegen"
    options = ["--input-file-type=openapi", "--output-model-type=pydantic_v2.BaseModel"]
    options += ["--target-python-version=3.11", "--formatters=builtin"]
    options += ["--use-annotated", "--set-default-enum-member"]
    run([generator, "--input", source, "--output", models, *options])
    type_check_python(models, folder=tmp_path)
    money = "from models import Money; print(Money(amount=4800, currency='EUR').model_dump_json())"
    printed = run([_PYTHON, "-W", "error", "-c", money], PYTHONPATH=str(tmp_path))
    assert json.loads(printed) == {"amount": 4800, "currency": "EUR"}


def example(language: str) -> str:
    """The example of the docs in this language."""
    _, _, section = _DOCS.read_text().partition("\n## Clients\n")
    found = re.search(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


async def test_the_python_example_buys_tickets(
    stack: Stack, make_house: MakeHouse, tmp_path: Path
) -> None:
    house = await make_house(name="Clients in Python")
    script = tmp_path / "buy.py"
    script.write_text(example("python"))
    type_check_python(script, folder=tmp_path)
    path = str(generate.HERE / "python")
    printed = run([_PYTHON, script, stack.api_url, "clients in python"], PYTHONPATH=path)
    assert len(printed.splitlines()) == 2
    assert (await house.states()).count("2") == 2


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
    run([_TSC, "--strict", *_MODULES, "--outDir", tmp_path, tmp_path / "buy.ts"])
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
