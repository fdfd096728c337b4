"""``python -m engine`` is ``frontrow``."""

from engine.cli.main import main

if __name__ == "__main__":
    main()
