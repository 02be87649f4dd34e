"""The send job on a real database and Valkey: what it hands over, what it never does, and how it ends."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop
from redis.asyncio import Redis
from structlog.testing import capture_logs

import jobs.sending
from jobs import context
from jobs.bucket import Bucket
from jobs.providers.base import Outcome
from jobs.providers.messages import OutgoingMessage
from jobs.runtime.stopping import Stop
from models import database
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.config import Config
from models.database import execute, select, transaction
from models.hints import Work
from models.operations import campaigns, importing
from models.operations.sweeping import sweep_due
from models.queries.campaigns import get_campaign
from models.rules.guard import ACCOUNT_REFUSALS, LIMIT, WINDOW
from models.rules.verdicts import Word
from models.words import Channel, Phase, Scope
from tests import factories
from tests.integration.send_jobs import (
    Answer,
    FakeProvider,
    FaultError,
    Job,
    accepts,
    busy,
    dies,
    is_busy,
    is_busy_at_first,
    loses_the_answer,
    never_answers,
    refuses,
    takes_a_moment,
)
from tests.servers import valkey_at


@pytest.fixture
def stop() -> Iterator[Stop]:
    made = Stop()
    yield made
    made.close()


@pytest.fixture
def job(installation: Config, stop: Stop) -> Callable[..., Job]:
    def make(
        messages: int = 0, channel: Channel = Channel.SMS, campaign_id: int | None = None, **variables: str
    ) -> Job:
        made = campaign_id or factories.make_campaign(channel, messages)
        factories.run(made)
        return Job(Config.from_env({**installation.variables, **variables}), stop, made)

    return make


@pytest.fixture
def dying_valkey(tmp_path: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """A server of its own: its URL, and what kills it."""
    with valkey_at(tmp_path) as (url, server):
        yield url, server.kill


MakeJob = Callable[..., Job]


def answers_between_sweeps(swept: list[int]) -> Answer:
    """The provider takes a message after 1.6 s, in which `swept` hears eight times how many leases had run out."""

    async def answer(message: OutgoingMessage) -> Outcome:
        for _ in range(8):
            await asyncio.sleep(0.2)
            swept.append(sweep_due(now=now_ms(), scale=1))
        return await accepts(message)

    return answer


class TestHandOver:
    @pytest.mark.both_engines
    def test_every_message_is_handed_over_once(self, job: MakeJob) -> None:
        work, provider = job(50), FakeProvider()
        assert work.send(provider) is False
        assert set(provider.attempts().values()) == {1}
        assert work.attempts() == dict.fromkeys(factories.message_ids(work.campaign_id), "accepted")
        assert factories.statuses(work.campaign_id) == {"sending": 50}

    def test_a_message_has_its_fields_and_its_segments(self, job: MakeJob) -> None:
        campaign_id = factories.make_draft(name="Spring")
        body = "Hi {{ NAME }}, " + "x" * 160
        campaigns.set_template(campaign_id, campaigns.CampaignTemplate(body), actor=COMMAND_LINE, now=1)
        import_id = factories.start_import(campaign_id, "phone,Name\n+12025550100,Ada\n+12025550101,\n")
        importing.do_import(import_id, clock=now_ms)
        campaigns.finish_draft(campaign_id, actor=COMMAND_LINE, now=1)
        provider = FakeProvider()
        job(campaign_id=campaign_id).send(provider)
        assert [message.body[:12] for _, message in provider.handed_over] == ["Hi Ada, xxxx", "Hi {{ NAME }"]
        assert {row["segments"] for row in factories.rows_of("messages")} == {2}

    @pytest.mark.parametrize(
        ("answer", "status"), [(refuses, "failed"), (loses_the_answer, "sending"), (accepts, "sending")]
    )
    def test_an_answer_is_recorded_and_not_asked_for_again(self, job: MakeJob, answer: Answer, status: str) -> None:
        work, provider = job(20), FakeProvider(answer)
        work.send(provider)
        assert set(provider.attempts().values()) == {1}
        assert factories.statuses(work.campaign_id) == {status: 20}

    def test_lost_answer_is_logged_with_its_message_and_without_its_recipient(self, job: MakeJob) -> None:
        work = job(2)
        with capture_logs() as said:
            work.send(FakeProvider(loses_the_answer))
        ids = factories.message_ids(work.campaign_id)
        told = [one for one in said if one["event"] == "no answer, perhaps sent"]
        assert sorted((one["message_id"], one["attempt"]) for one in told) == [(message_id, 1) for message_id in ids]
        assert "+1415" not in str(said)

    def test_never_more_is_under_way_than_the_concurrency(self, job: MakeJob) -> None:
        work, unanswered = job(100), []

        def look(_count: int) -> None:
            unanswered.append(select("SELECT COUNT(*) FROM attempts WHERE answer IS NULL")[0][0])

        work.send(FakeProvider(takes_a_moment, concurrency=8, on_hand_over=look))
        assert max(unanswered) == 8
        assert len(unanswered) == 100

    def test_batches_are_no_larger_than_the_provider_takes(self, job: MakeJob) -> None:
        work, provider = job(100, Channel.EMAIL), FakeProvider(concurrency=20, batch_size=7, channel=Channel.EMAIL)
        work.send(provider)
        assert max(provider.batches) == 7
        assert sum(provider.batches) == 100

    @pytest.mark.both_engines
    def test_two_senders_share_a_campaign_without_a_repeat(self, job: MakeJob) -> None:
        work, providers = job(600), [FakeProvider(takes_a_moment, concurrency=20) for _ in range(2)]
        threads = [threading.Thread(target=work.send, args=(provider,)) for provider in providers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum((provider.attempts() for provider in providers), Counter()) == Counter(
            factories.message_ids(work.campaign_id)
        )
        assert all(provider.handed_over for provider in providers)
        assert set(work.attempts().values()) == {"accepted"}
        factories.statuses(work.campaign_id)

    def test_what_is_queued_meanwhile_is_sent_too(self, job: MakeJob) -> None:
        work = job(30)

        def queue_more(count: int) -> None:
            if count == 5:
                with transaction():
                    execute("UPDATE messages SET status = 'queued', attempt = 1 WHERE id = ?", first)
                    execute("UPDATE message_counts SET n = n + 1 WHERE status = 'queued'")
                    execute("UPDATE message_counts SET n = n - 1 WHERE status = 'sending'")

        first = factories.message_ids(work.campaign_id)[0]
        provider = FakeProvider(takes_a_moment, concurrency=4, on_hand_over=queue_more)
        work.send(provider)
        assert provider.attempts()[first] == 2


class TestRate:
    def test_claims_come_only_with_tokens(self, job: MakeJob, valkey: str) -> None:
        work, provider = job(90, REDIS_URL=valkey), FakeProvider(concurrency=100)
        since, since_ms = time.monotonic(), now_ms()
        work.send(provider, rate=50)
        claimed = sorted((row[0] - since_ms) / 1000 for row in select("SELECT claimed_at FROM attempts"))
        for moments in (claimed, [moment - since for moment in provider.times]):
            assert len(moments) == 90
            assert all(count <= 50 + 50 * (moment + 0.001) for count, moment in enumerate(moments, start=1))
            assert moments[-1] < 5

    def test_tokens_that_found_no_message_go_back(self, job: MakeJob, valkey: str) -> None:
        job(5, REDIS_URL=valkey).send(FakeProvider(concurrency=100), rate=200)

        async def left() -> int:
            async with Redis.from_url(valkey) as client:
                return await Bucket(client, "sms").take(1000, rate=200)

        assert asyncio.run(left()) >= 195

    def test_the_providers_own_speed_counts_if_it_is_less(self, job: MakeJob, valkey: str) -> None:
        work, provider, since = job(60, REDIS_URL=valkey), FakeProvider(concurrency=100, speed=40), time.monotonic()
        work.send(provider, rate=1000)
        assert provider.times[-1] - since >= 0.5  # 40 at once, and 20 at 40 a second

    def test_a_rate_that_somebody_changes_is_followed(self, job: MakeJob, valkey: str) -> None:
        work, provider = job(400, REDIS_URL=valkey), FakeProvider(concurrency=100)
        since = time.monotonic()
        work.send(provider, rate=lambda: 20 if time.monotonic() < since + 1 else None)
        slow = [moment for moment in provider.times if moment < since + 1]
        assert len(slow) <= 40
        assert provider.times[-1] - since < 5  # 400 at 20 a second would take 19

    def test_without_a_bucket_a_rate_lets_nothing_through(self, job: MakeJob) -> None:
        work, provider = job(5), FakeProvider()
        assert work.send(provider, rate=100) is True
        assert provider.handed_over == []

    def test_a_redis_that_dies_ends_claims_but_not_what_is_under_way(
        self, job: MakeJob, dying_valkey: tuple[str, Callable[[], None]]
    ) -> None:
        url, kill = dying_valkey
        work = job(60, REDIS_URL=url)
        provider = FakeProvider(takes_a_moment, on_hand_over=lambda count: kill() if count == 20 else None)
        assert work.send(provider, rate=1000) is True
        assert set(work.attempts().values()) == {"accepted"}
        assert len(work.attempts()) == len(provider.handed_over) < 60


class TestNotSent:
    def test_it_goes_back_and_is_handed_over_again_after_a_pause(self, job: MakeJob) -> None:
        work, provider = job(1), FakeProvider(is_busy_at_first)
        work.send(provider)
        assert set(provider.attempts().values()) == {2}
        assert provider.times[1] - provider.times[0] >= 0.05
        assert factories.statuses(work.campaign_id) == {"sending": 1}

    def test_many_at_once_make_the_pause_no_longer(self, job: MakeJob) -> None:
        work, provider = job(100), FakeProvider(is_busy_at_first, concurrency=100)
        work.send(provider)
        assert set(provider.attempts().values()) == {2}
        assert provider.times[-1] - provider.times[0] < 5

    def test_as_long_as_it_lasts_the_pauses_grow(self, job: MakeJob, stop: Stop) -> None:
        provider = FakeProvider(is_busy, on_hand_over=lambda count: stop.ask() if count == 5 else None)
        assert job(1).send(provider) is True
        gaps = [later - earlier for earlier, later in zip(provider.times, provider.times[1:], strict=False)]
        assert all(low * 0.5 <= gap <= low + 1 for low, gap in zip((0.1, 0.2, 0.4, 0.8), gaps, strict=True))

    def test_answers_lost_one_after_the_other_slow_it_down_too(self, job: MakeJob, stop: Stop) -> None:
        """Or an outage of the provider's would leave the whole campaign in doubt before anybody sees it."""
        work, provider = job(400), FakeProvider(loses_the_answer)
        threading.Timer(1.5, stop.ask).start()
        assert work.send(provider) is True
        assert provider.concurrency < len(provider.handed_over) <= 8 * provider.concurrency  # pauses of 0.1, 0.2, 0.4 …

    def test_a_lost_answer_among_others_does_not(self, job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs.sending, "FIRST_PAUSE", 60.0)

        async def loses_most(message: OutgoingMessage) -> Outcome:
            return await (loses_the_answer if message.message_id % 5 else accepts)(message)

        provider = FakeProvider(loses_most)
        assert job(100).send(provider) is False
        assert len(provider.handed_over) == 100

    def test_the_provider_can_say_how_long_to_wait(self, job: MakeJob) -> None:
        async def asks_for_patience(message: OutgoingMessage) -> Outcome:
            return busy(message, retry_after=0.6) if message.attempt == 1 else await accepts(message)

        provider = FakeProvider(asks_for_patience)
        job(1).send(provider)
        assert 0.6 <= provider.times[1] - provider.times[0] < 3

    def test_what_it_says_outlasts_the_jobs_time(self, job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs.sending, "JOB_SECONDS", 0.2)

        async def asks_for_patience(message: OutgoingMessage) -> Outcome:
            return busy(message, retry_after=0.6)

        work, since = job(1), time.monotonic()
        provider = FakeProvider(asks_for_patience)
        assert work.send(provider) is True
        assert len(provider.handed_over) == 1
        assert time.monotonic() - since >= 0.6


