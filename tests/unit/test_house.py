"""The house rules that a machine can check."""

import ast
import io
import re
import shlex
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.mutants import MUTANTS

ROOT = Path(__file__).parents[2]
CODE = ["admin", "bot", "jobs", "models"]
TOP_LEVEL = {
    *CODE,
    "tests",
    "CHANGELOG.md",
    "LICENSE",
    "Procfile",
    "README.md",
    "constraints.txt",
    "pyproject.toml",
}
FUNCTION_LINES = 40
MODULE_LINES = 400
TEST_MODULE_LINES = 600
# A fake that is larger than this is a second product.
LOCAL_SLACK = ROOT / "bot" / "local_slack"
LOCAL_SLACK_PYTHON, LOCAL_SLACK_PAGE = 2000, 800
# Where everything is caught: at the entry of a process, and around a unit of work; both log it.
BROAD_EXCEPTS = {"jobs/runtime/exits.py": 1, "jobs/runtime/faults.py": 1}

DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
NO_CODE = {
    tokenize.COMMENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.INDENT, tokenize.NEWLINE, tokenize.NL,
}  # fmt: skip


def modules(*folders: str) -> list[Path]:
    """All Python files under the folders, relative to the root."""
    return [file.relative_to(ROOT) for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def parsed(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


class TestTopLevel:
    def test_only_the_fixed_names_are_there(self) -> None:
        ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()]
        names = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")}
        assert {name for name in names if not any(fnmatch(name, pattern) for pattern in ignored)} == TOP_LEVEL

    def test_every_folder_of_code_is_a_package(self) -> None:
        scripts = Path("models/migrations")  # run by their path; their names begin with a number
        folders = {module.parent for module in modules(*CODE, "tests")} - {scripts}
        assert [str(folder) for folder in folders if not (ROOT / folder / "__init__.py").exists()] == []


class TestProcfile:
    LINES = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()

    def test_processes_stand_in_the_agreed_order(self) -> None:
        assert [line.split(":")[0] for line in self.LINES] == ["web", "bot", "worker", "clock", "redis"]

    @pytest.mark.parametrize("line", LINES)
    def test_each_process_starts_a_module_of_ours(self, line: str) -> None:
        words = shlex.split(line.split(":", 1)[1])
        assert words[:2] == ["python", "-m"]
        path = ROOT.joinpath(*words[2].split("."))
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), f"{words[2]} does not exist"


class TestPins:
    def test_every_dependency_is_pinned_to_one_version(self) -> None:
        lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if not line.startswith("#")]
        assert [
            pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+(; python_full_version < \"[\d.]+\")?", pin)
        ] == []
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
        pinned = {canonical(pin) for pin in pins}
        assert [name for name in wanted if canonical(name) not in pinned] == []


class TestSizes:
    def test_no_function_is_longer_than_the_limit(self) -> None:
        lengths = {
            f"{module}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
            for module in modules(*CODE)
            for node in ast.walk(parsed(module))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}

    @pytest.mark.parametrize(("folders", "limit"), [(CODE, MODULE_LINES), (["tests"], TEST_MODULE_LINES)])
    def test_no_module_is_longer_than_the_limit(self, folders: list[str], limit: int) -> None:
        lengths = {
            str(module): len((ROOT / module).read_text(encoding="utf-8").splitlines()) for module in modules(*folders)
        }
        assert {name: lines for name, lines in lengths.items() if lines > limit} == {}

    def test_local_slack_stays_small(self) -> None:
        python = sum(code_lines(file.read_text(encoding="utf-8")) for file in LOCAL_SLACK.rglob("*.py"))
        page = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in (LOCAL_SLACK / "page").iterdir())
        assert (python <= LOCAL_SLACK_PYTHON, page <= LOCAL_SLACK_PAGE) == (True, True), f"{python} and {page} lines"


class TestErrors:
    def test_everything_is_caught_in_two_places_only(self) -> None:
        found = Counter(str(module) for module in modules(*CODE) for _ in broad_catches(parsed(module)))
        assert found == BROAD_EXCEPTS


def canonical(requirement: str) -> str:
    """The name of a requirement as package indexes compare it (PEP 503)."""
    name = re.match(r"[\w.-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def code_lines(text: str) -> int:
    """How many lines have code on them: neither blank, nor only a comment, nor part of a docstring."""
    tree, documented = ast.parse(text), set[int]()
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            documented.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    used = (range(token.start[0], token.end[0] + 1) for token in tokens if token.type not in NO_CODE)
    return len(set().union(*used) - documented)


def broad_catches(tree: ast.Module) -> Iterator[ast.AST]:
    """Where `tree` catches or suppresses any exception whatever."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or names_all(node.type)):
            yield node
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            yield from filter(names_all, node.args)


def names_all(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) and part.id in {"Exception", "BaseException"} for part in ast.walk(node))


class TestMutants:
    def test_each_finds_its_place_once(self) -> None:
        assert {one.name: (ROOT / one.file).read_text().count(one.old) for one in MUTANTS} == dict.fromkeys(
            [one.name for one in MUTANTS], 1
        )
