"""What moves by itself on a campaign's page while it runs."""

from collections.abc import Callable

from playwright.sync_api import Request

from models.words import Channel
from tests.browser.conftest import Panel
from tests.crash.product import Product

# In doubt for some fifteen seconds.
SILENT = b"email,name,city,note\nsim.silent@live.example.com,Ann,Cork,a\nsim.silent@rows.example.com,Bo,Cork,a\n"


def test_rows_are_read_anew_while_messages_move_and_nobody_is_busy_with_them(
    product: Product, panel_of: Callable[..., Panel]
) -> None:
    campaign_id, _ = product.create(Channel.EMAIL, 2, name="Live rows", contacts=SILENT)
    product.go(campaign_id)
    panel = panel_of("ben")
    panel.open(f"/campaigns/{campaign_id}/")
    panel.page.locator("#head").hover()
    with panel.page.expect_request(_is_for_rows):
        pass
    assert product.phase(campaign_id) == "running"


def _is_for_rows(asked: Request) -> bool:
    return asked.headers.get("hx-target") == "messages"
