"""A product in which every page of the panel has something to show, and windows on it."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

from playwright.sync_api import Browser, FilePayload, Page, expect

from models.words import Channel
from tests.browser.conftest import DESKTOP, PHONE, Panel, sign_in
from tests.browser.pages import EVERYTHING
from tests.crash.product import Product
from tests.processes import free_port, until

HEIGHTS = {DESKTOP: 860, PHONE: 844}

# Simulated recipients choose their fate by their last four digits (SPEC 10).
DELIVERED, INVALID, UNREACHABLE, RATE_LIMITED, OPTED_OUT, ANSWER_LOST, ACCOUNT_REFUSED = (
    "9000",
    "9001",
    "9003",
    "9007",
    "9020",
    "9051",
    "9060",
)
NUMBERS = "mobile;name;town\n" + "".join(
    f"{number};{name};Northbank\n"
    for number, name in (("+61491570156", "Zoë"), ("+61491570157", "Łukasz"), ("+61491570158", ""), ("12", "Bob"))
)
ADDRESSES = "email,first name\nada@example.com,Ada <3\nbob@example.com,\n"
UNSUBSCRIBE_TOKEN = """
from models import database, unsubscribe
from models.config import Config
from models.installation import open_installation
from models.words import Channel
from tests.browser.conftest import DESKTOP, PHONE, Panel, sign_in
from tests.browser.pages import EVERYTHING
open_installation(Config.from_env())
print(unsubscribe.token_of(Channel.EMAIL, "reader1@example.com"))
database.close()
"""
GUARD_TAKES = 300  # failed first attempts, enough for the guard to hold a campaign


@dataclass
class Gallery:
    """A furnished product, and windows on it in which nothing may go wrong."""

    product: Product
    browser: Browser
    names: dict[str, str]
    sessions: dict[str, Path]

    def pages(self) -> Iterator[tuple[str, str, str]]:
        """Who looks, at what, and its address."""
        for person, pages in EVERYTHING.items():
            for name, path in pages.items():
                yield person, name, path.format_map(self.names)

    @contextmanager
    def windows(self, width: int, scheme: str) -> Iterator[dict[str, Panel]]:
        """One for each who looks."""
        panels = {person: self._window(person, width, scheme) for person in EVERYTHING}
        yield panels
        for panel in panels.values():
            panel.page.context.close()
            assert panel.faults == []

    def _window(self, person: str, width: int, scheme: str) -> Panel:
        context = self.browser.new_context(
            viewport={"width": width, "height": HEIGHTS[width]},
            color_scheme="dark" if scheme == "dark" else "light",
            storage_state=self.sessions.get(person),
            has_touch=width == PHONE,
        )
        panel = Panel(context.new_page(), _url(self.product))
        panel.watch()
        return panel


@contextmanager
def furnished(folder: Path, browser: Browser) -> Iterator[Gallery]:
    """A product of its own, 240 times as quick as life, with something on every page."""
    product = Product(folder / "product", TIME_SCALE="240", SLACK_LOCAL="1", SLACK_LOCAL_PORT=str(free_port()))
    try:
        product.change(simulated__mix={"delivered": 1000})  # who does not choose an outcome gets the message
        product.start()
        sessions = {name: sign_in(product, browser, name, folder / f"{name}.json") for name in ("alice", "vera")}
        with browser.new_context(storage_state=sessions["alice"]) as context:
            names = furnish(product, context.new_page())
        yield Gallery(product, browser, names, sessions)
    finally:
        print(product.said())
        product.close()


def furnish(product: Product, panel: Page) -> dict[str, str]:
    """One campaign in each state, drafts at each step, an export, an opt-out; `panel` is Alice's."""
    panel.goto(_url(product))
    ids = _sms_campaigns(product) | _email_campaigns(product)
    complete = ids["complete"]
    ids["message"] = _first(product, "messages", f"campaign_id = {complete} AND status = 'failed'")
    (recipient,) = product.rows("SELECT recipient FROM messages WHERE id = ?", int(ids["message"]))[0]
    ids["somebody"] = quote(recipient)
    ids["doubt"] = _first(product, "messages", f"campaign_id = {complete} AND status = 'unconfirmed'")
    ids["opt_out"] = _first(product, "opt_outs", "1 = 1")
    ids |= _drafts(product, panel)
    _export(panel, f"/campaigns/{complete}/")
    _start_later(panel, f"/campaigns/{ids['scheduled']}/run")
    ids["link"] = product.command("sign-in-link", "ben@example.com").strip().rpartition("/")[2]
    # The channel is held until somebody resumes it: last, so that the others could run.
    ids["held"] = _run(product, Channel.SMS, "Storm season contact check", [(GUARD_TAKES, UNREACHABLE)], phase="held")
    return ids


