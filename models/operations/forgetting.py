"""Forgetting a person: opted out first, then erased wherever address or values are kept (SPEC 9).

What stays: the counts, the audit, which never had an address, and the opt-out as a keyed hash.
"""

import codecs
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from urllib.parse import quote

from models.actors import Actor, Right
from models.addresses import FORGOTTEN
from models.database import execute, execute_many, for_update, marks, select, transaction
from models.errors import InvalidInputError, NotFoundError
from models.operations import audit, optouts
from models.operations.erasing import COLUMNS, ToErase, forget_messages
from models.operations.files import remove_file
from models.operations.testing import forget_tested
from models.queries.campaigns import get_campaign
from models.queries.files import read_file
from models.queries.finding import recipient_typed
from models.queries.messages import RECIPIENT
from models.queries.refusing import listed_as_forgotten
from models.secret_key import opt_out_hashes
from models.tables.work import IS_OPEN
from models.words import CHANNEL_LABELS, TO_BE_SENT, Channel, MessageStatus, OptOutSource

POSTS_AT_ONCE = 500
SLICE = 1000  # messages
_SAID_ANEW = "UPDATE slack_posts SET state = 'live', updated_at = 0 WHERE kind = 'export' AND subject_id = ?"
_ENDED = f"NOT {IS_OPEN}"
# Where a search that somebody typed is kept.
_WITH_CRITERIA = ("exports", "bulk_moves", "retry_plans", "scheduled_starts")


@dataclass(frozen=True)
class Forgotten:
    """What was done: messages, and how many of them became Opted Out or are erased at their verdict.

    Files are the uploads and exports of the campaigns concerned; posts those of receipts that named the person.
    `posts_waiting` are not applied yet and go 30 days after they are, `work_open` is imports under way.
    """

    messages: int
    opted_out: int
    at_verdict: int
    files: int
    posts: int
    posts_waiting: int
    work_open: int


def forget_person(typed: str, *, typed_again: str, actor: Actor, now: int) -> Forgotten:
    """Forget whoever has this number or address; doing it again finds what has come since, or what was cut off.

    Raises NotAllowedError, and InvalidInputError for what is no recipient or was not typed twice alike.
    """
    actor.require(Right.FORGET_PEOPLE)
    channel, key = recipient_typed(typed)
    if not typed_again.strip() or recipient_typed(typed_again) != (channel, key):
        raise InvalidInputError("Type the same number or address once more: this can't be undone.", field="typed_again")
    _opt_out_without_address(channel, key, by=actor.name, now=now)
    written = _written(channel, key)
    posts, posts_waiting = _empty_posts(written)
    _forget_searches(written, _values(channel, key))
    _forget_sampled(written)
    forget_tested(channel, key)
    refused_in = _campaigns_that_refused(channel, written)
    # The messages last, and with them what only they lead to: who is cut off before, and asks again, still finds all.
    with transaction():
        messages = _forget_messages(channel, key, now=now)
        campaign_ids = sorted({one.campaign_id for one in messages})
        _forget_samples(key, campaign_ids)
        _forget_tests_of(campaign_ids)
        _end_exports(campaign_ids, now=now)
        imported_in = sorted({*campaign_ids, *refused_in})
        file_ids = _let_go_of_imports(imported_in) + _let_go_of_exports(campaign_ids)
        done = Forgotten(
            messages=len(messages),
            opted_out=sum(one.status in TO_BE_SENT for one in messages),
            at_verdict=sum(one.status == MessageStatus.SENDING for one in messages),
            files=len(file_ids),
            posts=posts,
            posts_waiting=posts_waiting,
            work_open=_open_imports(imported_in),
        )
        name = CHANNEL_LABELS[channel]
        audit.record(actor, "forget", now=now, kind="recipient", object_id=None, name=name, **asdict(done))
    for file_id in file_ids:
        remove_file(file_id)
    return done


