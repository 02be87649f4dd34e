"""Children end with their parent, whatever killed it.

Our own children are told by the kernel (Linux) and look for themselves. What honcho starts can't rely on
that: a kill -9 of honcho leaves its runners alive and us with them, so we watch its main process.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from types import FrameType

from jobs.runtime import ancestors

PR_SET_PDEATHSIG = 1  # linux/prctl.h
POLL_SECONDS = 0.25
GRACE_SECONDS = 2.0
# A little over what any process of ours needs for a clean stop (SPEC 10: under 4 s).
HONCHO_GRACE_SECONDS = 5.0


def end_with_parent(parent: int, *, grace_seconds: float = GRACE_SECONDS) -> None:
    """In a forked child: SIGTERM when `parent` dies, SIGKILL `grace_seconds` later if still here."""
    ask_for_death_signal()
    threading.Thread(target=_follow, args=(parent, grace_seconds), name="parent watch", daemon=True).start()


def ask_for_death_signal() -> None:
    """Have Linux send SIGTERM to this process when its parent dies, even after an exec; elsewhere nothing.

    The signal is lost if the parent is already gone: compare `os.getppid()` afterwards.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_with_honcho() -> None:
    """Stop as if by SIGTERM when the honcho that started this process is gone; nothing to do without one.

    Looks four times a second by a timer signal and not by a thread, because this process may fork. Where the
    stop hangs, the timer's second signal finds its default action, which ends the process.
    """
    honcho = ancestors.honcho_above(os.getpid())
    if honcho is None:
        return

    def look(_number: int, _frame: FrameType | None) -> None:
        if is_same(honcho):
            return
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, HONCHO_GRACE_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGALRM, look)
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, POLL_SECONDS, POLL_SECONDS)


def is_same(known: ancestors.Ancestor) -> bool:
    """Whether the process known from before still lives, and isn't another one with its id."""
    if sys.platform != "linux":
        return _answers(known.pid)  # `ps` this often would cost more than it tells
    now = ancestors.look_up(known.pid)
    return now is not None and now.started == known.started


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _follow(parent: int, grace_seconds: float) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_seconds)
    os.kill(os.getpid(), signal.SIGKILL)
