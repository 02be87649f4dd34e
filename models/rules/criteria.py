"""Which messages of a campaign are meant: the one form of a filter, for pages, retries and exports."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from models.words import MESSAGE_STATUS_LABELS, REASON_NAMES, MessageStatus

# Which messages are in an export that is compared with an earlier one.
CHANGED = "what changed"


@dataclass(frozen=True)
class Criteria:
    """All that is given must hold; what is empty does not restrict.

    `search` matches the recipient or a searchable field (see `models.queries.messages`); `search_in` names
    the one column to look in. `cutoff_at` (epoch ms) keeps out what came to its status later. `message_ids`
    is a hand-made selection. `failures` are ticks of a retry plan, class and reason in one (see
    `models.rules.retry_plan`).
    """

    statuses: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    retry_classes: tuple[str, ...] = ()
    search: str = ""
    message_ids: tuple[int, ...] = ()
    cutoff_at: int | None = None
    failures: tuple[str, ...] = ()
    search_in: str = ""

    def for_status(self, status: str) -> Self:
        """The part of it that is about one status that can be retried: of those only Failed messages have a reason."""
        if status == MessageStatus.FAILED:
            return replace(self, statuses=(status,))
        return replace(self, statuses=(status,), reasons=(), retry_classes=(), failures=())

    @property
    def told(self) -> str:
        """Which messages it leaves, in the middle of a sentence: "Failed, Blocked, search “ada”", "all messages"."""
        parts = [MESSAGE_STATUS_LABELS[MessageStatus(status)] for status in self.statuses]
        parts += [REASON_NAMES[reason] for reason in self.reasons]
        parts += [f"search “{self.search.lstrip('=*')}”"] if self.search else []
        parts += ["chosen messages"] if self.message_ids else []
        return ", ".join(parts) or "all messages"

    def to_json(self) -> dict[str, Any]:
        """What is stored with a bulk move, an export or a retry plan."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """What was stored."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        return cls(**given)
