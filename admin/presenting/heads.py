"""The buttons of a campaign: the act of its state first, the rest in a menu, refused ones with their reason."""

from collections.abc import Mapping
from dataclasses import dataclass

from admin.presenting.words import ACTION_WORDS
from models.rules.actions import Answer
from models.words import Action, CampaignStatus, Phase

SHOWN_ON_PHONES = 3
_NO_DIALOG = frozenset({Action.EXPORT, Action.VIEW_SUMMARY, Action.EDIT})
_LONG = frozenset({Action.VIEW_SUMMARY})  # words that leave no room beside them on a phone
_MAY_WAIT = frozenset({Action.RUN, Action.RETRY})
_DANGER = frozenset({Action.STOP, Action.DELETE})
_NEVER_INK = frozenset({Action.STOP, Action.EXPORT, Action.VIEW_SUMMARY})
_FIRST = {
    CampaignStatus.READY: (Action.RUN, Action.EDIT, Action.EXPORT, Action.VIEW_SUMMARY, Action.DELETE),
    CampaignStatus.IN_PROGRESS: (
        Action.STOP,
        Action.RETRY,
        Action.EXPORT,
        Action.VIEW_SUMMARY,
        Action.RUN,
        Action.DELETE,
    ),
    CampaignStatus.HELD: (Action.RESUME, Action.STOP, Action.EXPORT, Action.VIEW_SUMMARY, Action.RETRY),
    CampaignStatus.STOPPED: (Action.RESUME, Action.RETRY, Action.EXPORT, Action.VIEW_SUMMARY, Action.DELETE),
    CampaignStatus.FAILED: (Action.RESUME, Action.RETRY, Action.EXPORT, Action.VIEW_SUMMARY, Action.DELETE),
    CampaignStatus.ACTIVE_RETRIES: (Action.RETRY, Action.EXPORT, Action.VIEW_SUMMARY, Action.DELETE),
    CampaignStatus.COMPLETE_WITH_ERRORS: (Action.RETRY, Action.EXPORT, Action.VIEW_SUMMARY, Action.DELETE),
    CampaignStatus.COMPLETE: (Action.EXPORT, Action.VIEW_SUMMARY, Action.RETRY, Action.DELETE),
    CampaignStatus.DRAFT: (Action.EDIT, Action.DELETE),
}


@dataclass(frozen=True)
class Button:
    """One action as it is drawn; an ellipsis in its word means that a dialog follows."""

    action: Action
    word: str
    icon: str
    reason: str
    ink: bool = False
    danger: bool = False
    wide: bool = False

    @property
    def allowed(self) -> bool:
        """Whether a click acts."""
        return not self.reason


@dataclass(frozen=True)
class Head:
    """The buttons in the head, all that the menu beside them has, and those that the banner below has instead."""

    buttons: tuple[Button, ...]
    menu: tuple[Button, ...]
    banner: tuple[Button, ...] = ()


def head(status: CampaignStatus, phase: Phase, answers: Mapping[Action, Answer], goes_on_by: Action) -> Head:
    """Arrange what is allowed and what is not, each once; a Failed campaign that is mended goes on by `goes_on_by`."""
    decisions = tuple(action for action in _decisions(status, goes_on_by) if answers[action].allowed)
    order = _FIRST[CampaignStatus.HELD if phase is Phase.STOPPING else status]  # both can go on or end
    order = tuple(action for action in order if action not in decisions)
    if _waits(order, answers):
        order = (Action.START_LATER, *order)
    buttons = tuple(
        _button(
            action,
            answers[action],
            ink=place == 0 and not decisions,
            wide=place >= SHOWN_ON_PHONES or action in _LONG,
        )
        for place, action in enumerate(order)
    )
    rest = tuple(
        _button(action, answers[action])
        for action in ACTION_WORDS
        # To start later is a part of Run and Retry, unless these must wait.
        if action not in (*order, *decisions, Action.START_LATER)
    )
    banner = tuple(_button(action, answers[action], ink=place == 0) for place, action in enumerate(decisions))
    return Head(buttons, rest, banner)


def standing(word: str, answers: Mapping[Action, Answer]) -> str:
    """What the head shows, in short: another one means that the head has to be drawn anew."""
    allowed = [str(place) for place, action in enumerate(ACTION_WORDS) if answers[action].allowed]
    return f"{word} {''.join(allowed)}"


def _decisions(status: CampaignStatus, goes_on_by: Action) -> tuple[Action, ...]:
    """What the banner asks somebody to choose from."""
    if status is CampaignStatus.HELD:
        return (Action.RESUME, Action.STOP)
    return (goes_on_by, Action.EDIT) if status is CampaignStatus.FAILED else ()


def _waits(order: tuple[Action, ...], answers: Mapping[Action, Answer]) -> bool:
    """Whether another campaign is in the way of what this one could start: it may start when that has ended."""
    blocked = any(answers[action].blocker_id is not None for action in order if action in _MAY_WAIT)
    return blocked and answers[Action.START_LATER].allowed


def _button(action: Action, answer: Answer, *, ink: bool = False, wide: bool = False) -> Button:
    word, icon = ACTION_WORDS[action]
    return Button(
        action,
        f"{word}…" if action not in _NO_DIALOG and answer.allowed else word,
        icon,
        answer.reason,
        ink=ink and answer.allowed and action not in _NEVER_INK,
        danger=action in _DANGER,
        wide=wide,
    )
