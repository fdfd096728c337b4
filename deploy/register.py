"""Registers a source tree with the Python that runs this, as an installation would, without a build.

A path file points to the tree, and a metadata folder has the version and the entry points of pyproject.toml.
Run it again when those change.
"""

import sysconfig
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]


def main() -> None:
    project = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]
    site = Path(sysconfig.get_path("purelib"))
    (site / "frontrow.pth").write_text(f"{TREE}\n")
    told = site / "frontrow.dist-info"
    told.mkdir(exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: frontrow\nVersion: {project['version']}\n"
    (told / "METADATA").write_text(metadata)
    groups = {"console_scripts": project["scripts"], **project.get("entry-points", {})}
    (told / "entry_points.txt").write_text(
        "\n".join(
            f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in points.items())
            for group, points in groups.items()
        )
    )


if __name__ == "__main__":
    main()
