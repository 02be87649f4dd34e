"""Tables of figures, as Markdown for people and JSON for machines, with the machine they were seen on."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path


def _machine() -> str:
    """What it was measured on, with the load at the beginning: shared machines are noisy."""
    model = next((line for line in _cpuinfo() if line.startswith("model name")), ": unknown processor")
    load = os.getloadavg()[0]
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    processor = model.partition(":")[2].strip()
    return f"{moment}, {os.cpu_count()} cores of {processor}, Python {platform.python_version()}, load {load:.1f}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


@dataclass
class Table:
    """Rows of figures; a cell is shown as it is written."""

    title: str
    columns: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    machine: str = field(default_factory=_machine)

    def add(self, *cells: object) -> None:
        """Add a row, and show it: a bench takes its time."""
        row = [str(cell) for cell in cells]
        print("  " + " · ".join(row), flush=True)
        self.rows.append(row)

    def markdown(self) -> str:
        """The table."""
        lines = [f"### {self.title}", "", self.machine, ""]
        lines += [_line(self.columns), _line(["---"] * len(self.columns)), *map(_line, self.rows)]
        return "\n".join([*lines, "", *self.notes, ""])

    def keep(self, folder: Path, name: str) -> None:
        """Write both forms into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.md").write_text(self.markdown())
        (folder / f"{name}.json").write_text(json.dumps(asdict(self), indent=1) + "\n")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
