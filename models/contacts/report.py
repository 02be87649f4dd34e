"""What became of a file's rows, for the person who imports them; kept with the campaign as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from models.addresses import REFUSAL_LABELS, Refusal
from models.words import counted

LINES_KEPT = 1_000
LINES_SHOWN = 5
SAMPLES_KEPT = 5


@dataclass
class Lines:
    """How many rows it happened to, and the lines in the file where the first 1,000 begin."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def note(self, line: int) -> None:
        """Count one more row."""
        self.count += 1
        if self.count <= LINES_KEPT:
            self.first.append(line)

    def shown(self) -> str:
        """The count and the first few as people read them: `14 (lines 4, 9 and 12 more)`."""
        listed = ", ".join(map(str, self.first[:LINES_SHOWN]))
        more = self.count - len(self.first[:LINES_SHOWN])
        lines = f"line{'s' if self.count > 1 else ''} {listed}" + (f" and {more:,} more" if more else "")
        return f"{self.count:,} ({lines})"


@dataclass
class Report:
    """The report of SPEC 3. `rows` = `imported` + all refused + `repeats`.

    `doubtful` and `opted_out` are among the imported. `empty` counts per custom field the imported contacts
    without a value. `changed` counts the numbers read as numbers of `country`; its samples (as it was, as it
    is) are the only place where addresses stand.
    """

    rows: int = 0
    imported: int = 0
    opted_out: int = 0
    refused: dict[Refusal, Lines] = field(default_factory=dict)
    doubtful: Lines = field(default_factory=Lines)
    repeats: Lines = field(default_factory=Lines)
    empty: dict[str, int] = field(default_factory=dict)
    country: str | None = None
    changed: int = 0
    changed_samples: list[tuple[str, str]] = field(default_factory=list)

    @property
    def refused_rows(self) -> int:
        """Rows refused for any reason."""
        return sum(lines.count for lines in self.refused.values())

    def note_refused(self, line: int, refusal: Refusal) -> None:
        """Count a row that became no contact."""
        self.refused.setdefault(refusal, Lines()).note(line)

    def note_changed(self, before: str, after: str) -> None:
        """Count a number that was read as one of the country."""
        self.changed += 1
        if self.changed <= SAMPLES_KEPT:
            self.changed_samples.append((before, after))

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers; `from_json` takes them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Report":
        """The report that `to_json` made, also after a way through JSON text."""
        return cls(
            **{
                **kept,
                "refused": {Refusal(reason): Lines(**lines) for reason, lines in kept["refused"].items()},
                "doubtful": Lines(**kept["doubtful"]),
                "repeats": Lines(**kept["repeats"]),
                "changed_samples": [(before, after) for before, after in kept["changed_samples"]],
            }
        )

    def sentences(self) -> list[str]:
        """The report as people read it, one finding a line."""
        if not self.rows:
            return ["The file has no contacts."]
        return [
            f"{counted(self.rows, 'row')} read: {self.imported:,} imported, {self.refused_rows:,} refused.",
            *(
                f"Refused: {REFUSAL_LABELS[refusal]}: {lines.shown()}."
                for refusal, lines in sorted(self.refused.items(), key=lambda item: -item[1].count)
            ),
            *self._remarks(),
        ]

    def _remarks(self) -> list[str]:
        remarks = (
            (self.doubtful.count, f"Doubtful, as possible but not valid numbers: {self.doubtful.shown()}."),
            (self.repeats.count, f"Repeats of an earlier row, left out: {self.repeats.shown()}."),
            (self.opted_out, f"On the opt-out list, imported as Opted Out: {self.opted_out:,}."),
            (
                self.changed,
                f"Read as numbers of {self.country}: {self.changed:,}{self._samples()}.",
            ),
            *((count, f"“{name}” is empty: {counted(count, 'contact')}.") for name, count in self.empty.items()),
        )
        return [sentence for count, sentence in remarks if count]

    def _samples(self) -> str:
        shown = ", ".join(f"{before} as {after}" for before, after in self.changed_samples)
        return f", such as {shown}" if shown else ""  # none is left once those people are forgotten
