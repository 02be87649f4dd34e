"""Which methods of Slack's Web API the product calls, read from its code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from slack_sdk import WebClient

ROOT = Path(__file__).parents[1]
FOLDERS = ("admin", "bot", "jobs")
# Called by bolt's Socket Mode handler, not by us.
BY_BOLT = frozenset({"apps.connections.open"})


def called() -> frozenset[str]:
    """The methods, as Slack names them."""
    files = (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if "local_slack" not in file.parts)
    return BY_BOLT.union(*(_called_in(ast.parse(file.read_text(encoding="utf-8"))) for file in files))


def _called_in(tree: ast.Module) -> Iterator[str]:
    """Methods are named as attributes of a client, or by text where all calls go through one function."""
    for node in ast.walk(tree):
        name = getattr(node, "attr", None) or getattr(node, "value", None)
        if isinstance(name, str) and re.fullmatch(r"[a-z]+(_\w+)+", name) and hasattr(WebClient, name):
            yield name.replace("_", ".")
