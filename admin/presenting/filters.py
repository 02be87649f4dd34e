"""The filter of the messages table: from the URL, to criteria, and back to links."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self, TypeVar

from werkzeug.datastructures import MultiDict

from models.rules.criteria import Criteria
from models.words import FailureReason, MessageStatus

Word = TypeVar("Word", bound=StrEnum)
LONGEST_SEARCH = 320  # characters; no recipient is longer
LARGEST_ID = 2**63 - 1


class Match(StrEnum):
    """How a search text is held against recipients and searchable fields."""

    EXACT = "exact"
    STARTS = "starts"
    CONTAINS = "contains"


MATCH_LABELS = {Match.EXACT: "Exact", Match.STARTS: "Starts with", Match.CONTAINS: "Contains"}
_MARKS = {Match.EXACT: "=", Match.STARTS: "", Match.CONTAINS: "*"}


@dataclass(frozen=True)
class MessageFilter:
    """What the URL asks for; words that mean nothing are left out, so that no URL is an error."""

    status: MessageStatus | None = None
    reason: FailureReason | None = None
    match: Match = Match.STARTS
    text: str = ""
    after: int | None = None
    before: int | None = None

    @classmethod
    def from_args(cls, args: MultiDict[str, str], *, exact_only: bool) -> Self:
        """Read it; who may only search exactly gets that whatever the URL says."""
        status, reason = _known(MessageStatus, args.get("status")), _known(FailureReason, args.get("reason"))
        return cls(
            status=MessageStatus.FAILED if reason else status,
            reason=reason,
            match=Match.EXACT if exact_only else _known(Match, args.get("match")) or Match.STARTS,
            text=args.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH],
            after=_id(args.get("after")),
            before=_id(args.get("before")),
        )

    @property
    def active(self) -> bool:
        """Whether it restricts anything."""
        return bool(self.status or self.reason or self.text)

    def criteria(self) -> Criteria:
        """What it means to queries, retries and exports."""
        return Criteria(
            statuses=(self.status.value,) if self.status else (),
            reasons=(self.reason.value,) if self.reason else (),
            search=_MARKS[self.match] + self.text if self.text else "",
        )

    def query(self, **changes: object) -> dict[str, str]:
        """The URL's parameters with these changes, from the first page unless an edge is among them."""
        edges = {"after": None, "before": None}
        changed = replace(self, **{**edges, **changes})  # type: ignore[arg-type]  # callers name fields of this class
        if changed.reason and changed.status is not MessageStatus.FAILED:
            changed = replace(changed, reason=None)
        given: Mapping[str, object] = {
            "status": None if changed.reason else changed.status,
            "reason": changed.reason,
            "q": changed.text,
            "match": changed.match if changed.text and changed.match is not Match.STARTS else None,
            "after": changed.after,
            "before": changed.before,
        }
        return {name: str(value) for name, value in given.items() if value}


def _known(words: type[Word], given: str | None) -> Word | None:
    return words(given) if given in [word.value for word in words] else None


def _id(given: str | None) -> int | None:
    if given is None or not (given.isascii() and given.isdigit()) or len(given) > 19:
        return None
    return min(int(given), LARGEST_ID) or None
