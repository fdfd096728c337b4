"""Where the parts of the source tree are that are no Python."""

from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[2]
SQL: Final = PROJECT / "sql"
