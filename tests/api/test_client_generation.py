"""Clients are generated from the document, and type-check."""

import filecmp
import json
from pathlib import Path

import pytest

from api.app import openapi_document
from api.clients import generate
from tests.support.clients import PYTHON, run, type_check_python

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, client_tools: None) -> Path:
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


def test_the_python_client_has_every_operation(made: Path) -> None:
    document = openapi_document()
    ids = {op["operationId"] for item in document["paths"].values() for op in item.values()}
    folder = made / generate.PYTHON / "api"
    assert {path.stem for path in folder.glob("*/*.py") if path.stem != "__init__"} == ids
    type_check_python(made / generate.PYTHON, folder=made)


def test_datamodel_codegen_reads_the_document(client_tools: None, tmp_path: Path) -> None:
    source, models = tmp_path / "openapi.json", tmp_path / "models.py"
    source.write_text(json.dumps(openapi_document()))
    generator = generate.PYTHON_TOOLS / "datamodel-codegen"
    options = ["--input-file-type=openapi", "--output-model-type=pydantic_v2.BaseModel"]
    options += ["--target-python-version=3.11", "--formatters=builtin"]
    options += ["--use-annotated", "--set-default-enum-member"]
    run([generator, "--input", source, "--output", models, *options])
    type_check_python(models, folder=tmp_path)
    money = "from models import Money; print(Money(amount=4800, currency='EUR').model_dump_json())"
    printed = run([PYTHON, "-W", "error", "-c", money], PYTHONPATH=str(tmp_path))
    assert json.loads(printed) == {"amount": 4800, "currency": "EUR"}
