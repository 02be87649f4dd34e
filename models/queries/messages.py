"""Reads of messages: what criteria mean in SQL, and the messages that match."""

from models.addresses import opt_out_key
from models.database import marks, select
from models.rules.criteria import Criteria
from models.words import Channel

# Above every character that can stand in a recipient, so that a prefix is a range an index can walk.
LAST_CHARACTER = "\U0010ffff"
# What `models.rules.retry_plan.failure_key` makes of a Failed message.
FAILURE_KEY = (
    "(CASE WHEN COALESCE(failure_reason, 'unknown') = 'unknown' THEN 'may_have_arrived' "
    "ELSE COALESCE(retry_class, 'may_have_arrived') END || ':' || COALESCE(failure_reason, 'unknown'))"
)


def where(campaign_id: int, criteria: Criteria) -> tuple[str, list[object]]:
    """The condition on `messages` and its values."""
    parts, values = ["campaign_id = ?"], [campaign_id]
    listed = (
        ("status", criteria.statuses),
        ("failure_reason", criteria.reasons),
        ("retry_class", criteria.retry_classes),
        ("id", criteria.message_ids),
        (FAILURE_KEY, criteria.failures),
    )
    conditions: list[tuple[str, list[object]]] = [
        (f"{column} IN ({marks(wanted)})", list(wanted)) for column, wanted in listed if wanted
    ]
    if criteria.cutoff_at is not None:
        conditions.append(("updated_at <= ?", [criteria.cutoff_at]))
    if criteria.search:
        conditions.append(_search(criteria.search))
    return (
        " AND ".join(parts + [condition for condition, _ in conditions]),
        [*values, *(value for _, found in conditions for value in found)],
    )


def count(campaign_id: int, criteria: Criteria) -> int:
    """How many messages match, by counting them: for dialogs, not for pages that refresh."""
    condition, values = where(campaign_id, criteria)
    return int(select(f"SELECT COUNT(*) FROM messages WHERE {condition}", *values)[0][0])


def _search(text: str) -> tuple[str, list[object]]:
    """`=x` exactly, `*x` anywhere in the recipient, else at the beginning of the recipient or a searchable field."""
    if text.startswith("="):
        typed = text[1:].strip()
        return _fields("{column} IN (?, ?)", [typed.casefold(), opt_out_key(_channel_of(typed), typed)])
    if text.startswith("*"):
        pattern = text[1:].casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return "recipient_key LIKE ? ESCAPE '\\'", [f"%{pattern}%"]
    start = text.casefold()
    return _fields("({column} >= ? AND {column} < ?)", [start, start + LAST_CHARACTER])


def _channel_of(typed: str) -> Channel:
    return Channel.EMAIL if "@" in typed else Channel.SMS


def _fields(condition: str, values: list[str]) -> tuple[str, list[object]]:
    columns = ("recipient_key", "search_1", "search_2", "search_3")
    return "(" + " OR ".join(condition.format(column=column) for column in columns) + ")", [*values * len(columns)]
