"""Makes the clients of the API from its own document: ``make clients``.

The generators do the work; here stands what they are asked for, so that the same document gives the same files
on every machine. A test makes them again and compares.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from api.app import openapi_document

HERE: Final = Path(__file__).parent
REPO: Final = HERE.parents[1]
#: Where ``make clients-tools`` puts the generators.
PYTHON_TOOLS: Final = REPO / ".venv" / "clients" / "bin"
NODE_TOOLS: Final = REPO / "node_modules" / ".bin"
#: What is generated, below this folder; all else there is written by people.
PYTHON: Final = "python/frontrow_client"
TYPESCRIPT: Final = "typescript/schema.d.ts"

_PYTHON_CONFIG: Final = {
    "package_name_override": "frontrow_client",
    # A class with a field of its own name would not pass a type checker.
    "class_overrides": {"Price": {"class_name": "CategoryPrice", "module_name": "category_price"}},
    "post_hooks": [
        # What the project's own settings say has no bearing on it.
        "ruff check --isolated --no-cache --quiet --fix --exit-zero --select=F401,I .",
        "ruff format --isolated --no-cache --quiet --line-length=100 .",
    ],
}


def make_clients(folder: Path) -> None:
    """Write both clients below ``folder``. Raises subprocess.CalledProcessError where a generator refuses, or
    warns that it leaves anything out.
    """
    document = openapi_document()
    with tempfile.TemporaryDirectory() as scratch:
        _make_python(_for_python(document), Path(scratch), folder / PYTHON)
        _make_typescript(document, Path(scratch), folder / TYPESCRIPT)


def _for_python(document: dict[str, Any]) -> dict[str, Any]:
    """The document without security that is optional, which the generator takes for required."""
    changed: dict[str, Any] = json.loads(json.dumps(document))
    for item in changed["paths"].values():
        for operation in item.values():
            if {} in operation.get("security", []):
                del operation["security"]
    return changed


def _make_python(document: dict[str, Any], scratch: Path, target: Path) -> None:
    source, config = scratch / "python.json", scratch / "config.json"
    source.write_text(json.dumps(document))
    config.write_text(json.dumps(_PYTHON_CONFIG))
    made = scratch / "frontrow_client"
    _run(
        PYTHON_TOOLS / "openapi-python-client",
        "generate",
        "--path",
        source,
        "--config",
        config,
        "--meta=none",
        "--fail-on-warning",
        "--output-path",
        made,
    )
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(made, target)


def _make_typescript(document: dict[str, Any], scratch: Path, target: Path) -> None:
    source = scratch / "typescript.json"
    source.write_text(json.dumps(document))
    target.parent.mkdir(parents=True, exist_ok=True)
    # What has a default need not be sent.
    options = ["--default-non-nullable=false"]
    _run(NODE_TOOLS / "openapi-typescript", source, *options, "--output", target)


def _run(tool: Path, *arguments: str | Path) -> None:
    path = f"{PYTHON_TOOLS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    done = subprocess.run(  # noqa: S603  # what is run stands above
        [tool, *arguments],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        raise subprocess.CalledProcessError(done.returncode, [str(tool), *map(str, arguments)])


if __name__ == "__main__":
    make_clients(HERE)
