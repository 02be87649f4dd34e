"""Duplicating a campaign: what goes with the copy, what does not, and what it is called."""

import pytest

from models.actors import COMMAND_LINE, Actor
from models.config import Config
from models.database import execute, select, transaction
from models.errors import NotAllowedError, NotFoundError, WrongStateError
from models.operations import campaigns, importing
from models.operations.deleting import remove_campaign
from models.operations.duplicating import LONGEST_NAME, copy_name, duplicate_campaign
from models.operations.files import store_file
from models.queries.campaigns import attachments_of, counts_of, get_campaign
from models.queries.files import read_file
from models.words import Channel, Phase
from tests.factories import (
    NOW,
    delete,
    make_campaign,
    make_draft,
    make_ended,
    move_all,
    put_into_phase,
    refused,
    rows_of,
    start_import,
)

LATER = NOW + 1000
KEPT = (
    "description",
    "channel",
    "subject",
    "body",
    "from_address",
    "reply_to",
    "fields",
    "mapping",
    "slack_channel_id",
)


def make_original() -> int:
    """An email with all that a duplicate takes over, run to its end."""
    campaign_id = make_draft(Channel.EMAIL, name="Spring news")
    template = campaigns.CampaignTemplate("<p>Hi {{name}}</p>", "For {{name}}", "news@example.com", "desk@example.com")
    importing.do_import(start_import(campaign_id, "mail,name\na@example.com,Ann\n"), clock=lambda: NOW)
    campaigns.set_template(campaign_id, template, actor=COMMAND_LINE, now=NOW)
    with transaction():
        execute("UPDATE campaigns SET description = 'About spring', slack_channel_id = 'C1' WHERE id = ?", campaign_id)
    attach(campaign_id, "map.pdf")
    put_into_phase(campaign_id, Phase.ENDED)
    return campaign_id


def attach(campaign_id: int, name: str) -> int:
    file_id = store_file(name, "application/pdf", [b"%PDF"], now=NOW)
    with transaction():
        execute("INSERT INTO attachments (campaign_id, file_id) VALUES (?, ?)", campaign_id, file_id)
    return file_id


@pytest.mark.both_engines
class TestWhatGoesWithIt:
    def test_message_sender_and_mapping_do(self, installation: Config, ben: Actor) -> None:
        original = make_original()
        copy = get_campaign(duplicate_campaign(original, actor=ben, now=LATER))
        assert {name: getattr(copy, name) for name in KEPT} == {
            name: getattr(get_campaign(original), name) for name in KEPT
        }
        assert [file.name for file in attachments_of(copy.id)] == ["map.pdf"]

    def test_it_is_a_draft_of_the_one_who_asked_without_contacts_or_consent(
        self, installation: Config, ben: Actor
    ) -> None:
        copy = get_campaign(duplicate_campaign(make_original(), actor=ben, now=LATER))
        assert (copy.phase, copy.owner_id, copy.created_at) == (Phase.DRAFT, ben.person_id, LATER)
        assert counts_of(copy.id).total == 0
        assert (copy.consent_by, copy.consent_at, copy.run_at, copy.disclaimer_by) == (None, None, None, None)

    def test_original_stays_as_it_is_and_the_audit_knows_both(self, installation: Config, ben: Actor) -> None:
        original = make_original()
        before = rows_of("campaigns", f"WHERE id = {original}")
        copy_id = duplicate_campaign(original, actor=ben, now=LATER)
        assert rows_of("campaigns", f"WHERE id = {original}") == before
        (row,) = rows_of("audit", "WHERE act = 'duplicate'")
        assert (row["object_id"], row["actor_name"], row["numbers"]) == (original, "Ben", f'{{"copy":{copy_id}}}')

    @pytest.mark.parametrize("first", ["original", "copy"])
    def test_attachment_of_both_outlives_the_one_that_is_deleted_first(
        self, installation: Config, ben: Actor, first: str
    ) -> None:
        original = make_original()
        ids = {"original": original, "copy": duplicate_campaign(original, actor=ben, now=LATER)}
        (file,) = attachments_of(original)
        delete(ids.pop(first))
        (other,) = ids.values()
        for gone in [row[0] for row in select("SELECT id FROM campaigns WHERE phase = 'deleting'")]:
            move_all(gone)
        assert b"".join(read_file(file.id)) == b"%PDF"
        put_into_phase(other, Phase.DELETING)
        remove_campaign(other)
        assert rows_of("files", f"WHERE id = {file.id}") == []
        with pytest.raises(NotFoundError):
            list(read_file(file.id))


class TestItsName:
    @pytest.mark.both_engines
    def test_copies_are_numbered(self, installation: Config, ben: Actor) -> None:
        original = make_campaign(name="Spring SMS")
        names = [get_campaign(duplicate_campaign(original, actor=ben, now=NOW)).name for _ in range(3)]
        assert names == ["Spring SMS copy", "Spring SMS copy 2", "Spring SMS copy 3"]

    @pytest.mark.both_engines
    def test_name_of_a_deleted_copy_is_free_again(self, installation: Config, ben: Actor) -> None:
        original = make_campaign(name="Spring SMS")
        delete(duplicate_campaign(original, actor=ben, now=NOW))
        assert get_campaign(duplicate_campaign(original, actor=ben, now=NOW)).name == "Spring SMS copy"

    @pytest.mark.parametrize("number", [1, 2, 10, 1000])
    @pytest.mark.parametrize(
        "name", ["abc", "x" * 55, "y" * 60, "a name with words that ends in a space right about here is"]
    )
    def test_name_is_shortened_to_what_a_name_may_have(self, name: str, number: int) -> None:
        made = copy_name(name, number)
        assert len(made) <= LONGEST_NAME
        assert made == " ".join(made.split())
        assert " copy" in made


class TestRefusals:
    @pytest.mark.parametrize("phase", set(Phase) - {Phase.DELETING})
    def test_it_may_be_done_in_any_state(self, installation: Config, alice: Actor, phase: Phase) -> None:
        campaign_id = make_ended()
        put_into_phase(campaign_id, phase)
        assert duplicate_campaign(campaign_id, actor=alice, now=NOW)

    def test_viewers_may_not(self, installation: Config, vera: Actor) -> None:
        campaign_id = make_campaign()
        with refused(NotAllowedError):
            duplicate_campaign(campaign_id, actor=vera, now=NOW)

    def test_what_is_being_deleted_or_never_was_can_not(self, installation: Config, ben: Actor) -> None:
        campaign_id = make_campaign()
        delete(campaign_id)
        with refused(WrongStateError):
            duplicate_campaign(campaign_id, actor=ben, now=NOW)
        with refused(NotFoundError):
            duplicate_campaign(999, actor=ben, now=NOW)
