"""Stands in for a process of the Procfile: `python -m tests.stand_in NAME [CHILD …]`.

Supervises the children named (`quiet` sleeps, `stubborn` ignores SIGTERM), or idles without any.
"""

import signal
import sys
import time

from jobs.runtime import entry
from jobs.runtime.stopping import Stop
from jobs.runtime.supervisor import Child, Supervisor
from models.config import Config


def quiet() -> None:
    time.sleep(600)


def stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stderr.write("stubborn\n")
    time.sleep(600)


CHILDREN = {"quiet": quiet, "stubborn": stubborn}


def main(_config: Config, stop: Stop) -> None:
    children = [Child(name, CHILDREN[name]) for name in sys.argv[2:]]
    if children:
        Supervisor(children, stop=stop).run()
    else:
        stop.wait()


if __name__ == "__main__":
    entry.run(sys.argv[1], main)
