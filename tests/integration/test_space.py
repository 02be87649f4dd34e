"""Imports and exports that would fill the disk are refused before they begin, with what they need and what is free."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from admin.readiness import checks
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.config import Config
from models.contacts.mapping import map_columns
from models.database import execute, transaction
from models.errors import NoSpaceError
from models.installation import open_installation
from models.operations import exporting, importing, space
from models.operations.files import store_file
from models.rules.criteria import Criteria
from tests import engines
from tests.factories import NOW, make_campaign, make_draft, refused, start_import
from tests.terminal import Terminal

both_engines = pytest.mark.both_engines
SENTENCE = re.compile(
    r"There is too little room for .*: it needs about [\d,.]+ [GM]B( and 210 MB must stay free)?, but the disk of \S+ "
    r"has [\d,.]+ [GM]B free\. Make room there, then try again\."
)
FEW_MB = 260 << 20


def weigh(size: int) -> None:
    """Let every stored file seem to have so many bytes."""
    with transaction():
        execute("UPDATE files SET size = ?", size)


def count_as(campaign_id: int, n: int) -> None:
    """Let the counters say so many messages."""
    with transaction():
        execute("UPDATE message_counts SET n = ? WHERE campaign_id = ?", n, campaign_id)


@both_engines
def test_export_without_room_is_refused_and_nothing_is_begun(installation: Config) -> None:
    campaign_id = make_campaign(messages=1)
    count_as(campaign_id, 10**12)
    with refused(NoSpaceError) as caught:
        exporting.start_export(campaign_id, criteria=Criteria(), actor=COMMAND_LINE, now=NOW)
    assert SENTENCE.fullmatch(str(caught.value)), caught.value
    assert re.search(r"about (100|200),000\.0 GB", str(caught.value))


def test_command_line_refuses_an_export_without_room(terminal: Terminal, tmp_path: Path) -> None:
    campaign_id = make_campaign(messages=1)
    count_as(campaign_id, 10**12)
    sentence = terminal.refused("export", campaign_id, "-o", tmp_path / "all.csv")
    assert SENTENCE.fullmatch(sentence)
    assert not (tmp_path / "all.csv").exists()


def test_import_without_room_is_refused_and_nothing_is_begun(installation: Config) -> None:
    draft = make_draft()
    file_id = store_file("a.csv", "text/csv", [b"phone\n+14155550100\n"], now=NOW)
    weigh(10**15)
    contacts = importing.ContactsFile(file_id, map_columns(["phone"], destination="phone", fields=None))
    with refused(NoSpaceError) as caught:
        importing.start_import(draft, contacts, consent=True, actor=COMMAND_LINE, now=NOW)
    assert SENTENCE.fullmatch(str(caught.value)), caught.value


def test_an_import_takes_less_than_is_asked_for(installation: Config) -> None:
    lines = "phone\n" + "".join(f"+1415{2_000_000 + number}\n" for number in range(20_000))
    before = taken(installation.var)
    import_id = start_import(make_draft(), lines)
    importing.do_import(import_id, clock=now_ms)
    grown = taken(installation.var) - before
    print(f"\n{len(lines):,} bytes of CSV took {grown:,}")
    assert grown < space.IMPORT_FACTOR * len(lines)


def taken(var: Path) -> int:
    return sum(path.stat().st_size for path in var.glob("signalbox.db*"))


class TestSmallDisk:
    """A real one, where this user may mount it."""

    @pytest.fixture
    def small(self, tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / "small"
        folder.mkdir()
        mount = shutil.which("mount")
        command = [str(mount), "-t", "tmpfs", "-o", f"size={FEW_MB},mode=700", "tmpfs", str(folder)]
        if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount")
        yield folder
        engines.let_go()
        subprocess.run(["umount", "-l", str(folder)], check=True)

    def test_upload_is_refused_and_gone_and_a_full_disk_is_not_ready(self, small: Path) -> None:
        config = Config.from_env({"SIGNALBOX_VAR": str(small)})
        open_installation(config)
        lines = b"phone\n" + b"+14155550100\n" * 300_000
        with pytest.raises(NoSpaceError) as caught:
            importing.store_contacts("a.csv", [lines], header=True, now=NOW, kept_until=NOW)
        assert SENTENCE.fullmatch(str(caught.value))
        assert checks(config, now=NOW)["disk"] == "ok"
        (small / "filler").write_bytes(b"x" * (70 << 20))
        assert re.fullmatch(r"only \d+ MB free where SIGNALBOX_VAR lies", checks(config, now=NOW)["disk"])
