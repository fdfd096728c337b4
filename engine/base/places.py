"""Paths of the product's parts that are not Python."""

from pathlib import Path
from typing import Final

_ENGINE: Final = Path(__file__).resolve().parents[1]
#: The source tree, or the folder that the product is installed into.
PROJECT: Final = _ENGINE.parent
#: A wheel carries this folder inside the engine.
SQL: Final = _ENGINE / "sql" if (_ENGINE / "sql").is_dir() else PROJECT / "sql"
