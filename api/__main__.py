"""``python -m api``: one API process, with settings from the environment."""

import sys

from api.serving import serve
from engine.base.config import ConfigError, load_settings
from engine.base.redaction import install_hooks

if __name__ == "__main__":
    install_hooks()
    try:
        serve(load_settings())
    except ConfigError as error:
        sys.exit(f"frontrow: {error}")
