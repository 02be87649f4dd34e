"""Every refusal of an act on a campaign: how it comes to be, what it says, and what it offers instead.

One table for all surfaces: each asks for the act in its own way and has to show the same.
"""

from collections.abc import Callable
from dataclasses import dataclass

from models.actors import COMMAND_LINE
from models.database import execute, transaction
from models.operations.optouts import opt_out
from models.rules.verdicts import Word
from models.words import Action, Channel, Phase
from tests.factories import (
    NOW,
    answer,
    claim,
    make_campaign,
    make_draft,
    make_ended,
    move_all,
    put_into_phase,
    recipients_on,
    run,
    stop,
)

OTHER = "Water works"


@dataclass(frozen=True)
class Refusal:
    """`make` brings the campaign about and gives its id; `told` are parts of the sentence: who, how far, until when.

    `step` is the act offered instead. With `is_taken` another campaign is in the way and is offered to look at.
    Without `on_button` only the act itself looks for it: a page shows what counters know.
    """

    name: str
    action: Action
    make: Callable[[], int]
    told: tuple[str, ...]
    step: Action | None = None
    is_taken: bool = False
    on_button: bool = True


def _ready() -> int:
    return make_campaign(messages=3)


def _running() -> int:
    campaign_id = _ready()
    run(campaign_id)
    return campaign_id


def _held() -> int:
    campaign_id = _running()
    put_into_phase(campaign_id, Phase.HELD)
    return campaign_id


def _stopping() -> int:
    campaign_id = _running()
    answer(claim(campaign_id, limit=2))
    stop(campaign_id)
    move_all(campaign_id)
    return campaign_id


def _stopped() -> int:
    campaign_id = _running()
    stop(campaign_id)
    move_all(campaign_id)
    return campaign_id


def _failed_with_the_provider() -> int:
    campaign_id = _running()
    answer(claim(campaign_id, limit=2))
    put_into_phase(campaign_id, Phase.FAILED)
    return campaign_id


def _all_opted_out() -> int:
    campaign_id = _ready()
    with transaction():
        execute("UPDATE messages SET status = 'opted_out'")
        execute("UPDATE message_counts SET status = 'opted_out'")
    return campaign_id


def _all_opted_out_since() -> int:
    campaign_id = _ready()
    for recipient in recipients_on(Channel.SMS, 3):
        opt_out(Channel.SMS, recipient, actor=COMMAND_LINE, now=NOW)
    return campaign_id


def _complete() -> int:
    return make_ended()


def _with_failures() -> int:
    return make_ended(word=Word.FAILED)


def behind(make: Callable[[], int], goes_on: Callable[[int], object]) -> Callable[[], int]:
    """The campaign, and then another one that holds its channel and has come so far."""

    def both() -> int:
        campaign_id = make()
        other = make_campaign(messages=4, name=OTHER)
        run(other)
        goes_on(other)
        return campaign_id

    return both


def _half_sent(other: int) -> None:
    answer(claim(other, limit=2))


def _hold(other: int) -> None:
    put_into_phase(other, Phase.HELD)


def _all_handed_over(other: int) -> None:
    answer(claim(other))


