"""The App Home: what runs, what needs somebody, what was lately, one's own exports."""

import re

from models.actors import Actor
from models.operations.exporting import do_export, start_export
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.tables import Person as PersonRow
from models.words import Channel, MessageStatus, Phase
from tests import factories
from tests.factories import make_campaign, make_ended
from tests.integration.slack.asking import dialog, text_of
from tests.integration.slack.workspace import Workspace
from tests.slack_person import Person, eventually


def home_of(person: Person, answer: str) -> dict[str, object]:
    """Open the App Home; the view once it says `answer`."""
    person.opens_home()
    return eventually(lambda: person.home() if answer in text_of(person.home()) else None)


def test_it_shows_what_runs_and_what_needs_somebody(as_ben: Person) -> None:
    factories.run(make_campaign(name="Spring"))
    make_ended(Channel.EMAIL, word=Word.FAILED)
    home = text_of(home_of(as_ben, "Running now"))
    assert "SMS: Spring" in home
    assert "Email: free." in home
    assert "3 failed" in home
    assert "Ben · Campaigner" in home


def test_what_goes_no_further_stands_first_however_old(as_ben: Person) -> None:
    stands_still = make_campaign(name="Evacuation notice")
    factories.put_into_phase(stands_still, Phase.FAILED)
    for _ in range(6):
        make_ended(word=Word.FAILED)
    assert "Evacuation notice" in text_of(home_of(as_ben, "Needs attention"))


def test_nothing_is_said_of_failures_where_there_are_none(as_ben: Person) -> None:
    make_ended(word=Word.UNCONFIRMED)
    home = text_of(home_of(as_ben, "Needs attention"))
    assert "\\n3 Unconfirmed." in home
    assert "likely to work" not in home


def test_its_buttons_open_dialogs(as_ben: Person) -> None:
    campaign_id = make_ended(word=Word.FAILED)
    home = home_of(as_ben, "Needs attention")
    as_ben.clicks(home, "retry", block_id=f"acts-{campaign_id}-retry-failures-export")
    dialog(as_ben, "The set is fixed")


def test_answers_open_where_they_were_asked_for(as_ben: Person) -> None:
    campaign_id = make_ended(word=Word.FAILED)
    home = home_of(as_ben, "Needs attention")
    as_ben.clicks(home, "failures", block_id=f"acts-{campaign_id}-retry-failures-export")
    dialog(as_ben, "Why 3 failed")
    assert as_ben.direct_messages() == []


def test_refreshed_answer_stands_in_the_place_of_the_first(as_ben: Person) -> None:
    campaign_id = make_campaign(name="Spring")
    factories.run(campaign_id)
    as_ben.clicks(home_of(as_ben, "SMS: Spring"), "status")
    snapshot = dialog(as_ben, "Queued 3")
    factories.stop(campaign_id)
    as_ben.clicks(snapshot, "refresh")
    snapshot = dialog(as_ben, "stopping")
    assert len(as_ben.modals()) == 1
    as_ben.clicks(snapshot, "move")
    dialog(as_ben, "There is no channel here")


def test_what_ended_and_what_was_exported_is_told_apart(as_ben: Person, ben: Actor, now_is: int) -> None:
    campaign_id = make_ended(now=now_is)
    criteria = Criteria(statuses=(MessageStatus.DELIVERED.value,))
    export_id = start_export(campaign_id, criteria=criteria, actor=ben, now=now_is)
    do_export(export_id, clock=lambda: now_is)
    home = text_of(home_of(as_ben, "My exports"))
    assert "*, Delivered\n" in home.replace("\\n", "\n")
    assert re.search(r"3 recipients · <!date\^\d+", home)


def test_campaign_to_one_person_and_its_export_have_no_plural(as_ben: Person, ben: Actor, now_is: int) -> None:
    export_id = start_export(make_ended(messages=1, now=now_is), criteria=Criteria(), actor=ben, now=now_is)
    do_export(export_id, clock=lambda: now_is)
    home = text_of(home_of(as_ben, "My exports"))
    assert "1 recipient · " in home
    assert "1 row · as of " in home


def test_refresh_shows_the_figures_of_now(as_ben: Person) -> None:
    home = home_of(as_ben, "SMS: free.")
    factories.run(make_campaign(name="Spring"))
    as_ben.clicks(home, "refresh_home")
    eventually(lambda: "SMS: Spring" in text_of(as_ben.home()))


def test_my_exports_are_mine_alone(slack: Workspace, as_ben: Person, ben: Actor, now_is: int) -> None:
    export_id = start_export(make_ended(), criteria=Criteria(), actor=ben, now=now_is)
    do_export(export_id, clock=lambda: now_is)
    home_of(as_ben, "My exports")
    assert "My exports" not in text_of(home_of(slack.person("alice"), "Running now"))


def test_finished_can_be_muted_and_heard_again(as_ben: Person, ben: Actor) -> None:
    home = home_of(as_ben, "Mute “finished”")
    as_ben.clicks(home, "mute_finished")
    eventually(lambda: "Unmute “finished”" in text_of(as_ben.home()))
    assert PersonRow.get_by_id(ben.person_id).finished_muted_at is not None
    as_ben.clicks(as_ben.home(), "mute_finished")
    eventually(lambda: "Unmute" not in text_of(as_ben.home()))


def test_stranger_is_told_whom_to_ask(slack: Workspace) -> None:
    home_of(slack.person("mallory"), "Ask Alice to let you in")
