"""Whoever dies between two steps of an act, a click again and the sweeps make it whole: as if nobody had died."""

from collections.abc import Mapping

import pytest

from models.contacts.mapping import map_columns
from models.database import execute, transaction
from models.operations import exporting, importing, retrying, running, scheduling
from models.operations.asking import ask_provider
from models.operations.forgetting import forget_person
from models.operations.handing_on import hand_on
from models.operations.optouts import opt_out
from models.operations.proving import prove_counts
from models.rules.criteria import Criteria
from models.rules.timeouts import HOUR, MINUTE
from models.rules.verdicts import Word
from models.words import Channel, OptOutSource
from tests import factories
from tests.factories import make_draft, rows_of
from tests.integration.steps import Begin, Story, World, ends_as_if_nobody_had_died

pytestmark = pytest.mark.both_engines


@pytest.fixture
def environment() -> Mapping[str, str]:
    """With Slack, so that what it is to be told waits in the outbox: nobody posts it here."""
    slack = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s"}
    return {"SMS_PROVIDER": "simulated", "EMAIL_PROVIDER": "simulated", **slack}


def is_run(world: World) -> Story:
    """Run."""
    campaign_id = world.ready()
    return Story(
        campaign_id,
        lambda: running.run_campaign(campaign_id, actor=world.ben, disclaimer_accepted=True, now=world.now),
    )


def is_run_later(world: World) -> Story:
    """Start later, which then fires."""
    campaign_id = world.ready()
    at = world.now + MINUTE
    return Story(campaign_id, lambda: factories.run_later(campaign_id, at=at, actor=world.ben, now=world.now))


def is_not_run_later(world: World) -> Story:
    """Cancel what would start later."""
    campaign_id = world.ready()
    factories.run_later(campaign_id, at=world.now + MINUTE, actor=world.ben, now=world.now)
    return Story(campaign_id, lambda: scheduling.cancel_start(campaign_id, actor=world.alice, now=world.now))


def is_stopped(world: World) -> Story:
    """Stop."""
    campaign_id = world.running()
    return Story(campaign_id, lambda: running.stop_campaign(campaign_id, actor=world.alice, now=world.now))


def is_resumed(world: World) -> Story:
    """Resume what was stopped."""
    campaign_id = world.running()
    factories.stop(campaign_id, now=world.now)
    factories.move_all(campaign_id, now=world.now)
    return Story(campaign_id, lambda: running.resume_campaign(campaign_id, actor=world.ben, now=world.now))


def is_retried(world: World) -> Story:
    """Confirm a retry plan."""
    campaign_id = world.ended()
    plan = retrying.open_plan(campaign_id, criteria=Criteria(), actor=world.ben, now=world.now)
    return Story(
        campaign_id,
        lambda: retrying.confirm_plan(
            plan.id, ticked=plan.shown, include_unconfirmed=False, actor=world.ben, now=world.now
        ),
    )


def is_retried_later(world: World) -> Story:
    """Let a plan start later, which then fires."""
    campaign_id = world.ended()
    plan = retrying.open_plan(campaign_id, criteria=Criteria(), actor=world.ben, now=world.now)
    at = world.now + MINUTE

    def later() -> None:
        criteria = retrying.plan_criteria(plan.id, ticked=plan.shown, include_unconfirmed=False)
        factories.retry_later(campaign_id, at=at, criteria=criteria, actor=world.ben, now=world.now)

    return Story(campaign_id, later)


def is_exported(world: World) -> Story:
    """Ask for an export, which a job makes."""
    campaign_id = world.ended()
    return Story(
        campaign_id,
        lambda: exporting.start_export(campaign_id, criteria=Criteria(), actor=world.ben, now=world.now),
    )


def is_exported_at_once(world: World) -> Story:
    """Make an export within a request."""
    campaign_id = world.ended()
    return Story(
        campaign_id,
        lambda: exporting.export_now(campaign_id, criteria=Criteria(), actor=world.ben, clock=lambda: world.now),
    )


def is_compared(world: World) -> Story:
    """Ask for what changed since an export."""
    campaign_id = world.ended()
    asked = {"criteria": Criteria(), "actor": world.ben}
    since = exporting.export_now(campaign_id, clock=lambda: world.now, **asked).id
    factories.receive(factories.latest(campaign_id)[:1], Word.DELIVERED, at=world.now + MINUTE)
    return Story(campaign_id, lambda: exporting.start_export(campaign_id, now=world.now, since_id=since, **asked))


