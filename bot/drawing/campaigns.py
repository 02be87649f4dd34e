"""Campaigns as one chooses among them: the commands, lists, pickers and what a search suggests."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.drawing import blocks, buttons, lines
from bot.drawing.blocks import Block, Message, escaped
from bot.drawing.lines import Site
from bot.parsing import VERBS
from models.errors import InvalidInputError
from models.queries.campaigns import CampaignSummary
from models.tables import ScheduledStart
from models.words import CAMPAIGN_STATUS_LABELS

LISTED = 20
_GROUPS = {"running": "Running now", "ready": "Ready", "ended": "Ended", "draft": "Drafts"}


def help_of(running: Sequence[CampaignSummary], site: Site) -> Message:
    """The commands, what runs now, and the way to the panel."""
    commands = "\n".join(f"`/campaign {verb.usage}` – {verb.meaning}" for verb in VERBS)
    shown = [blocks.section(commands)]
    shown += [
        blocks.section(
            f"{lines.name(found)} · {lines.percent(found)}", buttons.button("status", found.campaign.id, site)
        )
        for found in running
    ]
    shown.append(_to_panel(site))
    if site.simulated:
        shown.append(blocks.context(lines.SIMULATED))
    return Message("The commands of /campaign", shown)


def not_understood(typed: str, suggestion: str) -> Message:
    """No such command; perhaps another was meant."""
    meant = f" Did you mean `/campaign {suggestion}`?" if suggestion else ""
    return Message(
        "That is no command; see the commands.",
        [blocks.section(f"There is no command “{escaped(typed)}”.{meant} See `/campaign help`.")],
    )


def list_of(
    campaigns: Sequence[CampaignSummary], starts: Mapping[int, ScheduledStart], wanted: str, site: Site
) -> Message:
    """Campaigns with status, progress and a menu each."""
    if not campaigns:
        none = f"No campaign is {wanted}." if wanted else "There are no campaigns yet. `/campaign create` makes one."
        return Message.of(none)
    shown: list[Block] = [
        blocks.section(line(found, starts.get(found.campaign.id)), buttons.menu(found)) for found in campaigns[:LISTED]
    ]
    if len(campaigns) > LISTED:
        shown += [blocks.context(f"{LISTED} of {len(campaigns)}. The rest is in the panel."), _to_panel(site)]
    return Message(f"{len(campaigns)} campaigns", shown)


def line(found: CampaignSummary, start: ScheduledStart | None = None) -> str:
    """One campaign of a list."""
    total = lines.recipients(found)
    how_far = f"{lines.percent(found)} of {total}" if found.campaign.run_at else total
    told = f"{lines.name(found)}\n{lines.status(found)} · {how_far}"
    return f"{told}\n{lines.start(start)}" if start else told


def picker(verb: str, question: str, kept: Mapping[str, object] | None = None) -> list[Block]:
    """A search for the campaign that is meant; `kept` comes back with the choice. Raises InvalidInputError for more
    than Slack takes.
    """
    search = blocks.search_select(f"pick_{verb}", "Type a name or a number")
    # All that comes back with a choice in an ephemeral message, besides the choice, is its block's id.
    block_id = f"pick-{verb}" + (json.dumps(kept, ensure_ascii=False) if kept else "")
    if len(block_id) > blocks.BLOCK_ID_LENGTH:
        raise InvalidInputError("This is too long to choose a campaign for it: name it whole, or by its number.")
    return [blocks.section(question), blocks.actions([search], block_id=block_id)]


def kept_by_picker(verb: str, block_id: str) -> dict[str, Any]:
    """What `picker` was told to keep; nothing if the block is another one."""
    before, brace, rest = block_id.partition("{")
    found: dict[str, Any] = json.loads(brace + rest) if brace and before == f"pick-{verb}" else {}
    return found


def suggestions(campaigns: Iterable[CampaignSummary]) -> list[Block]:
    """What a picker's search found, in groups."""
    by_group: dict[str, list[Block]] = {group: [] for group in _GROUPS}
    for found in campaigns:
        by_group[buttons.group_of(found)].append(
            blocks.option(found.campaign.name, str(found.campaign.id), f"#{found.campaign.id} · {_plain_status(found)}")
        )
    return [
        {"label": blocks.plain(_GROUPS[group]), "options": options} for group, options in by_group.items() if options
    ]


def _to_panel(site: Site) -> Block:
    return blocks.actions([blocks.button("Open panel", "open_panel", url=site.panel_url)], block_id="panel")


def _plain_status(found: CampaignSummary) -> str:
    return f"{lines.channel_label(found)} · {CAMPAIGN_STATUS_LABELS[found.status]} · {lines.percent(found)}"
