"""Attachments: what goes with an email, how much of it, and what never does."""

import io
import zipfile

import pytest

from jobs.rendering import Renderer
from models.actors import COMMAND_LINE, Actor
from models.errors import InvalidInputError, NotAllowedError, NotFoundError, WrongStateError
from models.operations.attaching import attach_file, detach_file
from models.operations.duplicating import duplicate_campaign
from models.operations.files import remove_expired_files
from models.operations.sending import Claimed
from models.queries.campaigns import attachments_of, get_campaign
from models.queries.starts import pending_start_of
from models.rules.attachments import MOST_BYTES, is_executable, is_fit_name
from models.words import Channel, Phase
from tests.factories import (
    NOW,
    delete,
    make_campaign,
    make_draft,
    move_all,
    put_into_phase,
    refused,
    rows_of,
    run_later,
)

DAY = 24 * 3600 * 1000
PDF = b"%PDF-1.7 a flyer"


def attach(campaign_id: int, name: str = "flyer.pdf", content: bytes = PDF, *, actor: Actor = COMMAND_LINE) -> int:
    return attach_file(campaign_id, name, content, actor=actor, now=NOW)


def names(campaign_id: int) -> list[str]:
    return [file.name for file in attachments_of(campaign_id)]


def archive(*members: str) -> bytes:
    """The same bytes each time: they name tests, and two processes must name them alike."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for member in members:
            packed.writestr(zipfile.ZipInfo(member), "content")
    return made.getvalue()


@pytest.fixture
def draft(installation: object) -> int:
    return make_draft(Channel.EMAIL)


@pytest.mark.both_engines
class TestAttaching:
    def test_goes_with_every_message_as_it_was(self, draft: int) -> None:
        attach(draft)
        attach(draft, "Größe.txt", b"\0\xff any bytes")
        message = Renderer(get_campaign(draft), "https://x").render(Claimed(1, 1, "ada@example.com", ()))
        assert [(one.name, one.media_type, one.content) for one in message.content.attachments] == [
            ("Größe.txt", "text/plain", b"\0\xff any bytes"),
            ("flyer.pdf", "application/pdf", PDF),
        ]

    def test_stays_when_files_without_a_home_are_removed(self, draft: int) -> None:
        attach(draft)
        remove_expired_files(now=NOW + 1000 * DAY)
        assert names(draft) == ["flyer.pdf"]

    def test_goes_when_taken_away_and_with_its_campaign(self, draft: int) -> None:
        file_id = attach(draft)
        detach_file(draft, file_id, actor=COMMAND_LINE, now=NOW)
        assert (names(draft), rows_of("files"), rows_of("file_chunks")) == ([], [], [])
        attach(draft)
        delete(draft)
        move_all(draft)
        assert (rows_of("attachments"), rows_of("files"), rows_of("file_chunks")) == ([], [], [])

    def test_twenty_megabytes_in_all_and_not_a_byte_more(self, draft: int) -> None:
        attach(draft, "a.bin2", bytes(MOST_BYTES - 10))
        with refused(InvalidInputError) as caught:
            attach(draft, "b.txt", bytes(11))
        assert "of the 20 MB that attachments may have in all, 0.0 MB are left" in str(caught.value)
        attach(draft, "b.txt", bytes(10))
        assert names(draft) == ["a.bin2", "b.txt"]

    def test_one_name_once(self, draft: int) -> None:
        attach(draft)
        with refused(InvalidInputError):
            attach(draft, "Flyer.PDF")

    def test_empty_file_is_refused(self, draft: int) -> None:
        with refused(InvalidInputError):
            attach(draft, content=b"")

    def test_sms_and_campaigns_that_were_run_take_none(self, draft: int) -> None:
        file_id, sms = attach(draft), make_draft(Channel.SMS)
        with refused(WrongStateError):
            attach(sms)
        for phase in (Phase.RUNNING, Phase.ENDED, Phase.FAILED):
            put_into_phase(draft, phase)
            with refused(WrongStateError):
                attach(draft, "other.pdf")
            with refused(WrongStateError):
                detach_file(draft, file_id, actor=COMMAND_LINE, now=NOW)

    def test_viewer_may_not(self, draft: int, vera: Actor) -> None:
        with refused(NotAllowedError):
            attach(draft, actor=vera)

    def test_file_of_another_campaign_is_not_touched(self, draft: int) -> None:
        file_id = attach(make_draft(Channel.EMAIL))
        with refused(NotFoundError):
            detach_file(draft, file_id, actor=COMMAND_LINE, now=NOW)

    def test_file_that_a_duplicate_shares_stays_with_it(self, draft: int, alice: Actor) -> None:
        file_id = attach(draft)
        copy_id = duplicate_campaign(draft, actor=alice, now=NOW)
        detach_file(draft, file_id, actor=COMMAND_LINE, now=NOW)
        assert (names(draft), names(copy_id)) == ([], ["flyer.pdf"])
        detach_file(copy_id, file_id, actor=COMMAND_LINE, now=NOW)
        assert rows_of("files") == []

    def test_takes_back_a_later_start_as_every_edit_does(self, installation: object) -> None:
        campaign_id = make_campaign(Channel.EMAIL)
        run_later(campaign_id, at=NOW + DAY)
        attach(campaign_id)
        assert pending_start_of(campaign_id) is None


class TestPrograms:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("setup.exe", PDF),
            ("setup.EXE", PDF),
            ("invoice.pdf.exe", PDF),
            ("setup.exe. ", PDF),
            ("macro.docm", PDF),
            ("run.sh", b"echo"),
            ("page.hta", b"<html>"),
            ("flyer.pdf", b"MZ\x90\0"),
            ("flyer.pdf", b"\x7fELF\x02"),
            ("flyer.pdf", b"\xcf\xfa\xed\xfe"),
            ("flyer.pdf", b"\xca\xfe\xba\xbe"),
            ("flyer.pdf", b"#!/bin/sh\n"),
            ("flyer.pdf", b"L\0\0\0\x01\x14\x02\0\0"),
            ("flyer.zip", archive("readme.txt", "setup.exe")),
            ("flyer.pdf", archive("deep/er/run.js")),
        ],
    )
    def test_are_refused_by_name_and_by_content(self, draft: int, name: str, content: bytes) -> None:
        with refused(InvalidInputError) as caught:
            attach(draft, name, content)
        assert "can be run" in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("flyer.pdf", PDF),
            ("photo.jpeg", b"\xff\xd8\xff\xe0"),
            ("letter.docx", archive("word/document.xml")),
            ("flyers.zip", archive("a.pdf", "b.pdf")),
            ("broken.zip", archive("a.pdf")[:-30]),
            ("no extension", b"text"),
            ("exe", b"text"),
            ("M.txt", b"Many thanks"),
        ],
    )
    def test_are_not_seen_in_what_is_none(self, draft: int, name: str, content: bytes) -> None:
        attach(draft, name, content)
        assert names(draft) == [name]

    @pytest.mark.parametrize("name", ["", " ", "..", "a/b.pdf", "..\\b.pdf", "fly\u202efdp.exe", "a\nb.pdf", "x" * 151])
    def test_name_is_one_visible_line(self, draft: int, name: str) -> None:
        assert not is_fit_name(name)
        with refused(InvalidInputError):
            attach(draft, name)

    def test_rules_need_no_database(self) -> None:
        assert is_executable("x.exe", b"")
        assert not is_executable("x.txt", b"")