def is_looked_up(world: World) -> Story:
    """Ask the provider about what is Unconfirmed, of which it has one."""
    campaign_id = world.doubtful()
    return Story(campaign_id, lambda: ask_provider(campaign_id, actor=world.ben, now=world.now))


def is_deleted(world: World) -> Story:
    """Delete, with a file that was exported."""
    campaign_id = world.ended(Word.DELIVERED)
    exporting.export_now(campaign_id, criteria=Criteria(), actor=world.ben, clock=lambda: world.now)
    name = f"Campaign to go {campaign_id}"
    with transaction():
        execute("UPDATE campaigns SET name = ?, name_key = ? WHERE id = ?", name, name.lower(), campaign_id)
    return Story(
        campaign_id,
        lambda: running.delete_campaign(campaign_id, actor=world.alice, typed_name=name, now=world.now),
    )


def is_imported(world: World) -> Story:
    """Import contacts, one of them twice and one that is none."""
    campaign_id, (ann, bob) = make_draft(actor=world.ben, now=world.now), world.recipients(2)
    text = f"phone,name\n{ann},Ann\n{bob},Bob\n{ann},Ann again\nnonsense,Nobody\n"
    asked = {"header": None, "now": world.now, "kept_until": world.now + HOUR}
    file_id = importing.store_contacts("contacts.csv", [text.encode()], **asked)
    contacts = importing.ContactsFile(file_id, map_columns(["phone", "name"], destination="phone", fields=None))
    return Story(
        campaign_id,
        lambda: importing.start_import(campaign_id, contacts, consent=True, actor=world.ben, now=world.now),
    )


def is_handed_on(world: World) -> Story:
    """Hand on."""
    campaign_id, to = world.ready(), world.alice.person_id
    assert to is not None
    return Story(campaign_id, lambda: hand_on(campaign_id, to=to, actor=world.alice, now=world.now))


def refuses_messages(world: World) -> Story:
    """Opt somebody out, by hand, while it is sent."""
    campaign_id = world.running()
    recipient = rows_of("messages", f"WHERE campaign_id = {campaign_id} ORDER BY id")[0]["recipient"]
    return Story(
        campaign_id,
        lambda: opt_out(Channel.SMS, recipient, source=OptOutSource.HAND, actor=world.ben, now=world.now),
    )


def is_mended(world: World) -> Story:
    """Prove counts that a fault has made wrong."""
    campaign_id = world.ended()
    with transaction():
        execute("UPDATE message_counts SET n = n + 2 WHERE campaign_id = ? AND status = 'failed'", campaign_id)
    return Story(campaign_id, lambda: prove_counts(campaign_id, now=world.now))


def is_forgotten(world: World) -> Story:
    """Forget a person of whom an upload, an export, a search and a message to be sent know."""
    campaign_id, (ann, bob) = make_draft(actor=world.ben, now=world.now), world.recipients(2)
    factories.start_import(campaign_id, f"phone\n{ann}\n{bob}\n", actor=world.ben, now=world.now)
    world.go_on()
    exported = {"actor": world.ben, "clock": lambda: world.now}
    exporting.export_now(campaign_id, criteria=Criteria(search=f"={ann}"), **exported)
    return Story(
        campaign_id, lambda: forget_person(ann, typed_again=ann, actor=world.alice, now=world.now), secret=ann[1:]
    )


STORIES: tuple[Begin, ...] = (
    is_run,
    is_run_later,
    is_not_run_later,
    is_stopped,
    is_resumed,
    is_retried,
    is_retried_later,
    is_exported,
    is_exported_at_once,
    is_compared,
    is_looked_up,
    is_deleted,
    is_imported,
    is_handed_on,
    refuses_messages,
    is_mended,
    is_forgotten,
)


@pytest.mark.parametrize("begin", STORIES, ids=lambda begin: begin.__name__)
def test_whatever_was_begun_ends_as_if_nobody_had_died(world: World, begin: Begin) -> None:
    ends_as_if_nobody_had_died(world, begin)
