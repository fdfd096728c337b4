"""The limit of open files: each connection is one, and the soft limit is often 1,024."""

import contextlib
import resource


def raise_file_limit() -> int:
    """Raise the soft limit to the hard one. Returns how many files may be open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 2**20
