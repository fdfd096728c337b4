"""``python -m loadtest.rehearsal EVENT …``, the same as ``frontrow rehearse``."""

import sys

from loadtest.rehearsal.command import main

sys.exit(main(sys.argv[1:]))
