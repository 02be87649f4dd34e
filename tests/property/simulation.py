"""72 virtual hours of whole campaigns, told by a seed: people, processes that die and stall, a provider with moods.

Nothing waits and nothing is left to chance but by the seed's dice, so the same seed tells the same hours. What may
be true after each event is for `tests.property.life` to say. To tell one again, or many:

    python -m tests.long simulate --seed 7
"""

import heapq
import random
from collections.abc import Callable, Sequence

from models.database import select
from models.hints import SENDING, Work
from models.queries.doubts import doubts_due
from models.words import Channel
from tests.factories import NOW
from tests.property.carrier import Carrier, Receipt
from tests.property.life import HOUR, LEASE, MINUTE, RETRYABLE, SECOND, Campaign, Said, Told, Wish
from tests.property.teller import PROVIDERS, Claim, Teller, chosen

LASTS = 72 * HOUR
SWEEP_EVERY = 10 * SECOND
LONGEST_SLEEP = HOUR  # of a clock that sees nothing to come
SENDERS = 2  # processes on each channel
LATEST_FACTS = 30
WAKES = 0.85  # how probable it is that a hint arrives
STALLS, DIES = 0.01, 0.01  # that a process pauses long after a step, or for ever
# Of a sender whose provider takes nothing; the product's is shorter, which would take longer to tell.
LONGEST_PAUSE = 5 * MINUTE
PAUSES = (2 * SECOND, 30 * SECOND, 10 * MINUTE, 2 * HOUR, 9 * HOUR)  # between the acts of people
ACTS = ["run", "run", "resume", "stop", "retry", "retry", "delete", "export", "refused", "refuse", "guard", "new"]
CLOCK_JUMPS = (HOUR, -HOUR, 5 * SECOND, -5 * SECOND)


def tell(seed: int) -> "Simulation":
    """Live one seed's hours; what fails says how to tell them again, and what happened last."""
    told = Simulation(seed)
    try:
        told.live()
    except Exception as fault:
        fault.add_note(f"python -m tests.long simulate --seed {seed}\n" + "\n".join(told.facts[-LATEST_FACTS:]))
        raise
    return told


def recipient(channel: str, number: int) -> str:
    """Nobody's number or address."""
    return f"+1415555{number:04}" if channel == Channel.SMS else f"Person{number}@Example.com"


