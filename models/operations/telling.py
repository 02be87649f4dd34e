"""Telling people in Slack: what is to be said goes into the outbox in the transaction of the act itself.

Only what and about whom is kept here, with the numbers of that moment; the words are the bot's. Of one topic
only the latest waits, so what has been overtaken is never said.
"""

from collections.abc import Mapping
from typing import Any

from models.actors import Actor
from models.config import current
from models.database import execute, select, transaction
from models.rules.timeouts import DAY, MINUTE
from models.tables import Export, SlackOutbox
from models.words import Silence, Surface

Content = Mapping[str, Any]

# Acts on a campaign that its card's thread tells of.
TOLD = frozenset(
    {"run", "stop", "resume", "retry", "delete", "hold", "fail", "end", "export", "set_message", "hand_on", "look_up"}
    | {"looked_up", "schedule_start", "cancel_start", "late_start", "mend_counts", "send_test", "duplicate", *Silence}
    | {"move_card", "attach_file", "detach_file"}
)
ADMINS_ALWAYS = frozenset({"mend_counts"})
OWNER_ALWAYS = frozenset({"hold", "fail", "end", "late_start", Silence.NOTHING_ACCEPTED})
OWNER_BY_OTHERS = frozenset({"stop", "resume", "retry", "delete", "hand_on"})  # handed on, it is the new owner's
IN_CHANNEL = frozenset({"hold", "fail"})
NEWS_LIFE = DAY  # after which a direct message or a post in a channel is no news any more
SIMILAR_WITHIN = 5 * MINUTE  # in which the same act of the same person becomes one direct message


def announce(actor: Actor, act: str, campaign_id: int, numbers: Mapping[str, object], *, now: int) -> None:
    """Put what an act on a campaign makes worth saying into the outbox; nothing when Slack is off."""
    if act not in TOLD or not current().slack_is_on:
        return
    owner_id, name, channel, run_at = select(
        "SELECT owner_id, name, channel, run_at FROM campaigns WHERE id = ?", campaign_id
    )[0]
    content = {
        "act": act,
        "person_id": actor.person_id,
        "by": actor.name,
        "campaign": name,
        "channel": channel,
        "numbers": numbers,
        "at": now,
    }
    if run_at is not None or _has_card(campaign_id):  # its card is posted at the run, if nobody asked for it before
        _tell_at_card(campaign_id, content, now=now)
    if act in IN_CHANNEL:
        topic = f"post:{campaign_id}:{act}"
        put("post", campaign_id, topic=topic, content=content, expires_at=now + NEWS_LIFE, now=now)
    concerned = {owner_id} if owner_id is not None and _concerns(owner_id, actor, content) else set()
    asked_by = numbers.get("asked_by")
    if asked_by != actor.person_id and select("SELECT 1 FROM people WHERE id = ? AND removed_at IS NULL", asked_by):
        concerned.add(asked_by)
    for person_id in sorted(concerned):
        _tell_person(person_id, campaign_id, content, now=now)
    if act in ADMINS_ALWAYS:
        for (person_id,) in select("SELECT id FROM people WHERE role IN ('admin', 'org_admin') AND removed_at IS NULL"):
            _tell_person(person_id, campaign_id, content, now=now)


def _tell_at_card(campaign_id: int, content: Content, *, now: int) -> None:
    """Bring the card up to date, and add a line to its thread."""
    act = content["act"]
    if act != "move_card":  # which has put what brings the card there
        # A deleted campaign has no figures any more: its card says so and never changes again. Else the act alone
        # tells that there is something new, also to who is posting the card at this moment.
        news = content if act == "delete" else {"act": act, "at": now}
        put("card", campaign_id, topic=f"card:{campaign_id}", content=news, now=now)
    put("thread", campaign_id, topic=f"thread:{campaign_id}:{act}:{now}", content=content, now=now)


def _has_card(campaign_id: int) -> bool:
    """Whether its card was posted, or is to be."""
    posted = "SELECT 1 FROM slack_posts WHERE kind = 'card' AND subject_id = ? LIMIT 1"
    return bool(
        select(posted, campaign_id) or select("SELECT 1 FROM slack_outbox WHERE topic = ?", moving(campaign_id))
    )


def moving(campaign_id: int) -> str:
    """The topic under which the campaign's card is put where somebody wants it."""
    return f"move:{campaign_id}"