def who_came_in(campaign_id: int, *, since: int) -> dict[str, int]:
    """Messages of a draft, by their keys, to people who were forgotten since its file came.

    Who is on the way into a draft stands in no message yet, so `forget_person` finds nobody there.
    """
    if not select("SELECT 1 FROM audit WHERE act = 'forget' AND at >= ? LIMIT 1", since):
        return {}
    found: dict[str, int] = {}
    channel, last_id = get_campaign(campaign_id).channel, 0
    walked = f"SELECT recipient_key, id FROM messages WHERE campaign_id = ? AND id > ? ORDER BY id LIMIT {SLICE}"
    while ids := dict(select(walked, campaign_id, last_id)):
        found |= {key: ids[key] for key in listed_as_forgotten(channel, list(ids))}
        last_id = max(ids.values())
    return found


def forget_who_came_in(campaign_id: int, message_ids: Mapping[str, int], *, now: int) -> None:
    """Forget them once more, within the transaction that ends the import."""
    if message_ids:
        forget_messages(_locked(list(message_ids.values())), now=now)
        for key in message_ids:
            _forget_samples(key, [campaign_id])
        _forget_tests_of([campaign_id])
        _let_go_of_imports([campaign_id])


def _opt_out_without_address(channel: Channel, key: str, *, by: str, now: int) -> None:
    """Whoever listed them first, from now on the list has the hash alone."""
    hashes = opt_out_hashes(channel, key)
    with transaction():
        optouts.list_key(channel, key, source=OptOutSource.FORGET, campaign_id=None, by=by, now=now)
        execute(
            f"UPDATE opt_outs SET recipient_key = NULL WHERE channel = ? AND key_hash IN ({marks(hashes)})",
            channel.value,
            *hashes,
        )


def _forget_messages(channel: Channel, key: str, *, now: int) -> list[ToErase]:
    """At most one message of each campaign; those that a deletion is about to remove too."""
    _hold_imports(channel)
    ids = [
        row[0]
        for row in select(
            "SELECT m.id FROM campaigns c CROSS JOIN messages m "
            "WHERE m.campaign_id = c.id AND m.recipient_key = ? AND c.channel = ?",
            key,
            channel.value,
        )
    ]
    if not ids:
        return []
    messages = _locked(ids)
    forget_messages(messages, now=now)
    return messages


def _locked(ids: Sequence[int]) -> list[ToErase]:
    locked = f"SELECT {COLUMNS} FROM messages m WHERE m.id IN ({marks(ids)}) ORDER BY m.id{for_update()}"
    return [ToErase(*row) for row in select(locked, *ids)]


def _hold_imports(channel: Channel) -> None:
    """Each slice and end of an import comes before this transaction, which then sees it, or after it, and sees this."""
    being_filled = f"channel = ? AND phase = 'draft' AND id IN (SELECT campaign_id FROM imports WHERE {IS_OPEN})"
    select(f"SELECT id FROM campaigns WHERE {being_filled} ORDER BY id{for_update()}", channel.value)


def _written(channel: Channel, key: str) -> list[str]:
    """How the person is written in any letter case: as it is, in a form's encoding, in JSON's."""
    if channel is Channel.SMS:
        return [key.removeprefix("+")]
    spellings = {
        row[0]
        for row in select(
            "SELECT DISTINCT m.recipient FROM campaigns c CROSS JOIN messages m "
            "WHERE m.campaign_id = c.id AND m.recipient_key = ?",
            key,
        )
    }
    return sorted(
        form.lower() for one in {key, *spellings} for form in (one, quote(one, safe=""), json.dumps(one).strip('"'))
    )


