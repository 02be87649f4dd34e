"""Every page of the panel on a desktop in the light and on a phone in the dark; `tests.pictures --all` has them all."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.gallery import Gallery, furnished
from tests.browser.test_panel_looks import violations

pytestmark = pytest.mark.timeout(300)  # making the gallery is a minute's work of its own


@pytest.fixture(scope="module")
def gallery(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """A product with something to show on every page."""
    with furnished(tmp_path_factory.mktemp("gallery"), browser) as made:
        yield made


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_every_page_fits_and_can_be_used_by_everybody(gallery: Gallery, width: int, scheme: str) -> None:
    found = []
    with gallery.windows(width, scheme) as panels:
        for person, name, path in gallery.pages():
            panel = panels[person]
            panel.open(path)
            if panel.page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{name} is wider than the window")
            found += violations(panel.page)
    assert not found, "\n".join(found)
