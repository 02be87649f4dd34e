"""Every page of the panel, on a desktop in the light and on a phone in the dark."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.gallery import DESKTOP, HEIGHTS, PHONE, furnished
from tests.browser.test_panel_looks import violations


@pytest.mark.timeout(300)  # making the gallery is a minute's work of its own
def test_every_page_fits_and_can_be_used_by_everybody(browser: Browser, tmp_path: Path) -> None:
    found = []
    with furnished(tmp_path, browser) as gallery, gallery.windows(DESKTOP, "light") as panels:
        for person, name, path in gallery.pages():
            panels[person].open(path)
            page = panels[person].page
            found += [f"{name}, desktop: {fault}" for fault in faults(page)]
            page.emulate_media(color_scheme="dark")
            page.set_viewport_size({"width": PHONE, "height": HEIGHTS[PHONE]})
            found += [f"{name}, phone: {fault}" for fault in faults(page)]
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": DESKTOP, "height": HEIGHTS[DESKTOP]})
    assert not found, "\n".join(found)


def faults(page: Page) -> list[str]:
    """What sticks out, and what axe finds, all that is folded being open."""
    page.evaluate("document.querySelectorAll('details').forEach(folded => folded.open = true)")
    fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return [*([] if fits else ["wider than the window"]), *violations(page)]