def _empty_posts(written: Sequence[str]) -> tuple[int, int]:
    """Empty the applied posts of receipts that name the person; returns how many, and how many are not applied yet.

    The row and its digest stay, so that the same post is still known when it comes again.
    """
    last_id, emptied, waiting = 0, 0, 0
    while True:
        found = select(
            "SELECT id, applied_at, body FROM receipt_inbox WHERE id > ? ORDER BY id LIMIT ?", last_id, POSTS_AT_ONCE
        )
        if not found:
            return emptied, waiting
        bodies = {row[0]: bytes(row[2]).decode(errors="replace").lower() for row in found}
        naming = [row for row in found if any(form in bodies[row[0]] for form in written)]
        applied = [row[0] for row in naming if row[1] is not None]
        if applied:
            with transaction():
                execute(
                    f"UPDATE receipt_inbox SET body = ?, problem = NULL WHERE id IN ({marks(applied)})", b"", *applied
                )
        emptied, waiting, last_id = emptied + len(applied), waiting + len(naming) - len(applied), found[-1][0]


def _forget_samples(key: str, campaign_ids: Sequence[int]) -> None:
    """The report of an import shows a few numbers as they were written and as they were read."""
    if not campaign_ids:
        return
    among = f"campaign_id IN ({marks(campaign_ids)}) AND report IS NOT NULL"
    for import_id, stored in select(f"SELECT id, report FROM imports WHERE {among}", *campaign_ids):
        report = json.loads(stored)
        kept = [sample for sample in report["changed_samples"] if sample[1] != key]
        if len(kept) < len(report["changed_samples"]):
            changed = json.dumps({**report, "changed_samples": kept})
            execute("UPDATE imports SET report = ? WHERE id = ?", changed, import_id)


def _values(channel: Channel, key: str) -> dict[int, list[str]]:
    """What the person's fields hold, by campaign, as a search in them is compared."""
    found = select(
        "SELECT m.campaign_id, m.field_values, m.search_1, m.search_2, m.search_3 FROM campaigns c "
        "CROSS JOIN messages m WHERE m.campaign_id = c.id AND m.recipient_key = ? AND c.channel = ?",
        key,
        channel.value,
    )
    return {
        campaign_id: [value.casefold() for value in (*json.loads(values), *sought) if value]
        for campaign_id, values, *sought in found
    }


def _forget_searches(written: Sequence[str], values: Mapping[int, Sequence[str]]) -> None:
    """What was searched for finds nobody now; a search for it may neither name them nor come to mean more.

    It may come to mean less: somebody else of the same name is no longer found by a search that is kept, but by
    whoever types it again.
    """
    for table in _WITH_CRITERIA:
        kept = f"SELECT id, campaign_id, criteria FROM {table} WHERE criteria LIKE ?"
        for row_id, campaign_id, stored in select(kept, '%"search"%'):
            criteria = json.loads(stored)
            search = str(criteria.get("search", ""))
            if not (_names(search, written) or _is_of(search, values.get(campaign_id, ()))):
                continue
            criteria |= {"search": f"={FORGOTTEN}", "search_in": RECIPIENT}
            with transaction():
                execute(f"UPDATE {table} SET criteria = ? WHERE id = ?", json.dumps(criteria), row_id)
                if table == "exports":  # its message in Slack tells the search too
                    execute(_SAID_ANEW, row_id)


def _forget_sampled(written: Sequence[str]) -> None:
    """One text of each code that no table knows: they are few, and SQLite folds the case of ASCII alone."""
    for provider, code, sample in select("SELECT provider, code, sample FROM unmapped_codes WHERE sample <> ''"):
        if _names(sample, written):
            with transaction():
                execute("UPDATE unmapped_codes SET sample = '' WHERE provider = ? AND code = ?", provider, code)


def _names(text: str, written: Sequence[str]) -> bool:
    """Whether it has the person in it: an address in any letter case, a number whatever stands between its digits."""
    text = text.lower()
    digits = "".join(filter(str.isdigit, text))
    return any(form in text or form in digits for form in written)


def _is_of(search: str, values: Sequence[str]) -> bool:
    """Whether it is for one of these values: `*x` anywhere in it, else at its beginning."""
    text = search.lstrip("=*").strip().casefold()
    found = str.__contains__ if search.startswith("*") else str.startswith
    return bool(text) and any(found(value, text) for value in values)


