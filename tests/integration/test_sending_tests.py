"""Send a test: to whom it may go, that it goes once and counts nowhere, and what each provider makes of it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs import context, testing
from jobs.providers.registry import PARSERS
from jobs.providers.simulated import Simulation
from jobs.runtime.stopping import Stop
from jobs.simulated_carrier import Carrier
from models.actors import COMMAND_LINE, Actor
from models.clock import now_ms
from models.config import Config, use
from models.errors import InvalidInputError, NotAllowedError, NotConfiguredError, WrongStateError
from models.hints import Work
from models.operations import campaigns, optouts
from models.operations.forgetting import forget_person
from models.operations.receipts import apply_receipts, record_receipts
from models.operations.settings import change_setting
from models.operations.sweeping import find_work
from models.operations.testing import KEPT, LATEST, LOST, Result, ask_for_test, begin_test, end_test
from models.queries.doubts import bound_provider_ids
from models.queries.refusing import opted_out
from models.rules.verdicts import Word
from models.tables import Campaign, SentTest
from models.words import Channel, Phase
from tests.factories import (
    MINUTE,
    NOW,
    SECOND,
    delete,
    make_campaign,
    make_draft,
    make_ended,
    move_all,
    put_into_phase,
    refused,
    rows_of,
    run,
    statuses,
    template_for,
)
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.smtp import FakeSmtp
from tests.fakes.twilio import ACCOUNT, SERVICE, TOKEN, FakeTwilio, running

ADA, BOB = "+12025550100", "+12025550101"


def ask(campaign_id: int, *recipients: str, actor: Actor = COMMAND_LINE, now: int = NOW, **values: str) -> int:
    return ask_for_test(campaign_id, recipients or (ADA,), values, actor=actor, now=now)


def sent(test_id: int) -> SentTest:
    test: SentTest = SentTest.get_by_id(test_id)
    return test


def words(test_id: int) -> dict[str, str]:
    """What came of each recipient."""
    return {result["recipient"]: result["word"] for result in sent(test_id).results}


@pytest.fixture
def work(installation: Config) -> Iterator[Callable[[Config], None]]:
    """Makes this process a work process of an environment."""

    def enter(config: Config) -> None:
        use(config)
        context.enter(context.Context(config, Stop()))

    enter(installation)
    change_setting("simulated.latency_ms", 0, actor=COMMAND_LINE, now=NOW)
    yield enter
    use(installation)


def with_providers(installation: Config, **variables: str) -> Config:
    return Config.from_env({**installation.variables, "SLACK_LOCAL": "1", **variables})


@pytest.mark.both_engines
class TestAsking:
    def test_is_hinted_at_and_audited_without_an_address(self, hinted: list[tuple[Work, int]], ben: Actor) -> None:
        campaign_id = make_campaign()
        test_id = ask(campaign_id, f" {ADA} ", "", BOB, actor=ben)
        assert hinted == [(Work.TEST, test_id)]
        assert sent(test_id).recipients == [ADA, BOB]
        noted = rows_of("audit", "WHERE act = 'send_test'")[0]
        assert (noted["actor_name"], noted["object_id"], json.loads(noted["numbers"])) == ("Ben", campaign_id, {"n": 2})

    def test_goes_at_any_time_of_a_campaigns_life(self, installation: Config) -> None:
        run(running_id := make_campaign())
        for campaign_id in (make_draft(), make_campaign(), running_id):
            assert ask(campaign_id)
        put_into_phase(running_id, Phase.ENDED)
        assert ask(running_id)

    def test_viewer_may_not(self, vera: Actor) -> None:
        campaign_id = make_campaign()
        with refused(NotAllowedError):
            ask(campaign_id, actor=vera)

    def test_deleted_campaign_sends_none(self, installation: Config) -> None:
        campaign_id = make_campaign()
        delete(campaign_id)
        with refused(WrongStateError):
            ask(campaign_id)

    @pytest.mark.parametrize(
        ("recipients", "sentence"),
        [
            ([" ", ""], "at least one recipient"),
            ([f"+120255501{number:02}" for number in range(11)], "at most; these are 11"),
            (["0491 570 156"], "“0491 570 156”: No + and country code in front"),
            ([ADA, "ada@example.com"], "“ada@example.com”: Letters or signs"),
        ],
    )
    def test_recipients_must_be_few_and_fit(self, installation: Config, recipients: list[str], sentence: str) -> None:
        campaign_id = make_campaign()
        with refused(InvalidInputError) as caught:
            ask_for_test(campaign_id, recipients, {}, actor=COMMAND_LINE, now=NOW)
        assert sentence in str(caught.value)
        assert caught.value.field == "recipients"

    def test_ten_recipients_and_repeats_of_them_are_fine(self, installation: Config) -> None:
        ten = [f"+120255501{number:02}" for number in range(10)]
        assert sent(ask(make_campaign(), *ten, *ten)).recipients == ten

    def test_nobody_who_opted_out_is_among_them(self, installation: Config) -> None:
        campaign_id = make_campaign()
        optouts.opt_out(Channel.SMS, BOB, actor=COMMAND_LINE, now=NOW)
        with refused(InvalidInputError) as caught:
            ask(campaign_id, ADA, BOB)
        assert str(caught.value) == f"{BOB} opted out of SMS, so no test goes there."

    def test_template_that_can_not_be_sent_is_not_tested(self, installation: Config) -> None:
        campaign_id = make_draft()
        campaigns.set_template(campaign_id, template_for(Channel.SMS, "Hi {{nobody}}"), actor=COMMAND_LINE, now=NOW)
        with refused(InvalidInputError):
            ask(campaign_id)

    def test_channel_without_a_provider_is_named(self, work: Callable[[Config], None], installation: Config) -> None:
        campaign_id = make_campaign()
        work(with_providers(installation, SMS_PROVIDER="twilio"))
        with refused(NotConfiguredError) as caught:
            ask(campaign_id)
        assert "TWILIO_ACCOUNT_SID" in str(caught.value)


@pytest.mark.both_engines
class TestBeginning:
    def test_two_processes_do_not_both_begin_it(self, installation: Config) -> None:
        test_id = ask(make_campaign())
        assert begin_test(test_id, now=NOW + SECOND) is not None
        assert begin_test(test_id, now=NOW + SECOND) is None

    @pytest.mark.parametrize(("late", "begins"), [(-SECOND, True), (SECOND, False)])
    def test_one_that_waited_for_ten_minutes_is_not_sent_any_more(
        self, hinted: list[tuple[Work, int]], late: int, begins: bool
    ) -> None:
        test_id = ask(make_campaign())
        find_work(now=NOW + LATEST + late)
        assert (sent(test_id).state == "queued") is begins
        assert ((Work.TEST, test_id) in hinted[1:]) is begins
        assert (begin_test(test_id, now=NOW + LATEST + late) is not None) is begins

    @pytest.mark.parametrize(("late", "state"), [(-SECOND, "running"), (SECOND, "failed")])
    def test_one_that_a_crash_cut_off_is_told_as_that_and_never_sent_again(
        self, installation: Config, late: int, state: str
    ) -> None:
        test_id = ask(make_campaign())
        begin_test(test_id, now=NOW)
        find_work(now=NOW + LOST + late)
        assert sent(test_id).state == state
        assert ("may still get it" in sent(test_id).result) is (state == "failed")
        assert begin_test(test_id, now=NOW + LOST + late) is None

    def test_addresses_are_kept_for_a_day(self, work: Callable[[Config], None]) -> None:
        test_id = ask(make_campaign(), now=now_ms())
        testing.send(test_id)
        ended_at = sent(test_id).ended_at
        find_work(now=ended_at + KEPT - SECOND)
        assert rows_of("sent_tests")
        find_work(now=ended_at + KEPT)
        assert rows_of("sent_tests") == []

    def test_goes_when_a_recipient_is_forgotten(self, alice: Actor) -> None:
        sms, email = make_campaign(), make_campaign(Channel.EMAIL)
        kept, gone = ask(sms, BOB), ask(sms, ADA, BOB)
        letter = ask(email, "Ada@Example.com")
        forget_person(ADA, typed_again=ADA, actor=alice, now=NOW)
        assert {row["id"] for row in rows_of("sent_tests")} == {kept, letter}
        forget_person("ada@example.com", typed_again="ada@example.com", actor=alice, now=NOW)
        assert {row["id"] for row in rows_of("sent_tests")} == {kept}
        assert begin_test(gone, now=NOW) is None

    def test_goes_with_its_campaign(self, installation: Config) -> None:
        campaign_id = make_campaign()
        ask(campaign_id)
        delete(campaign_id)
        move_all(campaign_id)
        assert rows_of("sent_tests") == []

    @pytest.mark.both_engines
    def test_who_refused_goes_on_the_list_though_the_campaign_was_deleted_meanwhile(self, installation: Config) -> None:
        campaign_id = make_campaign()
        test = begin_test(ask(campaign_id), now=NOW)
        assert test is not None
        delete(campaign_id)
        move_all(campaign_id)
        end_test(test, Channel.SMS, [Result(ADA, Word.OPTED_OUT)], now=NOW)
        assert opted_out(Channel.SMS, [ADA]) == {ADA}
        assert rows_of("sent_tests") == []


@pytest.mark.both_engines
class TestSimulated:
    def test_tells_what_came_of_each_and_counts_nowhere(self, work: Callable[[Config], None], var: Path) -> None:
        campaign_id = make_ended()
        before = statuses(campaign_id), rows_of("attempts"), rows_of("message_flow")
        test_id = ask(campaign_id, "+12025559000", "+12025559001", "+12025559050", "+12025559060", now=now_ms())
        testing.send(test_id)
        testing.send(test_id)
        assert words(test_id) == {
            "+12025559000": "accepted",
            "+12025559001": "failed",
            "+12025559050": "unknown",
            "+12025559060": "not_sent",
        }
        assert (statuses(campaign_id), rows_of("attempts"), rows_of("message_flow")) == before
        lines = (var / "simulated.log").read_text(encoding="utf-8").splitlines()
        assert [line.split()[3] for line in lines] == ["0"] * 4
        assert len({line.split()[2] for line in lines}) == 4

    def test_its_receipts_are_dropped(self, work: Callable[[Config], None], var: Path) -> None:
        campaign_id = make_ended()
        before = rows_of("messages")
        testing.send(ask(campaign_id, "+12025559000", now=now_ms()))
        posted = Carrier(var, Simulation(delay_seconds=0), 1).work(now_ms() + MINUTE)
        assert posted > 0
        apply_receipts(PARSERS, limit=100, now=now_ms() + MINUTE, scale=1)
        assert rows_of("messages") == before
        assert {(row["unmatched"], row["applied_at"] is not None) for row in rows_of("receipt_inbox")} == {(0, True)}

    def test_who_refuses_at_the_provider_goes_on_the_list(self, work: Callable[[Config], None]) -> None:
        testing.send(ask(make_campaign(), "+12025559020", now=now_ms()))
        assert opted_out(Channel.SMS, ["+12025559020"]) == {"+12025559020"}

    def test_who_opted_out_since_is_left_out(self, work: Callable[[Config], None]) -> None:
        test_id = ask(make_campaign(), ADA, BOB, now=now_ms())
        optouts.opt_out(Channel.SMS, BOB, actor=COMMAND_LINE, now=NOW)
        testing.send(test_id)
        assert list(words(test_id)) == [ADA]

    def test_provider_that_is_gone_by_then_is_named(self, work: Callable[[Config], None], installation: Config) -> None:
        test_id = ask(make_campaign(), now=now_ms())
        work(with_providers(installation, SMS_PROVIDER="twilio"))
        testing.send(test_id)
        assert (sent(test_id).state, "TWILIO_ACCOUNT_SID" in sent(test_id).result) == ("refused", True)


class TestRealProviders:
    def with_field(self, channel: Channel, body: str) -> int:
        campaign_id = make_campaign(channel)
        Campaign.update(fields=[{"name": "First name", "searchable": False}]).where(
            Campaign.id == campaign_id
        ).execute()
        campaigns.set_template(campaign_id, template_for(channel, body), actor=COMMAND_LINE, now=NOW)
        return campaign_id

    def test_twilio_gets_the_typed_values(
        self, work: Callable[[Config], None], installation: Config, tmp_path: Path
    ) -> None:
        campaign_id = self.with_field(Channel.SMS, "Hi {{first name}}")
        with running(FakeTwilio(tmp_path / "taken.txt", silent=True)) as fake:
            work(
                with_providers(
                    installation,
                    SMS_PROVIDER="twilio",
                    TWILIO_ACCOUNT_SID=ACCOUNT,
                    TWILIO_AUTH_TOKEN=TOKEN,
                    TWILIO_MESSAGING_SERVICE_SID=SERVICE,
                    TWILIO_API_URL=fake.url,
                    PUBLIC_URL="https://signalbox.example",
                )
            )
            test_id = ask(campaign_id, ADA, BOB, now=now_ms(), **{"First name": "Zoë"})
            testing.send(test_id)
            assert sorted((one.to, one.body) for one in fake.messages) == [(ADA, "Hi Zoë"), (BOB, "Hi Zoë")]
            sids = {result["provider_id"] for result in sent(test_id).results}
            assert sids == {one.sid for one in fake.messages}
        assert bound_provider_ids([*sids, "SMother"]) == sids, "no look-up takes a test for a message"

    def test_twilios_receipt_of_it_is_dropped(self, installation: Config) -> None:
        campaign_id = make_ended()
        before = rows_of("messages")
        record_receipts(
            provider="twilio",
            headers={"query": f"m={campaign_id}&a=0"},
            body=f"MessageSid=SM{'a' * 32}&MessageStatus=undelivered&ErrorCode=30003".encode(),
            now=NOW,
        )
        apply_receipts(PARSERS, limit=10, now=NOW, scale=1)
        assert rows_of("messages") == before
        assert [(row["unmatched"], row["problem"]) for row in rows_of("receipt_inbox")] == [(0, None)]

    def test_sendgrid_gets_one_request_and_its_events_are_dropped(
        self, work: Callable[[Config], None], installation: Config, tmp_path: Path
    ) -> None:
        campaign_id = self.with_field(Channel.EMAIL, "<p>Hi {{first name}}</p>")
        with FakeSendGrid(ledger=tmp_path / "ledger", key="SG.key", delay_seconds=0.05) as fake:
            work(
                with_providers(
                    installation, EMAIL_PROVIDER="sendgrid", SENDGRID_API_KEY="SG.key", SENDGRID_API_URL=fake.url
                )
            )
            test_id = ask(campaign_id, "ada@example.com", "bob@example.com", now=now_ms(), **{"First name": "<Zoë>"})
            testing.send(test_id)
            assert {mail.html for mail in fake.mails} == {"<p>Hi &lt;Zoë&gt;</p>"}
        assert words(test_id) == dict.fromkeys(("ada@example.com", "bob@example.com"), "accepted")
        event = {"event": "delivered", "email": "ada@example.com", "message_id": "1", "attempt": "0", "timestamp": 1}
        record_receipts(provider="sendgrid", headers={}, body=json.dumps([event]).encode(), now=NOW)
        apply_receipts(PARSERS, limit=10, now=NOW, scale=1)
        assert [row["unmatched"] for row in rows_of("receipt_inbox")] == [0]

    def test_mail_server_gets_each_with_a_link_of_its_own(
        self, work: Callable[[Config], None], installation: Config, tmp_path: Path
    ) -> None:
        campaign_id = self.with_field(Channel.EMAIL, '<a href="{{unsubscribe_url}}">Out</a>')
        with FakeSmtp(tmp_path / "ledger") as fake:
            work(with_providers(installation, EMAIL_PROVIDER="smtp", SMTP_URL=fake.url))
            test_id = ask(campaign_id, "ada@example.com", "bob@example.com", now=now_ms())
            testing.send(test_id)
            mails = [one.mail for one in fake.mails]
        assert words(test_id) == dict.fromkeys(("ada@example.com", "bob@example.com"), "delivered")
        assert len({mail["Message-ID"] for mail in mails}) == 2
        assert len({mail["List-Unsubscribe"] for mail in mails}) == 2

    def test_provider_that_is_down_is_told_and_nothing_is_tried_again(
        self, work: Callable[[Config], None], installation: Config
    ) -> None:
        campaign_id = make_campaign(Channel.EMAIL)
        work(with_providers(installation, EMAIL_PROVIDER="smtp", SMTP_URL="smtp://127.0.0.1:9"))
        test_id = ask(campaign_id, "ada@example.com", now=now_ms())
        testing.send(test_id)
        assert words(test_id) == {"ada@example.com": "not_sent"}
        testing.send(test_id)
        assert words(test_id) == {"ada@example.com": "not_sent"}
