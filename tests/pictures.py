"""Takes pictures of the product at work: `python -m tests.pictures [FOLDER]`.

It starts the product as a new user does, runs a sample campaign from the local Slack's page, and takes the
same moments at 1280 and 390 pixels, light and dark. Without a folder only the README's are kept.
"""

import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.crash.product import Product
from tests.processes import free_port, until

README_FOLDER = Path(".github/pictures")
README_PICTURES = ("running-1280-light.png", "card.png")
WIDTHS = {1280: 860, 390: 844}  # pixels wide -> pixels high
CARD_WIDTH = 560
SENT_BY_THEN = 1100


def main(folder: Path) -> None:
    """Start, run, look."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch, sync_playwright() as playwright:
        product = Product(Path(scratch), SLACK_LOCAL="1", SLACK_LOCAL_PORT=str(free_port()))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            product.start()
            take(product, browser, folder)
        finally:
            browser.close()
            product.close()


def take(product: Product, browser: Browser, folder: Path) -> None:
    """The list before; card and campaign in the middle of a run; the retry dialog and the table after it."""
    session = sign_in(product, browser)
    panels = {
        (width, scheme): panel_at(product, browser, session, width, scheme)
        for width in WIDTHS
        for scheme in ("light", "dark")
    }
    slack = slack_at(product, browser, 1280, "light")
    visit(panels, product, "/campaigns/", folder, "campaigns")
    run(slack)
    until(lambda: sent(product) > SENT_BY_THEN, seconds=90, what="the middle of the run")
    narrow = slack_at(product, browser, CARD_WIDTH, "light")
    narrow.locator("#messages article").last.screenshot(path=folder / "card.png")
    slack.screenshot(path=folder / "slack-1280-light.png")
    visit(panels, product, "/campaigns/1/", folder, "running")
    slack_at(product, browser, 390, "dark").screenshot(path=folder / "slack-390-dark.png")
    product.until_ended(1, seconds=120)
    visit(panels, product, "/campaigns/1/?status=failed", folder, "failed")
    visit(panels, product, "/campaigns/1/retry", folder, "retry")


def visit(panels: dict[tuple[int, str], Page], product: Product, path: str, folder: Path, name: str) -> None:
    """The same page in each window."""
    for (width, scheme), page in panels.items():
        page.goto(f"{product.house.published('web')['url']}{path}")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")


def run(slack: Page) -> None:
    """As Ben, from the channel."""
    slack.get_by_label("Message", exact=True).fill("/campaign run spring")
    slack.get_by_label("Message", exact=True).press("Enter")
    expect(slack.locator("#modal")).to_contain_text("confirm each")
    for box in slack.locator("#modal").get_by_role("checkbox").all():
        box.check()
    slack.locator("#modal").get_by_role("button", name="Run Campaign").click()
    expect(slack.locator("#modal")).to_contain_text("It runs")
    slack.locator("#modal").get_by_role("button", name="Close", exact=True).click()


def sent(product: Product) -> int:
    """How many messages have been handed over."""
    return int(product.rows("SELECT COUNT(*) FROM attempts")[0][0])


def sign_in(product: Product, browser: Browser) -> str:
    """Alice's session, as the box's link gives it; returns the cookie's file."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(product.command("sign-in-link", "alice@example.com").strip())
    page.get_by_role("button", name=re.compile("^Sign in as")).click()
    page.wait_for_url("**/campaigns/")
    kept = str(product.house.folder / "alice.json")
    context.storage_state(path=kept)
    context.close()
    return kept


def panel_at(product: Product, browser: Browser, session: str, width: int, scheme: str) -> Page:
    """A window on the panel."""
    context = browser.new_context(
        viewport={"width": width, "height": WIDTHS[width]},
        color_scheme="dark" if scheme == "dark" else "light",
        storage_state=session,
    )
    return context.new_page()


def slack_at(product: Product, browser: Browser, width: int, scheme: str) -> Page:
    """A window on the local Slack, as Ben."""
    context = browser.new_context(
        viewport={"width": width, "height": WIDTHS.get(width, 860)},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(f"{product.house.published('slack_local')['url']}/?as=U0BEN")
    page.wait_for_load_state("domcontentloaded")
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    return page


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as all_of_them:
            main(Path(all_of_them))
            for wanted in README_PICTURES:
                shutil.copy(Path(all_of_them) / wanted, README_FOLDER / wanted)
