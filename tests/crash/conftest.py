"""A product of its own for each test, on either engine, and the figures that the tests measured at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.product import Product
from tests.ordering import longest_first

FIGURE = "figure"
# SPEC 2's time-outs last a hundred and twentieth: 5 s for an SMS, 30 s for an email.
TIME_SCALE = "120"

Figure = Callable[[str], None]
MakeProduct = Callable[..., Product]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may last longest first."""
    longest_first(items)


@pytest.fixture
def make_product(tmp_path: Path, database_variables: dict[str, str]) -> Iterator[MakeProduct]:
    """Makes a product that isn't started yet, in a folder of that name; afterwards nothing of it is left."""
    made = []

    def make(name: str, **variables: str) -> Product:
        made.append(Product(tmp_path / name, **{"TIME_SCALE": TIME_SCALE, **database_variables, **variables}))
        return made[-1]

    yield make
    for product in made:
        print(product.said())
        product.close()


@pytest.fixture
def product(make_product: MakeProduct) -> Product:
    """A product that isn't started yet."""
    return make_product("product")


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Notes a figure for the list at the end of the run."""
    return lambda words: record_property(FIGURE, words)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured, test by test."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    found = [
        (report.nodeid.rpartition("::")[2], words)
        for report in reports
        if report.when == "call"
        for name, words in report.user_properties
        if name == FIGURE
    ]
    if found:
        terminalreporter.section("figures")
    for test, words in sorted(found):
        terminalreporter.line(f"{test}: {words}")