def _forget_tests_of(campaign_ids: Sequence[int]) -> None:
    """They may have shown the values of the person."""
    if campaign_ids:
        execute(f"DELETE FROM sent_tests WHERE {_ENDED} AND campaign_id IN ({marks(campaign_ids)})", *campaign_ids)


def _campaigns_that_refused(channel: Channel, written: Sequence[str]) -> list[int]:
    """Those whose file of refused rows names the person: no message leads there."""
    kept = select(
        "SELECT i.campaign_id, i.refused_file_id FROM imports i JOIN campaigns c ON c.id = i.campaign_id "
        "WHERE c.channel = ? AND i.refused_file_id IS NOT NULL",
        channel.value,
    )
    return [campaign_id for campaign_id, file_id in kept if _is_named_in(file_id, written)]


def _is_named_in(file_id: int, written: Sequence[str]) -> bool:
    overlap, before = max(map(len, written)), ""
    with suppress(NotFoundError):  # gone meanwhile, as with its campaign
        for piece in codecs.iterdecode(read_file(file_id), "utf-8", errors="replace"):
            text = before + piece.lower()
            if any(form in text for form in written):
                return True
            before = text[-overlap:]
    return False


def _let_go_of_imports(campaign_ids: Sequence[int]) -> list[int]:
    """Uploads and refused rows of the campaigns lead nowhere now; returns the files, to be removed.

    An upload that is being imported again goes at the end of that import.
    """
    if not campaign_ids:
        return []
    among = f"campaign_id IN ({marks(campaign_ids)}) AND {_ENDED}"
    named = f"SELECT file_id FROM imports WHERE {among} UNION SELECT refused_file_id FROM imports WHERE {among}"
    file_ids = _expired(f"{named} EXCEPT SELECT file_id FROM imports WHERE {IS_OPEN}", *[*campaign_ids] * 2)
    execute(f"UPDATE imports SET refused_file_id = NULL WHERE {among}", *campaign_ids)
    return file_ids


def _let_go_of_exports(campaign_ids: Sequence[int]) -> list[int]:
    """The same for exports. Those in Slack go at the bot's next look."""
    if not campaign_ids:
        return []
    among = f"campaign_id IN ({marks(campaign_ids)}) AND {_ENDED}"
    file_ids = _expired(f"SELECT file_id FROM exports WHERE {among}", *campaign_ids)
    execute(f"UPDATE exports SET file_id = NULL WHERE {among}", *campaign_ids)
    execute(
        "UPDATE slack_posts SET created_at = 0 WHERE kind = 'file' AND subject_id IN "
        f"(SELECT id FROM exports WHERE campaign_id IN ({marks(campaign_ids)}))",
        *campaign_ids,
    )
    return file_ids


def _expired(named: str, *values: int) -> list[int]:
    """The files that a query names. Their time is over, so the clock removes those that we don't get to."""
    file_ids = [row[0] for row in select(f"SELECT id FROM files WHERE id IN ({named})", *values)]
    execute_many("UPDATE files SET expires_at = 0 WHERE id = ?", [(file_id,) for file_id in file_ids])
    return file_ids


def _end_exports(campaign_ids: Sequence[int], *, now: int) -> None:
    """What is being written shows a moment when the person was still in it."""
    if campaign_ids:
        execute(
            f"UPDATE exports SET state = 'refused', result = ?, ended_at = ? WHERE {IS_OPEN} "
            f"AND campaign_id IN ({marks(campaign_ids)})",
            "Somebody in it was forgotten meanwhile. Export again.",
            now,
            *campaign_ids,
        )


def _open_imports(campaign_ids: Sequence[int]) -> int:
    if not campaign_ids:
        return 0
    among = f"campaign_id IN ({marks(campaign_ids)}) AND {IS_OPEN}"
    return int(select(f"SELECT COUNT(*) FROM imports WHERE {among}", *campaign_ids)[0][0])
