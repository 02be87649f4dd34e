"""A message as one contact gets it."""

from bot.drawing import blocks
from bot.drawing.blocks import Block
from models.queries.previews import Preview

PREVIEW_LENGTH = 2000


def message(preview: Preview) -> list[Block]:
    """The text, as text: nothing in it is read as formatting."""
    subject = f"Subject: {preview.subject}\n\n" if preview.subject else ""
    text = blocks.cut(subject + preview.text, PREVIEW_LENGTH)
    return [
        blocks.context(f"As {blocks.code(preview.recipient)} gets it:"),
        {"type": "section", "text": blocks.plain(text or "(empty)")},
    ]


def paging(preview: Preview, back: str, on: str) -> list[Block]:
    """To the contact before and to the one after."""
    turns = [
        blocks.button(text, action_id, value=str(place))
        for text, action_id, place in (("‹ Previous", back, preview.previous), ("Next ›", on, preview.next))
        if place is not None
    ]
    where = blocks.context(f"Contact {preview.place:,} of {preview.total:,}")
    return [where, blocks.actions(turns, block_id="pages")] if turns else [where]