def tell_of_start(act: str, campaign_id: int, actor: Actor, messages: int, *, now: int) -> None:
    """Tell who had planned a start that it has begun; within its transaction. `act` is `planned_run` or the like."""
    if actor.person_id is None or not current().slack_is_on:
        return
    name, channel = select("SELECT name, channel FROM campaigns WHERE id = ?", campaign_id)[0]
    content = {"act": act, "person_id": actor.person_id, "by": actor.name, "campaign": name, "channel": channel}
    _tell_person(actor.person_id, campaign_id, {**content, "numbers": {"messages": messages}, "at": now}, now=now)


def start_export_message(export_id: int, actor: Actor, *, now: int) -> None:
    """Let the person who asked in Slack watch the export in their direct messages."""
    if actor.surface == Surface.SLACK and actor.person_id is not None:
        put("export", export_id, topic=f"export:{export_id}", content={}, address=str(actor.person_id), now=now)


def hand_over_file(export: Export, *, now: int) -> None:
    """Send the file of an export that somebody watches in Slack to them; within the transaction that ends it."""
    watched = select("SELECT address FROM slack_outbox WHERE topic = ? LIMIT 1", f"export:{export.id}")
    for (address,) in watched:
        put("file", export.id, topic=f"file:{export.id}", content={}, address=address, now=now)


def tell_of_shut_channel(campaign_id: int, slack_channel_id: str, problem: str, *, now: int) -> None:
    """Tell the owner why the card came to them instead of its channel; `problem` is Slack's word."""
    with transaction():
        owner_id, name, channel = select("SELECT owner_id, name, channel FROM campaigns WHERE id = ?", campaign_id)[0]
        content = {"act": "shut", "person_id": None, "by": "", "campaign": name, "channel": channel, "at": now}
        numbers = {"place": slack_channel_id, "problem": problem}
        _tell_person(owner_id, campaign_id, {**content, "numbers": numbers}, now=now)


def put(
    kind: str,
    subject_id: int,
    *,
    topic: str,
    content: Content,
    now: int,
    address: str = "",
    expires_at: int | None = None,
) -> None:
    """Add something to say, or bring what waits under the same topic up to date."""
    execute(
        "INSERT INTO slack_outbox "
        "(kind, subject_id, address, topic, content, state, tries, due_at, expires_at, created_at) "
        "VALUES (?, ?, ?, ?, ?, 'queued', 0, ?, ?, ?) ON CONFLICT (topic) WHERE state = 'queued' "
        "DO UPDATE SET content = excluded.content, address = excluded.address, expires_at = excluded.expires_at",
        kind,
        subject_id,
        address,
        topic,
        SlackOutbox.content.db_value(content),
        now,
        expires_at,
        now,
    )


def _concerns(owner_id: int, actor: Actor, content: Content) -> bool:
    """Whether the owner gets a direct message. Who stopped a campaign, or was told of it, needs no word of its end."""
    act = content["act"]
    if act == "end":
        muted = select("SELECT 1 FROM people WHERE id = ? AND finished_muted_at IS NOT NULL", owner_id)
        return not muted and not content["numbers"].get("stopped")
    return act in OWNER_ALWAYS or (act in OWNER_BY_OTHERS and owner_id != actor.person_id)


def _tell_person(person_id: int, campaign_id: int, content: Content, *, now: int) -> None:
    topic = f"dm:{person_id}:{campaign_id}:{content['act']}:{content['person_id'] or ''}"
    put(
        "dm",
        campaign_id,
        topic=topic,
        content=_merged(topic, content, now=now),
        address=str(person_id),
        expires_at=now + NEWS_LIFE,
        now=now,
    )


def _merged(topic: str, content: Content, *, now: int) -> Content:
    """`content` with how often it happened since its first time, at most five minutes ago, and the sum of messages."""
    found = select(
        "SELECT content FROM slack_outbox WHERE topic = ? AND state <> 'dropped' ORDER BY id DESC LIMIT 1", topic
    )
    before = SlackOutbox.content.python_value(found[0][0]) if found else None
    if before is None or now - before["since"] > SIMILAR_WITHIN:
        return {**content, "since": now, "times": 1}
    numbers = dict(content["numbers"])
    if "messages" in numbers:
        numbers["messages"] += before["numbers"].get("messages", 0)
    return {**content, "numbers": numbers, "since": before["since"], "times": before["times"] + 1}