class Simulation:
    """One seed's hours. What happens is in an agenda, by true time; `teller.now` is what clocks say."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.teller = Teller()
        self.at = 0  # ms since the beginning
        self.skew = 0  # by which clocks are ahead
        self.facts: list[str] = []
        self.carriers = {channel: Carrier(self.dice) for channel in PROVIDERS}
        self.senders = {channel: [Sender(self, channel) for _ in range(SENDERS)] for channel in PROVIDERS}
        self._provider = {channel: chosen(names, self.dice.randrange(6)) for channel, names in PROVIDERS.items()}
        self._agenda: list[tuple[int, int, Callable[[], object]]] = []
        self._serial = 0

    def live(self) -> None:
        """All of it, to the end; raises AssertionError at the first thing that must not be."""
        for channel in PROVIDERS:
            for _ in range(self.dice.choice((1, 1, 2))):
                self._make_campaign(channel)
            self.later(self.dice.randrange(MINUTE), self._change_the_mood, self.carriers[channel])
        self.later(0, self._keep_time)
        for _ in PROVIDERS:
            self.soon(MINUTE, self._do, "run", None)
        self.soon(HOUR, self._act)
        self.later(self.dice.randrange(LASTS), self._jump)
        while self._agenda and self._agenda[0][0] < LASTS:
            self.at, _, happen = heapq.heappop(self._agenda)
            self.teller.now = max(self.teller.now, NOW + self.at + self.skew)
            happen()
            self._see()
        self.teller.come_to_rest()
        for campaign in self.teller.campaigns():
            self._do("export", campaign)

    def later(self, delay: int, happen: Callable[..., object], *given: object) -> None:
        """Let something happen in so many milliseconds."""
        self._serial += 1
        heapq.heappush(self._agenda, (self.at + delay, self._serial, lambda: happen(*given)))

    def soon(self, longest: int, happen: Callable[..., object], *given: object) -> None:
        """Let something happen within so many milliseconds."""
        self.later(self.dice.randint(1, longest), happen, *given)

    def note(self, fact: str) -> None:
        """What happened, for whoever reads of a failure, and to compare two tellings."""
        self.facts.append(f"{self.at / SECOND:10.3f} {fact}")

    def provider_of(self, channel: str) -> str:
        """Through whom the channel sends in these hours."""
        return self._provider[channel]

    def _see(self) -> None:
        """All is as it must be; and the hints of this event reach whom they are for, or are lost."""
        self.teller.everything_is_as_it_must_be()
        hinted, self.teller.hinted = sorted(self.teller.hinted), set()
        for work, subject_id in hinted:
            if self.dice.random() < WAKES:
                self._wake(work, subject_id)

    def _wake(self, work: Work, subject_id: int) -> None:
        if work in SENDING.values():
            campaign = self.teller.life.campaigns[subject_id]
            idle = [one for one in self.senders[campaign.channel] if one.campaign is None]
            if idle:
                idle[0].start(campaign)
        elif work is Work.MOVES:
            self.soon(SECOND, self._move_a_slice, subject_id)
        elif work is Work.RECEIPTS:
            self.soon(SECOND, self._apply)
        elif work is Work.LOOK_UPS:
            self.soon(SECOND, self._look_up)

    # What processes do

    def _keep_time(self) -> None:
        """Sweep, then see what waits; and sleep for as long as nothing can be due."""
        self.teller.sweep()
        self.teller.everything_is_as_it_must_be()
        self.teller.look_for_work()
        self.teller.everything_is_as_it_must_be()
        self.teller.notice_silence()
        self.later(self._sleep(), self._keep_time)

    def _sleep(self) -> int:
        if self.teller.moves() or self.teller.posts or any(one.queue() for one in self.teller.campaigns("running")):
            return SWEEP_EVERY
        (due,) = select("SELECT MIN(due_at) FROM messages WHERE status IN ('sending', 'retrying')")[0]
        wait = LONGEST_SLEEP if due is None else int(due) - self.teller.now
        return min(max(SWEEP_EVERY, wait + self.dice.randrange(SWEEP_EVERY)), LONGEST_SLEEP)

    def _move_a_slice(self, campaign_id: int) -> None:
        if campaign_id not in {of for _, of, _ in self.teller.moves()}:
            return
        self.teller.advance(campaign_id, self.dice.choice((1, 5, 20, 100)))
        if self.dice.random() > DIES:
            self.soon(SECOND, self._move_a_slice, campaign_id)

    def _apply(self) -> None:
        if self.teller.posts:
            self.teller.apply_posts()

    def _look_up(self) -> None:
        """Ask; what is found is noted a while later, whatever has happened meanwhile, or never."""
        due = doubts_due(now=self.teller.tick(), scale=1, limit=100)
        asked = sorted((one.message_id, one.attempt) for one in due)
        if asked and self.dice.random() > DIES:
            self.soon(5 * SECOND, self._note_look_ups, asked)

    def _note_look_ups(self, asked: Sequence[tuple[int, int]]) -> None:
        now, carrier = self.teller.tick(), self.carriers[Channel.SMS]
        found = [key for key in asked if key in carrier.has and self.dice.random() < 0.8]
        self.note(f"looks up {len(asked)}, finds {len(found)}")
        words = [Said(*key, Told("accepted"), now) for key in found]
        self.teller.note_look_ups(words, [key for key in asked if key not in found])

    # What befalls them

    def _change_the_mood(self, carrier: Carrier) -> None:
        carrier.change_mood()
        self.later(
            self.dice.choice(
                (10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 9 * HOUR) if carrier.takes else (MINUTE, 10 * MINUTE)
            ),
            self._change_the_mood,
            carrier,
        )

    def _jump(self) -> None:
        """Somebody sets the clock."""
        by = self.dice.choice(CLOCK_JUMPS)
        self.skew += by
        self.teller.now += by
        self.note(f"the clock jumps by {by // SECOND} s")
        self.later(self.dice.randrange(LASTS), self._jump)

    def tell(self, receipts: Sequence[Receipt], message_id: int, number: int) -> None:
        """The provider will tell these of a hand-over."""
        for receipt in receipts:
            self.later(receipt.after, self._post, message_id, number, receipt.told)

    def _post(self, message_id: int, number: int, told: Told) -> None:
        self.note(f"receipt: {told.word}")
        now = self.teller.tick()
        wishes = []
        message = self.teller.life.messages.get(message_id)
        if message is not None and self.dice.random() < 0.03:  # STOP, or START
            wishes.append(Wish(*message.refuses, self.dice.random() < 0.7, "inbound", now))
        self.teller.post([Said(message_id, number, told, now)], wishes)
        self.teller.hinted.add((Work.RECEIPTS, 0))

    # What people do

    def _act(self) -> None:
        campaign = chosen(self.teller.campaigns() or [None], self.dice.randrange(12))
        self._do(self.dice.choice(ACTS), campaign)
        self.soon(self.dice.choice(PAUSES), self._act)

    def _do(self, act: str, campaign: Campaign | None) -> None:
        if act in ("run", "resume", "stop", "retry", "delete"):
            able = self.teller.who_may(act)
            if able:
                self._change(act, chosen(able, self.dice.randrange(12)))
        elif act == "new":
            room = self.teller.room()
            if room:
                self._make_campaign(chosen(room, self.dice.randrange(12)))
        elif campaign is not None:
            self._happen_beside(act, campaign)

    def _change(self, act: str, campaign: Campaign) -> None:
        self.note(f"{act} {campaign.name}")
        if act == "retry":
            retryable = [id_ for id_, message in sorted(campaign.messages.items()) if message.status in RETRYABLE]
            ids = (self.dice.choice(retryable),) if self.dice.random() < 0.3 else ()
            self.teller.ask_to_retry(campaign, ids, (), unconfirmed=self.dice.random() < 0.5)
            return
        doing = {"run": self.teller.run, "resume": self.teller.resume, "stop": self.teller.halt}
        doing.get(act, self.teller.delete)(campaign)

    def _happen_beside(self, act: str, campaign: Campaign) -> None:
        self.note(f"{act} beside {campaign.name}")
        if act == "export":
            self.teller.export(campaign)
        elif act == "refused":
            self.teller.ask_for_all_that_is_refused(campaign)
        elif act == "guard":
            self.teller.have_trouble([campaign] if campaign.phase == "running" else [], refusals=0)
        else:
            self._refuse_or_take_back(campaign)

    def _refuse_or_take_back(self, campaign: Campaign) -> None:
        refusing = sorted(self.teller.life.refusing)
        if refusing and self.dice.random() < 0.3:
            self.teller.take_back(Wish(*self.dice.choice(refusing), False, "hand", self.teller.tick()))
            return
        persons = sorted({message.refuses for message in campaign.messages.values()})
        if persons:
            source = self.dice.choice(("hand", "link", "complaint"))
            self.teller.refuse(Wish(*self.dice.choice(persons), True, source, self.teller.tick()))

    def _make_campaign(self, channel: str) -> None:
        campaign = self.teller.make_draft(channel)
        first, count = self.dice.randrange(20), self.dice.randint(12, 40)
        people = [recipient(channel, number) for number in range(first, first + count)]
        self.teller.do_import(campaign, people, flawed=self.dice.random() < 0.3)
        self.teller.finish(campaign)
        self.note(f"{campaign.name}: {count} rows, {channel}")
        self.teller.everything_is_as_it_must_be()


class Sender:
    """A work process: one campaign at a time, step by step; between any two it may die or stall."""

    def __init__(self, around: Simulation, channel: str) -> None:
        self.campaign: Campaign | None = None
        self._around = around
        self._channel = channel
        self._held: list[Claim] = []
        self._under_way: dict[tuple[int, int], Claim] = {}
        self._begins_until = 0  # true time
        self._pause = SECOND
        self._life = 0  # what an earlier one of its lives began does not reach the next

    def start(self, campaign: Campaign) -> None:
        """Take a job."""
        self.campaign = campaign
        self._go_on(self._claim)
        self._around.later(LEASE // 3, self._mine(self._renew))

    def _go_on(self, step: Callable[[], object]) -> None:
        dice = self._around.dice
        if dice.random() < DIES:
            self._around.later(dice.choice((SECOND, MINUTE)), self._mine(self._be_born))
            self._die()
            return
        stalls = dice.random() < STALLS
        self._around.soon(dice.choice((MINUTE, HOUR)) if stalls else 500, self._mine(step))

    def _mine(self, step: Callable[[], object]) -> Callable[[], object]:
        """The step, unless this life is over by then."""
        life = self._life
        return lambda: step() if life == self._life else None

    def _die(self) -> None:
        """What it held or was waiting for is nobody's now."""
        self._around.note(f"{self._channel} sender dies with {len(self._held)} and {len(self._under_way)}")
        self._held, self._under_way = [], {}

    def _be_born(self) -> None:
        self._life += 1
        self.campaign = None

    def _claim(self) -> None:
        assert self.campaign is not None
        teller, dice = self._around.teller, self._around.dice
        before = set(map(_key, teller.claims()))
        self._begins_until = self._around.at + LEASE
        teller.take(self.campaign, self._around.provider_of(self._channel), dice.randint(1, 8))
        self._held = [claim for claim in teller.claims() if _key(claim) not in before]
        if self._held:
            self._go_on(self._hand_over)
        elif self._under_way:
            self._around.later(SECOND, self._mine(self._claim))
        else:
            self._be_born()  # the job is over

    def _hand_over(self) -> None:
        """Some of what it holds; what must not begin any more is given back."""
        assert self.campaign is not None
        around, held = self._around, self._held
        stopped = self.campaign.phase != "running" and around.dice.random() < 0.7  # else it has not noticed yet
        if stopped or around.at >= self._begins_until:
            self._held = []
            around.teller.give_back(held)
        else:
            batch = around.dice.randint(1, len(held))
            self._held = held[batch:]
            for claim in held[:batch]:
                self._give(claim)
        if self._held:
            self._go_on(self._hand_over)
        else:
            around.later(self._pause, self._mine(self._claim))

    def _give(self, claim: Claim) -> None:
        """The provider gets it, answers or not, and tells of it later."""
        around, key = self._around, _key(claim)
        around.teller.begin(claim)
        self._under_way[key] = claim
        taken = around.carriers[self._channel].take(key, smtp=around.provider_of(self._channel) == "smtp")
        around.note(f"{self._channel} hand-over of attempt {key[1]}: {taken.answer.word}")
        around.later(taken.after, self._mine(lambda: self._hear(key, taken.answer)))
        around.tell(taken.receipts, *key)

    def _hear(self, key: tuple[int, int], told: Told) -> None:
        self._pause = min(2 * self._pause, LONGEST_PAUSE) if told.word == "not_sent" else SECOND
        if self._under_way.pop(key, None):
            teller = self._around.teller
            teller.settle([Said(*key, told, teller.tick(), answers=True)])

    def _renew(self) -> None:
        claims = [*self._held, *self._under_way.values()]
        if claims:
            self._around.teller.renew_leases(claims)
        if self.campaign is not None:
            self._around.later(LEASE // 3, self._mine(self._renew))


def _key(claim: Claim) -> tuple[int, int]:
    return claim[:2]
