"""The local Slack's page as one person sees it and acts on it."""

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from models.words import MESSAGE_STATUS_LABELS, MessageStatus

SLACK_IDS = {"alice": "U0ALICE", "ben": "U0BEN", "vera": "U0VERA", "mallory": "U0MALLORY"}
CAMPAIGNS = "C0CAMPAIGNS"  # #campaigns of the local Slack
EXPORTED = 60_000  # ms
NARROW = 760  # pixels, as the page's style has it


@dataclass
class Desk:
    """One person's window; `faults` are errors of its scripts."""

    page: Page
    faults: list[str] = field(default_factory=list)

    # Going somewhere

    def opens(self, place: str) -> None:
        """Go to a channel (`# campaigns`) or to the app (`Signalbox`); on a phone the list is behind a button."""
        if self.page.viewport_size and self.page.viewport_size["width"] <= NARROW:
            self.page.get_by_role("button", name="Conversations").click()
        self.page.get_by_role("link", name=place).click()

    def opens_directs(self) -> None:
        """Go to what the app has told this person alone."""
        self.opens("Signalbox")
        self.page.get_by_role("button", name="Messages").click()

    # Looking

    @property
    def modal(self) -> Locator:
        """The open dialog."""
        return self.page.locator("#modal")

    @property
    def last(self) -> Locator:
        """The last message of the conversation."""
        return self.page.locator("#messages article").last

    def told(self, *texts: str) -> Locator:
        """The messages of the conversation that say all of this, in this order."""
        return self.page.locator("#messages article").filter(
            has_text=re.compile(".*".join(map(re.escape, texts)), re.DOTALL)
        )

    def card(self, name: str) -> Locator:
        """The campaign's card."""
        return self.told(name, "recipients").and_(self.page.locator("article:not(.only-me)")).last

    @property
    def width(self) -> int:
        """How wide the page is, in pixels: more than the window's where something sticks out."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    # Acting

    def types(self, line: str) -> None:
        """Type a line into the conversation."""
        self.page.get_by_label("Message", exact=True).fill(line)
        self.page.get_by_label("Message", exact=True).press("Enter")

    def submits(self, button: str) -> None:
        """Press the dialog's button."""
        self.modal.get_by_role("button", name=button, exact=True).click()

    def closes(self) -> None:
        """Close the dialog that has said how it ended."""
        self.submits("Close")
        expect(self.modal).to_be_hidden()

    @property
    def disclaimer(self) -> Locator:
        """The boxes of what has to be confirmed each time."""
        return self.modal.get_by_role("group", name="To run it, confirm each").get_by_role("checkbox")

    def confirms_disclaimer(self) -> None:
        """Tick what has to be confirmed each time, and nothing else."""
        for box in self.disclaimer.all():
            box.check()

    def runs(self, name: str) -> None:
        """Run a campaign by command and dialog."""
        self.types(f"/campaign run {name}")
        expect(self.modal).to_contain_text("confirm each")
        self.confirms_disclaimer()
        self.submits("Run Campaign")
        expect(self.modal).to_contain_text("messages are being queued.")
        self.closes()

    def stops(self, button: Locator) -> None:
        """Press a Stop button and mean it."""
        button.click()
        self.page.locator("#confirm").get_by_role("button", name="Stop it").click()

    def takes_file(self, name: str) -> list[dict[str, str]]:
        """The rows of the file that came as a direct message, by the campaign's name in the file's."""
        file = self.page.locator("a.file").filter(has_text=name.lower().replace(" ", "-"))
        expect(file.last).to_be_visible(timeout=EXPORTED)
        with self.page.expect_download() as download:
            file.last.click()
        text = Path(download.value.path()).read_text(encoding="utf-8-sig")
        return list(csv.DictReader(io.StringIO(text)))


def number(text: str, label: str) -> int:
    """The count that stands behind (card) or below (tile) a label; 0 where the label isn't."""
    found = re.search(rf"\b{label}\s+([\d,]+)", text)
    return int(found[1].replace(",", "")) if found else 0


def counts_shown(place: Locator) -> dict[str, int]:
    """The counts of a card, or of the panel's tiles."""
    text = place.inner_text()
    return {status.value: number(text, MESSAGE_STATUS_LABELS[status]) for status in MessageStatus}
