"""`bot`, `admin`, `jobs` and `models` are common words: what we import under them must be ours."""

import importlib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["admin", "bot", "jobs", "models"]


@pytest.mark.parametrize("name", PACKAGES)
def test_package_is_imported_from_this_repository(name: str) -> None:
    # A package without __init__.py has no file, and loses to any installed one of its name.
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file) == ROOT / name / "__init__.py"


@pytest.mark.parametrize("name", [*PACKAGES, "tests"])
def test_no_installed_distribution_provides_our_name(name: str) -> None:
    assert packages_distributions().get(name, []) == []
