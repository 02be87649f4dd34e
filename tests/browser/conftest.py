"""One product for all browser tests, started as an operator starts it, and Chromium looking at its panel."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.browser.desk import SLACK_IDS, Desk
from tests.crash.product import Product
from tests.ordering import longest_first
from tests.processes import free_port

# Without the parts that draw on a screen it takes a third less time.
CHROMIUM = shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESKTOP = 390, 1280
PATIENCE = 15_000  # ms
# What Chromium says about every answer of ours that refuses something.
REFUSED = re.compile(r"the server responded with a status of (403|404|409|422)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may last longest first."""
    longest_first(items)


@dataclass
class Panel:
    """The panel as one person sees it in one window; notes whatever no page of ours may do."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to an address of the panel."""
        self.page.goto(self.url + path)

    def watch(self) -> None:
        """Note errors, breaches of the page's policy, and requests to another host."""
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._look)

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error" and not REFUSED.search(said.text):
            self.faults.append(said.text)

    def _look(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https"} and parts.netloc != urlsplit(self.url).netloc:
            self.faults.append(f"asked {request.url}")


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product with its sample people and campaigns, 240 times as quick as life."""
    variables = {"TIME_SCALE": "240", "SLACK_LOCAL": "1", "SLACK_LOCAL_PORT": str(free_port())}
    made = Product(tmp_path_factory.mktemp("panel") / "product", **variables)
    try:
        made.change(simulated__mix={"delivered": 1000})  # who does not choose an outcome gets the message
        made.start()
        yield made
    finally:
        print(made.said())
        made.close()


@pytest.fixture
def slow(product: Product) -> Iterator[None]:
    """Sending so slow that one can look on: forty messages take as many seconds, however slow the browser is."""
    product.change(simulated__speed=1.0)
    yield
    product.change(simulated__speed=40.0)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def signed_in(product: Product, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Signs somebody in by a one-time link, once for all tests; returns the file with the session."""
    folder = tmp_path_factory.mktemp("sessions")

    def signed_in_once(name: str) -> Path:
        kept = folder / f"{name}.json"
        return kept if kept.exists() else sign_in(product, browser, name, kept)

    return signed_in_once


@pytest.fixture
def panel_of(product: Product, browser: Browser, signed_in: Callable[[str], Path]) -> Iterator[Callable[..., Panel]]:
    """Opens the panel as somebody; afterwards nothing may have gone wrong in it."""
    windows: list[tuple[BrowserContext, Panel]] = []

    def look(name: str, *, width: int = DESKTOP, scheme: str = "light") -> Panel:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            storage_state=signed_in(name),
            has_touch=width == PHONE,
        )
        context.set_default_timeout(PATIENCE)
        section = product.house.section("web")
        assert section is not None
        panel = Panel(context.new_page(), str(section["url"]))
        panel.watch()
        windows.append((context, panel))
        return panel

    yield look
    for context, panel in windows:
        context.close()
        assert panel.faults == []


@pytest.fixture
def slack_of(product: Product, browser: Browser) -> Iterator[Callable[..., Desk]]:
    """Opens the local Slack as somebody; afterwards no script may have failed in it."""
    desks: list[Desk] = []

    def open_as(name: str, *, width: int = DESKTOP, scheme: str = "light") -> Desk:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            has_touch=width == PHONE,
        )
        context.set_default_timeout(PATIENCE)
        desk = Desk(context.new_page())
        desk.page.on("pageerror", lambda error: desk.faults.append(str(error)))
        desk.page.goto(f"{product.house.published('slack_local')['url']}/?as={SLACK_IDS[name]}")
        desks.append(desk)
        return desk

    yield open_as
    for desk in desks:
        desk.page.context.close()
        assert desk.faults == []


def sign_in(product: Product, browser: Browser, name: str, kept: Path) -> Path:
    """Somebody's session, by the one-time link; returns the file it is `kept` in."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(product.command("sign-in-link", f"{name}@example.com").strip())
        page.get_by_role("button", name=f"Sign in as {name.title()}").click()
        page.wait_for_url("**/campaigns/")
        context.storage_state(path=kept)
    return kept
