"""What is Unconfirmed: what is known of some messages, and the way to ask the provider about all of them."""

from collections.abc import Iterator, Sequence

from bot.drawing import blocks, buttons, lines
from bot.drawing.blocks import Block, Message, escaped
from bot.drawing.lines import Site
from models.queries.campaigns import CampaignSummary
from models.queries.failures import DoubtSample
from models.rules.in_doubt import Explained
from models.tables import LookUp
from models.words import OPEN_WORK, MessageStatus


def doubts(
    summary: CampaignSummary, found: Sequence[DoubtSample], asked: LookUp | None, why_not: str, *, site: Site
) -> Message:
    """Some of the messages with what is known of each, what the last look-up came to, and the next."""
    unconfirmed = summary.counts[MessageStatus.UNCONFIRMED]
    title = f"{lines.name(summary)}: {unconfirmed:,} Unconfirmed"
    shown = [blocks.section(f"{title}. What became of {'it' if unconfirmed == 1 else 'them'} is not known.")]
    shown += _samples(found)
    if len(found) < unconfirmed:
        shown.append(blocks.context(f"These are the last {len(found)}; all of them are in the panel."))
    shown += [blocks.section(sentence) for sentence in _looked_up(asked)]
    if why_not and unconfirmed:
        shown.append(blocks.context(escaped(why_not)))
    return Message(title, [*shown, _acts(summary, asked, site, asks=bool(unconfirmed) and not why_not)])


def _samples(found: Sequence[DoubtSample]) -> list[Block]:
    """What happened to each, and below it what can still happen: once for all, where it is the same."""
    outlooks = list(dict.fromkeys(_outlook(one.doubt) for one in found))
    tell = _happened if len(outlooks) == 1 else explained
    told = [blocks.section(f"{blocks.code(one.recipient)}\n{tell(one.doubt)}") for one in found]
    return [*told, *(map(blocks.section, outlooks) if len(outlooks) == 1 else ())]


def explained(doubt: Explained) -> str:
    """What happened, a line each, and what can still happen."""
    return f"{_happened(doubt)}\n{_outlook(doubt)}"


def _happened(doubt: Explained) -> str:
    moments = [f"{blocks.local_time(fact.at)} " if fact.at else "" for fact in doubt.facts]
    return "\n".join(f"• {at}{escaped(fact.words)}" for at, fact in zip(moments, doubt.facts, strict=True))


def _outlook(doubt: Explained) -> str:
    return f"_{escaped(' '.join(doubt.outlook))}_"


def _looked_up(asked: LookUp | None) -> Iterator[str]:
    if asked is None:
        return
    if asked.state in OPEN_WORK:
        yield f"*The provider is being asked about {lines.counted(asked.total)}.* Refresh shows what came of it."
    else:
        who, result = escaped(asked.actor_name), escaped(asked.result)
        yield f"*Looked up {blocks.local_date(asked.ended_at)}* for {who}: {result}"


def _acts(summary: CampaignSummary, asked: LookUp | None, site: Site, *, asks: bool) -> Block:
    campaign_id, unconfirmed = summary.campaign.id, summary.counts[MessageStatus.UNCONFIRMED]
    acts = [blocks.button("Refresh", "doubts_again", value=str(campaign_id))]
    if asks and not (asked and asked.state in OPEN_WORK):
        acts.insert(0, blocks.button(f"Look up {unconfirmed:,} unconfirmed", "look_up", value=str(campaign_id)))
    return blocks.actions([*acts, buttons.button("panel", campaign_id, site)], block_id=f"doubts-{campaign_id}")
