"""Machines beside this one: a network namespace each, with a cable to this one that can be pulled out."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

CABLE = "sbox"  # the kernel allows fifteen letters


def why_none() -> str:
    """Why there can be none here; '' where they are allowed."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    if shutil.which("ip") is None:
        return "needs iproute2 for network namespaces"
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return "network namespaces are not allowed here" if tried.returncode else ""


@dataclass(frozen=True)
class Machine:
    """One machine; `host` is the address at which it reaches this one."""

    name: str
    cable: str
    host: str

    @property
    def shell(self) -> tuple[str, ...]:
        """The words before a command that runs it there."""
        return ("ip", "netns", "exec", self.name)

    def pull_cable(self) -> None:
        """From now on nothing arrives, on either side, and nobody is told."""
        _ip("link", "set", self.cable, "down")

    def plug_cable(self) -> None:
        """Connect it again."""
        _ip("link", "set", self.cable, "up")


@contextmanager
def machine(number: int) -> Iterator[Machine]:
    """The machine of that number, of this process; what runs there must have ended before it is taken away."""
    here = os.getpid()
    name, cable = f"signalbox-{here}-{number}", f"{CABLE}{here}-{number}"
    host, there = (f"10.{200 + number}.{here >> 6 & 255}.{(here & 63) << 2 | end}" for end in (1, 2))
    _ip("netns", "add", name)
    _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
    try:
        _ip("address", "add", f"{host}/30", "dev", cable)
        _ip("link", "set", cable, "up")
        _ip("-netns", name, "address", "add", f"{there}/30", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-netns", name, "link", "set", device, "up")
        yield Machine(name, cable, host)
    finally:
        _ip("link", "delete", cable)  # by itself it would stay for as long as an open connection does
        _ip("netns", "delete", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
