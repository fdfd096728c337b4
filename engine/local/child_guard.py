"""Runs a command in place of itself, which must not outlive the process that started it.

``python -I -S leash.py PARENT SIGNAL ACCOUNT COMMAND [ARGUMENT …]``: the kernel sends SIGNAL when
the thread of PARENT that started this ends, so that thread must be the main one. ACCOUNT is ``-``
or ``uid:gid`` to run as. This is a program of its own, and not a ``preexec_fn``, because forking a
process that has threads and then running Python in the child may deadlock.

Only Linux has such a signal; elsewhere the next owner ends the processes that the last one left behind.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(death_signal: int) -> None:
    """Ask the kernel to send us ``death_signal`` when the thread that started us ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal)


def main(parent: str, death_signal: str, account: str, *command: str) -> None:
    if account != "-":
        uid, gid = (int(number) for number in account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of account, which would clear this setting.
    end_with_parent(int(death_signal))
    if os.getppid() == int(parent):  # else it died before we asked
        try:
            os.execv(command[0], command)  # noqa: S606
        except OSError as error:
            sys.exit(f"FATAL: cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(*sys.argv[1:])
