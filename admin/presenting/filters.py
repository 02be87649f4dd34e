"""The filter of the messages table: from the URL, to criteria, and back to links."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self, TypeVar

from werkzeug.datastructures import MultiDict

from admin.numbers import whole_number
from models.queries.messages import SEARCHED
from models.rules.criteria import Criteria
from models.words import FailureReason, LeftOut, MessageStatus, status_with

Word = TypeVar("Word", bound=StrEnum)
LONGEST_SEARCH = 320  # characters; no recipient is longer


class Match(StrEnum):
    """How a search text is held against recipients or a searchable field."""

    EXACT = "exact"
    STARTS = "starts"
    CONTAINS = "contains"


class Sort(StrEnum):
    """The orders that an index carries, beside that of the contacts file."""

    RECIPIENT = "recipient"
    BACKWARDS = "-recipient"


MATCH_LABELS = {Match.EXACT: "Exact", Match.STARTS: "Starts with", Match.CONTAINS: "Contains"}
_MARKS = {Match.EXACT: "=", Match.STARTS: "", Match.CONTAINS: "*"}
_NEXT_SORT = {None: Sort.RECIPIENT, Sort.RECIPIENT: Sort.BACKWARDS, Sort.BACKWARDS: None}


@dataclass(frozen=True)
class MessageFilter:
    """What the URL asks for; words that mean nothing are left out, so that no URL is an error.

    `where` is the place of what `text` is sought in: 0 the recipient, else a searchable field. `after` and `before`
    are the edges of a page, `message` is the one whose story is open.
    """

    status: MessageStatus | None = None
    reason: FailureReason | LeftOut | None = None
    where: int = 0
    match: Match = Match.STARTS
    text: str = ""
    sort: Sort | None = None
    after: int | None = None
    before: int | None = None
    message: int | None = None

    @classmethod
    def from_args(cls, args: MultiDict[str, str], *, exact_only: bool) -> Self:
        """Read it; who may only search exactly gets that, of recipients, whatever the URL says."""
        status, given = _known(MessageStatus, args.get("status")), args.get("reason")
        reason = _known(FailureReason, given) or _known(LeftOut, given)
        where = _id(args.get("in")) or 0
        return cls(
            status=status_with(reason) if reason else status,
            reason=reason,
            where=where if where < len(SEARCHED) and not exact_only else 0,
            match=Match.EXACT if exact_only else _known(Match, args.get("match")) or Match.STARTS,
            text=args.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH],
            sort=None if exact_only else _known(Sort, args.get("sort")),
            after=_id(args.get("after")),
            before=_id(args.get("before")),
            message=_id(args.get("message")),
        )

    @property
    def active(self) -> bool:
        """Whether it restricts anything."""
        return bool(self.status or self.reason or self.text)

    @property
    def sortable(self) -> bool:
        """Whether an index carries another order than that of the file."""
        return not self.status and (not self.text or (self.where == 0 and self.match is not Match.EXACT))

    def criteria(self) -> Criteria:
        """What it means to queries, retries and exports."""
        return Criteria(
            statuses=(self.status.value,) if self.status else (),
            reasons=(self.reason.value,) if self.reason else (),
            search=_MARKS[self.match] + self.text if self.text else "",
            search_in=SEARCHED[self.where] if self.text else "",
        )

    def query(self, **changes: object) -> dict[str, str]:
        """The URL's parameters with these changes, from the first page unless an edge is among them."""
        left = {"after": None, "before": None, "message": None}
        changed = replace(self, **{**left, **changes})  # type: ignore[arg-type]  # callers name fields of this class
        if changed.reason and changed.status != status_with(changed.reason):
            changed = replace(changed, reason=None)
        given: Mapping[str, object] = {
            "status": None if changed.reason else changed.status,
            "reason": changed.reason,
            "q": changed.text,
            "in": changed.where if changed.text else None,
            "match": changed.match if changed.text and changed.match is not Match.STARTS else None,
            "sort": changed.sort if changed.sortable else None,
            "after": changed.after,
            "before": changed.before,
            "message": changed.message,
        }
        return {name: str(value) for name, value in given.items() if value}

    def here(self, **changes: object) -> dict[str, str]:
        """The same page's parameters with these changes."""
        return self.query(**{"after": self.after, "before": self.before, **changes})

    def next_sort(self) -> dict[str, str]:
        """The parameters after a click on the column's head: recipients upwards, downwards, as in the file."""
        return self.query(sort=_NEXT_SORT[self.sort])


def _known(words: type[Word], given: str | None) -> Word | None:
    return words(given) if given in [word.value for word in words] else None


def _id(given: str | None) -> int | None:
    return whole_number(given or "") or None