def _sms_campaigns(product: Product) -> dict[str, str]:
    fates = [(60, DELIVERED), (6, UNREACHABLE), (4, INVALID), (2, RATE_LIMITED), (2, OPTED_OUT), (3, ANSWER_LOST)]
    complete = _run(product, Channel.SMS, "Flu clinic reminder", fates)
    failed = _run(product, Channel.SMS, "Library reopening", [(40, DELIVERED), (30, ACCOUNT_REFUSED)], phase="failed")
    stopped, _ = product.create(Channel.SMS, 3000, name="Pool timetable")
    product.go(stopped)
    product.command("stop", str(stopped))
    product.until_ended(stopped, seconds=60)
    scheduled, _ = product.create(Channel.SMS, 80, name="Heatwave check-in, northern suburbs")
    return {"ready": "1", "complete": complete, "failed": failed, "stopped": str(stopped), "scheduled": str(scheduled)}


def _email_campaigns(product: Product) -> dict[str, str]:
    contacts = "email,name,city,note\n" + "".join(f"reader{n}@example.com,Ann,Cork,\n" for n in range(30))
    complete_email, _ = product.create(Channel.EMAIL, 30, name="Membership renewal", contacts=contacts.encode())
    product.go(complete_email)
    product.until_ended(complete_email, seconds=60)
    return {"ready_email": "2", "complete_email": str(complete_email), "unsubscribe": _unsubscribe_token(product)}


def _run(
    product: Product, channel: Channel, name: str, fates: Iterable[tuple[int, str]], *, phase: str = "ended"
) -> str:
    fated = [ending for count, ending in fates for _ in range(count)]
    rows = "".join(f"+1415{200 + place}{ending},Ann,Cork,\n" for place, ending in enumerate(fated))
    campaign_id, _ = product.create(channel, len(fated), name=name, contacts=f"phone,name,city,note\n{rows}".encode())
    product.go(campaign_id)
    until(lambda: product.phase(campaign_id) == phase, seconds=60, what=f"{name} to be {phase}")
    return str(campaign_id)


def _first(product: Product, table: str, condition: str) -> str:
    return str(product.rows(f"SELECT MIN(id) FROM {table} WHERE {condition}")[0][0])


def _unsubscribe_token(product: Product) -> str:
    """As it stands in somebody's email."""
    told = product.house.start("python", "-c", UNSUBSCRIBE_TOKEN, **product.variables)
    assert told.ended(seconds=30) == 0, told.said()
    return told.said().strip()


def _drafts(product: Product, panel: Page) -> dict[str, str]:
    """An SMS draft that only has to be created, with a test sent; an email draft with no template yet."""
    draft, columns = _draft(panel, "Road closure, Hill Street", "SMS", NUMBERS)
    panel.get_by_label("Message", exact=True).fill("Hi {{name}}, Hill Street in {{town}} is closed on Friday.")
    panel.get_by_role("button", name="Save and send a test…").click()
    panel.get_by_label("To", exact=True).fill(f"+1415555{DELIVERED}")
    panel.get_by_role("button", name="Send the test").click()
    expect(panel.locator("#sent .badge")).to_have_text("Sent")
    draft_email, _ = _draft(panel, "Community grants newsletter", "Email", ADDRESSES)
    test = _first(product, "sent_tests", "1 = 1")
    return {"draft": draft, "columns": columns, "draft_email": draft_email, "test": test}


def _draft(panel: Page, name: str, channel: str, contacts: str) -> tuple[str, str]:
    """Through the first two steps to the template; returns the draft's id and the address of its columns."""
    panel.goto(_address(panel, "/campaigns/new"))
    panel.get_by_label("Name", exact=True).fill(name)
    panel.get_by_label(channel, exact=True).check()
    panel.get_by_role("button", name="Continue to contacts").click()
    panel.get_by_label("These contacts agreed").check()
    file = FilePayload(name="contacts.csv", mimeType="text/csv", buffer=contacts.encode())
    panel.get_by_label("Contacts", exact=True).set_input_files(file)
    panel.get_by_role("button", name="Upload").click()
    expect(panel.get_by_role("heading", name="Columns")).to_be_visible()
    columns = urlsplit(panel.url).path
    panel.get_by_role("button", name=re.compile("^Import")).click()
    panel.get_by_role("link", name=re.compile("^Continue with")).click()
    return columns.split("/")[2], columns


def _export(panel: Page, path: str) -> None:
    panel.goto(_address(panel, path))
    panel.get_by_role("button", name="Export").click()
    with panel.expect_download():
        panel.get_by_role("menuitem", name=re.compile("^All messages")).click()


def _start_later(panel: Page, path: str) -> None:
    panel.goto(_address(panel, path))
    panel.get_by_label("At a time…").check()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    panel.get_by_label("Starts at,").fill(tomorrow.strftime("%Y-%m-%dT14:00"))
    for box in panel.get_by_role("checkbox").all():
        box.check()
    panel.get_by_role("button", name=re.compile("^Start at")).click()
    expect(panel.get_by_text("Runs later:")).to_be_visible()


def _url(product: Product) -> str:
    return str(product.house.published("web")["url"])


def _address(panel: Page, path: str) -> str:
    return urljoin(panel.url, path)
