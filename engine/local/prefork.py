"""``python -m engine.local.prefork NAME [MODULE …]``: import first, then run the program named on stdin.

Imports take most of the time of starting one of our processes. The launcher starts them with this
while the stores start; each imports its MODULEs and waits for one line of JSON, ``{"environment": {…},
"argv": [module, argument, …]}``, which the launcher sends when the stores answer. NAME only tells
people which process it is.
"""

import importlib
import json
import os
import runpy
import sys
import warnings


def main(*modules: str) -> None:
    for module in modules:
        importlib.import_module(module)
    line = sys.stdin.readline()
    if not line:  # the launcher has given up
        return
    order = json.loads(line)
    os.environ.update(order["environment"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = order["argv"]
    # The warning about a module imported before it runs is silenced: this is the program's purpose.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="runpy")
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[2:])