class TestGuard:
    def verdicts(self, *, after: int, percent: int) -> FakeProvider:
        """A provider that says at once what became of each; so many of a hundred fail from a row on."""
        order: list[int] = []

        async def judges(message: OutgoingMessage) -> Outcome:
            order.append(message.message_id)
            fails = len(order) > after and len(order) % 100 < percent
            return await refuses(message) if fails else Outcome(message, Word.DELIVERED)

        return FakeProvider(judges)

    @pytest.mark.both_engines
    def test_twelve_percent_of_failures_from_a_row_on_hold_it_within_the_window(self, job: MakeJob) -> None:
        work, provider = job(1500), self.verdicts(after=500, percent=12)
        assert (work.send(provider), factories.phase_of(work.campaign_id)) == (False, Phase.HELD)
        assert len(provider.handed_over) <= 500 + WINDOW
        assert factories.statuses(work.campaign_id)["queued"] == 1500 - len(provider.handed_over)

    @pytest.mark.both_engines
    def test_three_percent_of_failures_never_hold_it(self, job: MakeJob) -> None:
        work, provider = job(1500), self.verdicts(after=0, percent=3)
        work.send(provider)
        assert factories.statuses(work.campaign_id) == {"delivered": 1455, "failed": 45}

    def test_retries_of_bad_rows_never_hold_it(self, job: MakeJob) -> None:
        work = job(3 * LIMIT)
        with transaction():
            execute("UPDATE messages SET retries = 1")
        work.send(FakeProvider(refuses))
        assert factories.statuses(work.campaign_id) == {"failed": 3 * LIMIT}

    @pytest.mark.both_engines
    def test_dead_credential_makes_no_claim_after_the_fifth_refusal(self, job: MakeJob) -> None:
        async def refuses_us(message: OutgoingMessage) -> Outcome:
            return replace(busy(message), scope=Scope.ACCOUNT, code="20003", text="Authenticate")

        work, provider = job(30, TIME_SCALE="10"), FakeProvider(refuses_us, concurrency=1)
        for _ in range(2):
            assert work.send(provider) is False
            assert select("SELECT COUNT(*) FROM attempts")[0][0] == len(provider.handed_over) == ACCOUNT_REFUSALS
            factories.move_all(work.campaign_id, now=now_ms())
        assert get_campaign(work.campaign_id).failed_code == "20003"


