"""What a check of the installation says: how it stands, and the step that mends it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is; only a fault makes `doctor` exit with 1."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "FAULT"


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, how it stands, and unless it is well the step that mends it."""

    subject: str
    level: Level
    says: str
    step: str = ""

    @property
    def sentence(self) -> str:
        """All of it in one line; what drivers say may have several."""
        says = " ".join(self.says.split())
        return f"{self.subject}: {says.rstrip('.')}. {self.step}" if self.step else f"{self.subject}: {says}"


def ok(subject: str, says: str) -> Finding:
    """All is well."""
    return Finding(subject, Level.OK, says)


def warning(subject: str, says: str, step: str) -> Finding:
    """It works, but perhaps not as meant."""
    return Finding(subject, Level.WARNING, says, step)


def fault(subject: str, says: str, step: str) -> Finding:
    """It does not work."""
    return Finding(subject, Level.FAULT, says, step)
