"""A terminal for tests: runs our commands in this very process, or in one of their own, and keeps what they said."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from admin.__main__ import main
from tests import engines
from tests.factories import dump
from tests.processes import ALSO_OURS, OURS, ROOT

SENTENCE = re.compile(r"[^\n]*[.?!]\n")


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


class Terminal:
    """Stands in `folder` with only these variables of ours set."""

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.folder = folder
        self.variables = dict(variables)
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *words: object, stdin: str = "", **variables: str) -> Said:
        """Run `python -m admin WORDS` here."""
        self._capsys.readouterr()
        engines.let_go()
        with self._monkeypatch.context() as environment:
            for name, value in {**self.variables, **variables}.items():
                environment.setenv(name, value)
            environment.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            try:
                code: object = main([str(word) for word in words])
            except SystemExit as end:
                code = end.code
        said = self._capsys.readouterr()
        assert isinstance(code, int)
        return Said(code, said.out, said.err)

    def result(self, *words: object, stdin: str = "", **variables: str) -> str:
        """What a command that must succeed wrote to stdout, without the last line end."""
        said = self(*words, stdin=stdin, **variables)
        assert said.code == 0, said.err
        return said.out.removesuffix("\n")

    def refused(self, *words: object, stdin: str = "", **variables: str) -> str:
        """The one sentence of a command that must be refused and change nothing."""
        before = dump()
        said = self(*words, stdin=stdin, **variables)
        assert said.code == 2, said
        assert said.out == ""
        assert SENTENCE.fullmatch(said.err), said.err
        assert "Traceback" not in said.err
        assert dump() == before
        return said.err.removesuffix("\n")

    def process(self, *words: object, stdin: str = "", **variables: str) -> Said:
        """The same in a process of its own."""
        with self.begun(*words, **variables) as begun:
            try:
                out, err = begun.communicate(stdin.encode(), timeout=30)
            finally:
                begun.kill()
        return Said(begun.returncode, out.decode(), err.decode())

    def begun(self, *words: object, **variables: str) -> "subprocess.Popen[bytes]":
        """The same, which is still at it."""
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(OURS) and name not in ALSO_OURS
        }
        return subprocess.Popen(
            [sys.executable, "-m", "admin", *map(str, words)],
            cwd=ROOT,
            env={**clean, **self.variables, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def file(self, name: str, content: str | bytes) -> Path:
        """A file of this content in the folder."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def creation(self, **changes: object) -> list[object]:
        """The words of a create-campaign that succeeds, but for the changes; None leaves an option out.

        Files are given as their content: `contacts`, `template`.
        """
        options: dict[str, object] = {
            "channel": "sms",
            "name": "Spring SMS",
            "contacts": "phone,first name\n+12025550100,Ada\n+12025550101,Bo\n",
            "destination": "phone",
            "consent": True,
            "template": "Hi {{first name}}. Reply STOP to opt out.",
            **changes,
        }
        for option, name in (("contacts", "contacts.csv"), ("template", "template.txt")):
            if isinstance(content := options[option], str | bytes):
                options[option] = self.file(name, content)
        words: list[object] = ["create-campaign"]
        for option, value in options.items():
            given = value if isinstance(value, list) else [value]
            for one in given:
                if one is not None:
                    words += (
                        [f"--{option.replace('_', '-')}"] if one is True else [f"--{option.replace('_', '-')}", one]
                    )
        return words

    def email_creation(self, **changes: object) -> list[object]:
        """The same for an email campaign."""
        options: dict[str, object] = {
            "channel": "email",
            "name": "June newsletter",
            "contacts": "address,first name\nada@example.com,Ada\nbo@example.org,Bo\n",
            "destination": "address",
            "template": "<p>Hi {{first name}}</p>",
            "subject": "News",
            "from": "news@example.com",
        }
        return self.creation(**{**options, **changes})
