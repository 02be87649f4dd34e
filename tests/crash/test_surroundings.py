"""Where people start it: twice, on a taken port, in odd folders, without a home."""

import socket
from pathlib import Path

import pytest

from models.words import Channel
from tests.crash import promises
from tests.crash.conftest import MakeProduct
from tests.crash.product import Product, answers

pytestmark = [pytest.mark.crash, pytest.mark.timeout(120)]

ROWS = 60
LONG_NAME = "a folder whose name is long, has blanks and an ümlaut; " * 3 + "end"


def assert_sends(product: Product) -> None:
    """A small campaign runs to its end."""
    campaign_id, imported = product.create(Channel.SMS, ROWS)
    product.go(campaign_id)
    product.until_ended(campaign_id, seconds=60)
    promises.assert_counts_add_up(product, campaign_id, imported)
    promises.assert_never_twice(product)


def test_a_second_start_on_one_folder_is_refused_and_disturbs_nothing(product: Product) -> None:
    product.start()
    living = product.house.living()
    second = product.house.start("honcho", "start", **product.variables)
    assert second.ended(seconds=20) == 2
    assert "is in use by process" in second.said()
    assert product.house.living() == living
    assert product.is_ready()
    product.stop()
    promises.assert_nothing_left(product)


def test_in_a_long_folder_with_an_empty_home_and_its_port_taken_it_sends(
    make_product: MakeProduct, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", 0))
        thief.listen()
        port = thief.getsockname()[1]
        product = make_product(LONG_NAME, HOME=str(home), PORT=str(port))
        product.start()
        web = product.house.published("web")
        assert port < web["port"] < port + 50
        assert answers(f"{web['url']}/readyz")
        assert_sends(product)
        product.stop()
    promises.assert_nothing_left(product)
    assert not list(home.iterdir())