HALF = (OTHER, "In Progress", "50 % sent")
REFUSALS = (
    Refusal("a draft cannot be run", Action.RUN, make_draft, ("is a Draft", "Finish the draft first."), Action.EDIT),
    Refusal("what runs cannot be run", Action.RUN, _running, ("is In Progress, 0 % sent.",)),
    Refusal("what is held cannot be run", Action.RUN, _held, ("is Held.", "Resume it to go on"), Action.RESUME),
    Refusal(
        "what is stopping cannot be run",
        Action.RUN,
        _stopping,
        ("stopping: 2 still with the provider", "Resume it to go on"),
        Action.RESUME,
    ),
    Refusal("what ended cannot be run", Action.RUN, _complete, ("is complete.", "Duplicate it"), Action.DUPLICATE),
    Refusal(
        "a run needs somebody to send to",
        Action.RUN,
        _all_opted_out,
        ("nobody to send to", "Duplicate"),
        Action.DUPLICATE,
    ),
    Refusal(
        "a run needs somebody to send to who did not opt out since the import",
        Action.RUN,
        _all_opted_out_since,
        ("nobody to send to", "Duplicate"),
        Action.DUPLICATE,
        on_button=False,
    ),
    Refusal(
        "a run waits for its channel",
        Action.RUN,
        behind(_ready, _half_sent),
        (*HALF, "Start when the channel is free?"),
        Action.START_LATER,
        is_taken=True,
    ),
    Refusal(
        "a run waits for one that is held",
        Action.RUN,
        behind(_ready, _hold),
        (OTHER, "Held until somebody resumes or stops it", "0 % sent"),
        Action.START_LATER,
        is_taken=True,
    ),
    Refusal(
        "a run waits for the last receipts",
        Action.RUN,
        behind(_ready, _all_handed_over),
        (OTHER, "100 % sent", "4 still with the provider"),
        Action.START_LATER,
        is_taken=True,
    ),
    Refusal(
        "a resume needs its channel",
        Action.RESUME,
        behind(_stopped, _half_sent),
        (*HALF, "Wait until it ends, or stop it."),
        is_taken=True,
    ),
    Refusal("what was not run cannot be stopped", Action.STOP, _ready, ("is Ready: nothing of it is sent.",)),
    Refusal("what ended cannot be stopped", Action.STOP, _complete, ("is complete: nothing of it is sent.",)),
    Refusal("what is stopping cannot be stopped", Action.STOP, _stopping, ("stopping: 2 still with the provider.",)),
    Refusal("what was not run cannot be resumed", Action.RESUME, _ready, ("is Ready.", "Run it first."), Action.RUN),
    Refusal("what runs cannot be resumed", Action.RESUME, _running, ("is In Progress, 0 % sent.",)),
    Refusal(
        "a resume needs something cancelled", Action.RESUME, _with_failures, ("no cancelled", "Retry its"), Action.RETRY
    ),
    Refusal(
        "a resume of what is all delivered",
        Action.RESUME,
        _complete,
        ("no cancelled", "Duplicate it"),
        Action.DUPLICATE,
    ),
    Refusal("what was not run cannot be retried", Action.RETRY, _ready, ("is Ready.", "Run it first."), Action.RUN),
    Refusal("a draft cannot be retried", Action.RETRY, make_draft, ("is a Draft.", "Finish"), Action.EDIT),
    Refusal("what is held is resumed first", Action.RETRY, _held, ("is Held.", "Resume it first."), Action.RESUME),
    Refusal(
        "what is stopping is resumed first",
        Action.RETRY,
        _stopping,
        ("stopping: 2 still with the provider.", "Resume it first."),
        Action.RESUME,
    ),
    Refusal("nothing to retry yet", Action.RETRY, _running, ("no Failed or Unconfirmed messages so far.",)),
    Refusal(
        "nothing to retry", Action.RETRY, _complete, ("no Failed or Unconfirmed", "Duplicate it"), Action.DUPLICATE
    ),
    Refusal(
        "nothing to retry, but to resume", Action.RETRY, _stopped, ("no Failed or Unconfirmed", "go on"), Action.RESUME
    ),
    Refusal(
        "what runs cannot be deleted",
        Action.DELETE,
        _running,
        ("is In Progress, 0 % sent.", "Stop it first."),
        Action.STOP,
    ),
    Refusal("what is held cannot be deleted", Action.DELETE, _held, ("is Held.", "Stop it first."), Action.STOP),
    Refusal(
        "what is stopping cannot be deleted",
        Action.DELETE,
        _stopping,
        ("stopping: 2 still with the provider.", "Delete it when it has ended."),
    ),
    Refusal(
        "what the provider has cannot be deleted",
        Action.DELETE,
        _failed_with_the_provider,
        ("2 messages at the provider", "within 5 hours at most", "Delete it then."),
    ),
)
