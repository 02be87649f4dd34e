"""Which methods of Slack's Web API the product calls, read from its code."""

import ast
from collections.abc import Iterator
from pathlib import Path

from slack_sdk import WebClient

ROOT = Path(__file__).parents[1]
FOLDERS = ("admin", "bot", "jobs")
# What one method of slack_sdk calls; each other one is named after the method that it calls.
SEVERAL = {"files_upload_v2": ("files.getUploadURLExternal", "files.completeUploadExternal")}
# Called by bolt's Socket Mode handler, not by us.
BY_BOLT = frozenset({"apps.connections.open"})


def called() -> frozenset[str]:
    """The methods, as Slack names them."""
    files = (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if "local_slack" not in file.parts)
    return BY_BOLT.union(*(_called_in(ast.parse(file.read_text(encoding="utf-8"))) for file in files))


def _called_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_client(node.func.value):
            name = node.func.attr
            if hasattr(WebClient, name):
                yield from SEVERAL.get(name, (name.replace("_", "."),))


def _is_client(node: ast.expr) -> bool:
    """Whether the expression is named as a Web API client is here: `client`, `self._client`, `found.client()`."""
    return ast.unparse(node).split("(")[0].endswith("lient")
