"""Reads of messages: what criteria mean in SQL, and the messages that match."""

import re
from collections.abc import Sequence

from models.addresses import opt_out_key
from models.database import marks, select
from models.rules.criteria import Criteria
from models.words import Channel

RECIPIENT = "recipient_key"
SEARCHED = (RECIPIENT, "search_1", "search_2", "search_3")
SOUGHT_LENGTH = 200  # characters; PostgreSQL's index takes 2,704 bytes, and one may have four
# Above every character that can stand in a recipient, so that a prefix is a range an index can walk.
LAST_CHARACTER = "\U0010ffff"
# What `models.rules.retry_plan.failure_key` makes of a Failed message; one that can never be retried has no tick.
FAILURE_KEY = (
    "(CASE WHEN COALESCE(failure_reason, 'unknown') = 'unknown' AND COALESCE(retry_class, '') <> 'never' "
    "THEN 'may_have_arrived' ELSE COALESCE(retry_class, 'may_have_arrived') END "
    "|| ':' || COALESCE(failure_reason, 'unknown'))"
)
# A number as people write and copy it, with something between its digits.
_SPACED_NUMBER = re.compile(r"\+[\d\s().\-]+")
_Condition = tuple[str, list[object]]


def where(
    campaign_id: int, criteria: Criteria, *, campaign: str = "campaign_id = ?", but_not: Sequence[Criteria] = ()
) -> _Condition:
    """The condition on `messages` and its values; `campaign` is how the campaign's part of it is said.

    What is in one of the sets of `but_not` does not match.
    """
    parts, values = [campaign], [campaign_id]
    listed = (
        ("status", criteria.statuses),
        ("failure_reason", criteria.reasons),
        ("COALESCE(retry_class, 'may_have_arrived')", criteria.retry_classes),  # as a failure without one counts
        ("id", criteria.message_ids),
        (FAILURE_KEY, criteria.failures),
    )
    conditions: list[_Condition] = [
        (f"{column} IN ({marks(wanted)})", list(wanted)) for column, wanted in listed if wanted
    ]
    if criteria.cutoff_at is not None:
        conditions.append(("updated_at <= ?", [criteria.cutoff_at]))
    if criteria.search:
        conditions.append(_search(criteria))
    for other in but_not:
        condition, found = where(campaign_id, other)
        conditions.append((f"NOT COALESCE(({condition}), FALSE)", found))  # what is NULL is not in it
    return (
        " AND ".join(parts + [condition for condition, _ in conditions]),
        [*values, *(value for _, found in conditions for value in found)],
    )


def count(campaign_id: int, criteria: Criteria, *, but_not: Sequence[Criteria] = ()) -> int:
    """How many messages match, by counting them: for dialogs, not for pages that refresh."""
    condition, values = where(campaign_id, criteria, but_not=but_not)
    return int(select(f"SELECT COUNT(*) FROM messages WHERE {condition}", *values)[0][0])


def as_stored(column: str, text: str) -> str:
    """What was typed as the column has it: in lower case, and of a number only what belongs to it."""
    return _number(text).lower() if column == RECIPIENT else sought_form(text)


def sought_form(value: str) -> str:
    """A searchable field's value as its column has it: in lower case, and not longer than an index can hold."""
    return value.casefold()[:SOUGHT_LENGTH]


def _number(text: str) -> str:
    return re.sub(r"[^+\d]", "", text) if _SPACED_NUMBER.fullmatch(text) else text


def _search(criteria: Criteria) -> _Condition:
    """`=x` exactly, `*x` anywhere in it, else at its beginning.

    In the column that is named, else in any of them; anywhere in it only in the recipient.
    """
    text = criteria.search
    named = tuple(column for column in SEARCHED if column == criteria.search_in)
    if text.startswith("="):
        found = [_exactly(column, text[1:].strip()) for column in named or SEARCHED]
    elif text.startswith("*"):
        found = [_anywhere(column, text[1:]) for column in named or (RECIPIENT,)]
    else:
        found = [_beginning(column, text) for column in named or SEARCHED]
    conditions = " OR ".join(condition for condition, _ in found)
    return f"({conditions})", [value for _, values in found for value in values]


def _exactly(column: str, text: str) -> _Condition:
    if column != RECIPIENT:
        return f"{column} = ?", [sought_form(text)]
    channel = Channel.EMAIL if "@" in text else Channel.SMS
    return f"{column} = ?", [opt_out_key(channel, _number(text))]


def _anywhere(column: str, text: str) -> _Condition:
    pattern = as_stored(column, text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    # Said so that the partial index carries it too, since any comparison but this one implies it.
    there = "" if column == RECIPIENT else f"{column} IS NOT NULL AND "
    return f"{there}{column} LIKE ? ESCAPE '\\'", [f"%{pattern}%"]


def _beginning(column: str, text: str) -> _Condition:
    start = as_stored(column, text)
    return f"({column} >= ? AND {column} < ?)", [start, start + LAST_CHARACTER]
