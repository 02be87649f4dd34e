"""The README against what it describes."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from admin.__main__ import main
from models.actors import RIGHTS, Actor, Right
from models.rules.actions import Standing, answer_for
from models.rules.counts import Counts
from models.words import (
    CAMPAIGN_STATUS_LABELS,
    MESSAGE_STATUS_LABELS,
    ROLE_LABELS,
    Action,
    Channel,
    Phase,
    Role,
    Surface,
)

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
START = "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt . && honcho start"
TEST = "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt '.[test]' && pytest"

# The columns of the table of actions; in each something of everything is there to be done.
COLUMNS = {
    "Draft": Phase.DRAFT,
    "Ready": Phase.READY,
    "In Progress": Phase.RUNNING,
    "Held": Phase.HELD,
    "stopping": Phase.STOPPING,
    "Stopped, Complete": Phase.ENDED,
    "Failed": Phase.FAILED,
}
NOT_RUN = Counts({"waiting": 3})
RUN = Counts({"delivered": 1, "failed": 1, "cancelled": 1})


def section(heading: str) -> str:
    """The text of README's section, up to the next heading of the same level."""
    return README.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """The first cell of each table row, heads left out."""
    cells = re.findall(r"^\| *(.+?) *\|", text, re.MULTILINE)
    rules = [number for number, cell in enumerate(cells) if set(cell) == {"-"}]
    return [cell for number, cell in enumerate(cells) if not {number, number + 1} & set(rules)]


class TestReadme:
    @pytest.mark.parametrize("command", [START, TEST])
    def test_first_screen_has_both_commands(self, command: str) -> None:
        assert f"\n{command}\n" in README.split("\n## ")[0]

    def test_settings_are_those_that_the_code_reads(self) -> None:
        documented = re.findall(r"`([A-Z][A-Z0-9_]+)`", "\n".join(first_cells(section("Settings"))))
        files = [ROOT / "models" / name for name in ("config.py", "providers.py")]
        nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
        constants = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        read = {text for text in constants if re.fullmatch(r"PORT|[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", text)}
        assert Counter(documented).most_common(1)[0][1] == 1
        assert set(documented) == read

    def test_commands_are_those_that_there_are(self, capsys: pytest.CaptureFixture[str]) -> None:
        documented = re.findall(r"`python -m admin ([a-z-]+)", "\n".join(first_cells(section("Commands"))))
        with pytest.raises(SystemExit):
            main(["--help"])
        assert sorted(documented) == sorted(re.findall(r"^    ([a-z-]+)", capsys.readouterr().out, re.MULTILINE))

    def test_statuses_are_those_of_the_code(self) -> None:
        statuses = [cell.strip("*") for cell in first_cells(section("Statuses"))]
        expected = [*CAMPAIGN_STATUS_LABELS.values(), *MESSAGE_STATUS_LABELS.values()]
        assert sorted(statuses) == sorted(expected)

    def test_local_links_lead_somewhere(self) -> None:
        targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
        assert [target for target in targets if not (ROOT / target).exists()] == []

    def test_rights_are_those_of_the_roles(self) -> None:
        expected = {right.value: ["yes" if right in RIGHTS[role] else "no" for role in Role] for right in Right}
        heads, rows = table("Right")
        assert heads == [ROLE_LABELS[role] for role in Role]
        assert {name[0].lower() + name[1:]: cells for name, cells in rows} == expected

    def test_actions_are_allowed_where_the_rules_allow_them(self) -> None:
        heads, rows = table("Action")
        assert heads == list(COLUMNS)
        expected = {
            action.value: ["yes" if allowed(action, COLUMNS[head]) else "no" for head in heads] for action in Action
        }
        assert {name.lower().replace(" ", "_"): cells for name, cells in rows} == expected

    def test_its_own_headings_are_linked_by_their_names(self) -> None:
        headings = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}
        assert set(re.findall(r"\]\(#([^)]+)\)", README)) - anchors == set()


def table(corner: str) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The table with this word in its corner: its heads, and each row's first and other cells."""
    lines = README.split(f"\n| {corner} |")[1].split("\n\n")[0].splitlines()
    heads, _, *rows = ([cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines)
    return heads, [(row[0], row[1:]) for row in rows]


def allowed(action: Action, phase: Phase) -> bool:
    """Whether the rules let an Org Admin do this to an email campaign that stands there."""
    counts = NOT_RUN if phase in (Phase.DRAFT, Phase.READY) else RUN
    actor = Actor(1, "Alice", Role.ORG_ADMIN, Surface.PANEL)
    return answer_for(action, Standing("Spring", Channel.EMAIL, phase, counts), actor).allowed
