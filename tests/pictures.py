"""Takes pictures of the product: `python -m tests.pictures [--all] [FOLDER]`.

It starts the product as a new user does, runs a sample campaign from the local Slack's page, and takes the
same moments at 1280 and 390 pixels, light and dark. With `--all` every page of the panel follows, of a product
that has something to show in each. Without a folder only the README's are kept.
"""

import argparse
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, sign_in
from tests.browser.gallery import HEIGHTS, furnished
from tests.crash.product import Product
from tests.processes import free_port, until

README_FOLDER = Path(".github/pictures")
README_PICTURES = ("running-1280-light.png", "card.png")
WINDOWS = tuple((width, scheme) for width in HEIGHTS for scheme in ("light", "dark"))
CARD_WIDTH = 560
SENT_BY_THEN = 1100


def main(folder: Path, *, everything: bool) -> None:
    """Start, run, look."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch, sync_playwright() as playwright:
        product = Product(Path(scratch), SLACK_LOCAL="1", SLACK_LOCAL_PORT=str(free_port()))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            product.start()
            take(product, browser, folder)
        finally:
            product.close()
        if everything:
            take_all(Path(scratch), browser, folder / "pages")
        browser.close()


def take_all(scratch: Path, browser: Browser, folder: Path) -> None:
    """Each page in each window."""
    folder.mkdir()
    with furnished(scratch / "gallery", browser) as gallery:
        for width, scheme in WINDOWS:
            with gallery.windows(width, scheme) as panels:
                for person, name, path in gallery.pages():
                    panels[person].open(path)
                    panels[person].page.wait_for_load_state("networkidle")
                    panels[person].page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")


def take(product: Product, browser: Browser, folder: Path) -> None:
    """The list before; card and campaign in the middle of a run; the retry dialog and the table after it."""
    session = sign_in(product, browser, "alice", product.house.folder / "alice.json")
    panels = {window: panel_at(browser, session, *window) for window in WINDOWS}
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


def panel_at(browser: Browser, session: Path, width: int, scheme: str) -> Page:
    """A window on the panel."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHTS[width]},
        color_scheme="dark" if scheme == "dark" else "light",
        storage_state=session,
    )
    return context.new_page()


def slack_at(product: Product, browser: Browser, width: int, scheme: str) -> Page:
    """A window on the local Slack, as Ben."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHTS.get(width, 860)},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(f"{product.house.published('slack_local')['url']}/?as=U0BEN")
    page.wait_for_load_state("domcontentloaded")
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    return page


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--all", action="store_true", help="every page of the panel too")
    given = parser.parse_args()
    if given.folder:
        main(given.folder, everything=given.all)
    else:
        with TemporaryDirectory() as taken:
            main(Path(taken), everything=False)
            for wanted in README_PICTURES:
                shutil.copy(Path(taken) / wanted, README_FOLDER / wanted)
