"""A short animated picture of card and panel, side by side, from one campaign's run: `python -m tests.film [FILE]`.

Needs Pillow, which nothing else does: `pip install -c constraints.txt '.[test,pictures]'`.
"""

import io
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, ViewportSize, sync_playwright

from models.words import Phase
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.crash.product import Product
from tests.pictures import CARD_WIDTH, README_FOLDER, panel_at, run, sent, sign_in, slack_at
from tests.processes import free_port, until

FILM = README_FOLDER / "running.gif"
SIZE, CARD_SIZE, GAP = (640, 520), (340, 520), 20  # pixels of the film
PANEL_VIEW: ViewportSize = {"width": 1000, "height": 812}
SECONDS_A_FRAME, LAST_SECONDS = 0.8, 4.0
EVERY = 100  # messages from one frame to the next
COLOURS = 64


def main(file: Path) -> None:
    """Start, run, take a frame whenever something has moved, and keep the film."""
    with TemporaryDirectory() as scratch, sync_playwright() as playwright:
        product = Product(Path(scratch), SLACK_LOCAL="1", SLACK_LOCAL_PORT=str(free_port()))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            product.start()
            keep(frames(product, browser), file)
        finally:
            browser.close()
            product.close()


def frames(product: Product, browser: Browser) -> list[Image.Image]:
    """From the first messages to the end."""
    panel = panel_at(product, browser, sign_in(product, browser), 1280, "light")
    panel.set_viewport_size(PANEL_VIEW)
    run(slack_at(product, browser, 1280, "light"))
    card = card_of(slack_at(product, browser, CARD_WIDTH, "light"))
    panel.goto(f"{product.house.published('web')['url']}/campaigns/1/")
    taken, seen = [frame(panel, card)], 0
    while not ended(product):
        next_at = seen + EVERY
        until(partial(moved, product, next_at), seconds=60, what="something new")
        seen = sent(product)
        taken.append(frame(panel, card))
    for told in (card, panel.locator(".head-title")):
        until(partial(complete, told), seconds=30, what="the last state")
    return [*taken, frame(panel, card)]


def ended(product: Product) -> bool:
    """Whether the campaign is over."""
    return product.phase(1) == Phase.ENDED


def moved(product: Product, messages: int) -> bool:
    """Whether so many are handed over, or all."""
    return sent(product) >= messages or ended(product)


def complete(told: Locator) -> bool:
    """Whether this says that the campaign is complete."""
    return "Complete" in told.inner_text()


def card_of(slack: Page) -> Locator:
    """The campaign's card in the home channel."""
    return slack.locator("#messages article").last


def frame(panel: Page, card: Locator) -> Image.Image:
    """Both as they are now, side by side."""
    whole = Image.new("RGB", (SIZE[0] + GAP + CARD_SIZE[0], SIZE[1]), "white")
    whole.paste(fitted(panel.screenshot(), SIZE), (0, 0))
    whole.paste(fitted(card.screenshot(), CARD_SIZE), (SIZE[0] + GAP, 0))
    return whole.quantize(COLOURS)


def fitted(picture: bytes, size: tuple[int, int]) -> Image.Image:
    """A screenshot made as small as its place."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.thumbnail(size, Image.Resampling.LANCZOS)
    return image


def keep(taken: list[Image.Image], file: Path) -> None:
    """The film, which begins anew after a longer look at its end."""
    durations = [round(SECONDS_A_FRAME * 1000)] * (len(taken) - 1) + [round(LAST_SECONDS * 1000)]
    taken[0].save(file, save_all=True, append_images=taken[1:], duration=durations, loop=0, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILM)