class TestStop:
    @pytest.mark.both_engines
    def test_a_stopped_campaign_begins_no_hand_over(self, job: MakeJob) -> None:
        work, stopped_at = job(400), []

        def stop_at_forty(count: int) -> None:
            if count == 40:
                work.stop_campaign()
                stopped_at.append(time.monotonic())

        provider = FakeProvider(takes_a_moment, on_hand_over=stop_at_forty)
        assert work.send(provider) is False
        assert provider.times[-1] - stopped_at[0] < 2  # SPEC 11
        assert provider.held_back
        assert work.attempts() == dict.fromkeys((one.message_id for _, one in provider.handed_over), "accepted")
        factories.move_all(work.campaign_id)
        handed_over = len(provider.handed_over)
        assert factories.statuses(work.campaign_id) == {"sending": handed_over, "cancelled": 400 - handed_over}

    def test_a_stop_is_noticed_while_nothing_can_be_claimed(self, job: MakeJob) -> None:
        work = job(40)

        async def slowly(message: OutgoingMessage) -> Outcome:
            await asyncio.sleep(0.7)
            return await accepts(message)

        provider = FakeProvider(slowly, on_hand_over=lambda count: work.stop_campaign() if count == 1 else None)
        since = time.monotonic()
        work.send(provider)
        assert len(provider.handed_over) <= 10
        assert time.monotonic() - since < 3

    def test_sigterm_gives_back_what_was_not_handed_over(self, job: MakeJob, stop: Stop) -> None:
        work = job(40)
        provider = FakeProvider(takes_a_moment, on_hand_over=lambda count: stop.ask() if count == 13 else None)
        assert work.send(provider) is True
        assert len(provider.handed_over) == 13
        assert set(work.attempts()) == set(provider.attempts())
        assert factories.statuses(work.campaign_id) == {"sending": 13, "queued": 27}
        assert {row["attempt"] for row in factories.rows_of("messages", "WHERE status = 'queued'")} == {0}

    @pytest.mark.parametrize("answer", [never_answers, is_busy])
    def test_sigterm_ends_it_in_time_whatever_the_provider_does(self, job: MakeJob, stop: Stop, answer: Answer) -> None:
        asked_at = []

        def ask() -> None:
            asked_at.append(time.monotonic())
            stop.ask()

        work = job(40)
        threading.Timer(0.8, ask).start()
        work.send(FakeProvider(answer))
        assert time.monotonic() - asked_at[0] < 2.9  # the supervisor kills after 3 s
        under_way = {"sending": 10, "queued": 30} if answer is never_answers else {"queued": 40}
        assert factories.statuses(work.campaign_id) == under_way

    def test_sigterm_is_heeded_also_while_it_only_waits_for_answers(
        self, job: MakeJob, stop: Stop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(jobs.sending, "JOB_SECONDS", 0.1)
        work, provider = job(40), FakeProvider(never_answers)
        threading.Timer(0.8, stop.ask).start()
        since = time.monotonic()
        assert work.send(provider) is True
        assert time.monotonic() - since < 0.8 + 2.9
        assert provider.held_back

    def test_a_job_ends_after_a_while_so_that_another_may_go_on(
        self, job: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(jobs.sending, "JOB_SECONDS", 0.3)
        work, provider = job(2000), FakeProvider(takes_a_moment)
        since = time.monotonic()
        assert work.send(provider) is True
        assert 0.3 <= time.monotonic() - since < 1.5
        assert set(work.attempts().values()) == {"accepted"}
        assert len(work.attempts()) == len(provider.handed_over)


class TestFaults:
    @pytest.mark.both_engines
    def test_a_fault_ends_the_job_and_leaves_the_rest_to_the_leases(self, job: MakeJob) -> None:
        work = job(40)

        async def dies_at_number_five(message: OutgoingMessage) -> Outcome:
            return await (dies if message.message_id == fifth else takes_a_moment)(message)

        fifth = factories.message_ids(work.campaign_id)[4]
        provider = FakeProvider(dies_at_number_five)
        with pytest.raises(ExceptionGroup) as ended:
            work.send(provider)
        assert ended.group_contains(FaultError)
        doubtful = [row["message_id"] for row in factories.rows_of("attempts", "WHERE answer IS NULL")]
        assert fifth in doubtful
        assert len(doubtful) <= provider.concurrency
        assert all(message["due_at"] for message in map(factories.message, doubtful))
        second = FakeProvider()
        work.send(second)
        assert not set(second.attempts()) & set(provider.attempts())
        assert set(second.attempts()) | set(provider.attempts()) == set(factories.message_ids(work.campaign_id))
        sweep_due(now=now_ms() + 30_001, scale=1)
        assert {work.attempts()[message_id] for message_id in doubtful} == {"unknown"}

    @pytest.mark.both_engines
    def test_without_its_lease_nothing_is_handed_over(self, job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs.sending, "LEASE", 0)
        monkeypatch.setattr(jobs.sending, "JOB_SECONDS", 0.3)
        work, provider = job(20), FakeProvider()
        assert work.send(provider) is True
        assert provider.handed_over == []
        assert factories.statuses(work.campaign_id) == {"queued": 20}
        assert work.attempts() == {}

    def test_a_claim_that_waited_longer_than_its_lease_is_given_back(
        self, job: MakeJob, monkeypatch: pytest.MonkeyPatch, stop: Stop
    ) -> None:
        monkeypatch.setattr(jobs.sending, "LEASE", 200)
        monkeypatch.setattr(jobs.sending, "JOB_SECONDS", 0.1)
        work, provider, held = job(20), FakeProvider(), threading.Event()

        def hold_the_gate() -> None:
            with database.transaction():
                held.set()
                time.sleep(0.5)
            database.close()

        holder = threading.Thread(target=hold_the_gate)
        holder.start()
        held.wait(5)
        work.send(provider)
        holder.join()
        assert provider.handed_over == []
        assert factories.statuses(work.campaign_id) == {"queued": 20}

    def test_leases_are_renewed_while_an_answer_is_awaited(self, job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs.sending, "LEASE", 1000)
        monkeypatch.setattr(jobs.sending, "LEASE_RENEWAL", 200)
        work, swept = job(1), []

        work.send(FakeProvider(answers_between_sweeps(swept)))
        assert set(swept) == {0}

    def test_leases_are_renewed_also_when_the_jobs_time_is_over(
        self, job: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(jobs.sending, "LEASE", 300)
        monkeypatch.setattr(jobs.sending, "LEASE_RENEWAL", 100)
        monkeypatch.setattr(jobs.sending, "JOB_SECONDS", 0.1)
        work, swept = job(20), []

        assert work.send(FakeProvider(answers_between_sweeps(swept), concurrency=1)) is True
        assert set(swept) == {0}
        assert set(work.attempts().values()) == {"accepted"}


class TestJob:
    """`jobs.sending.send`, as RQ calls it."""

    @pytest.fixture
    def said(self, hinted: list[tuple[Work, int]]) -> list[tuple[Work, int]]:
        return hinted

    @pytest.fixture
    def surroundings(self, monkeypatch: pytest.MonkeyPatch, stop: Stop) -> Callable[[Config], None]:
        def enter(config: Config) -> None:
            monkeypatch.setattr(context, "_context", context.Context(config, stop))

        return enter

    def test_it_sends_through_the_channels_provider(
        self, job: MakeJob, valkey: str, surroundings: Callable[[Config], None]
    ) -> None:
        work = job(3, REDIS_URL=valkey)
        surroundings(work.config)
        jobs.sending.send(work.campaign_id)
        assert (work.config.var / "simulated.log").read_text().count("\n") == 3
        assert factories.statuses(work.campaign_id) == {"sending": 3}

    def test_what_is_left_is_hinted_at(
        self, job: MakeJob, surroundings: Callable[[Config], None], said: list[tuple[Work, int]], stop: Stop
    ) -> None:
        work = job(3)
        surroundings(work.config)
        stop.ask()
        said.clear()
        jobs.sending.send(work.campaign_id)
        assert said == [(Work.SEND_SMS, work.campaign_id)]

    @pytest.mark.parametrize("phase", ["ready", "held", "stopping", "ended", "failed", "deleting"])
    def test_a_campaign_that_is_not_running_is_left_alone(
        self, job: MakeJob, surroundings: Callable[[Config], None], phase: str
    ) -> None:
        work = job(3)
        surroundings(work.config)
        factories.put_into_phase(work.campaign_id, Phase(phase))
        jobs.sending.send(work.campaign_id)
        assert factories.statuses(work.campaign_id) == {"queued": 3}

    def test_a_campaign_that_is_gone_is_nobodys_fault(
        self, job: MakeJob, surroundings: Callable[[Config], None]
    ) -> None:
        surroundings(job(1).config)
        jobs.sending.send(99)

    def test_a_configuration_that_is_gone_counts_as_the_accounts_refusal(
        self, job: MakeJob, surroundings: Callable[[Config], None]
    ) -> None:
        work = job(3, SLACK_LOCAL="0")
        surroundings(work.config)
        for _ in range(5):
            assert factories.phase_of(work.campaign_id) == "running"
            jobs.sending.send(work.campaign_id)
        assert factories.phase_of(work.campaign_id) == "failed"
        assert "SMS_PROVIDER" in str(get_campaign(work.campaign_id).failed_text)


@pytest.mark.parametrize("turns", range(4))
def test_a_cancellation_that_comes_with_the_event_is_not_lost(turns: int) -> None:
    async def wait_again_and_again(event: asyncio.Event) -> None:
        while True:
            await jobs.sending._set_within(event, 60)

    async def cancel_as_it_comes() -> bool:
        event = asyncio.Event()
        waiting = asyncio.create_task(wait_again_and_again(event))
        await asyncio.sleep(0.01)
        event.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting], timeout=2)
        return waiting.cancelled()

    assert uvloop.run(cancel_as_it_comes())
