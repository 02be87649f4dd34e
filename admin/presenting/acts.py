"""The audit in words: each act, what it was done to, and its numbers."""

from collections.abc import Mapping
from typing import Any

from admin.presenting.times import exact
from models.words import CAMPAIGN_STATUS_LABELS, OPT_IN_REASON_LABELS, ROLE_LABELS

ACTS = {
    "run": "Run",
    "stop": "Stop",
    "resume": "Resume",
    "retry": "Retry",
    "delete": "Delete",
    "hold": "Held by the guard",
    "fail": "Failed",
    "end": "Ended",
    "create_draft": "Draft begun",
    "set_basics": "Draft's basics changed",
    "create": "Campaign created",
    "set_message": "Template changed",
    "attach_file": "File attached",
    "detach_file": "Attachment removed",
    "import": "Contacts imported",
    "duplicate": "Duplicated",
    "hand_on": "Handed on",
    "send_test": "Test sent",
    "schedule_start": "Later start planned",
    "cancel_start": "Later start cancelled",
    "late_start": "Later start missed",
    "nothing_accepted": "Provider accepts nothing",
    "no_receipts": "No receipts",
    "look_up": "Provider asked",
    "looked_up": "Provider answered",
    "move_card": "Card moved in Slack",
    "export": "Export",
    "cancel_export": "Export cancelled",
    "opt_out": "Opted out by hand",
    "opt_in": "Opt-out removed",
    "forget": "Person forgotten",
    "create_person": "Person added",
    "change_role": "Role changed",
    "remove_person": "Person removed",
    "link_slack": "Slack linked",
    "unlink_slack": "Slack unlinked",
    "change_account": "Account changed",
    "change_password": "Password changed",
    "mute_finished": "Muted “finished”",
    "unmute_finished": "Unmuted “finished”",
    "sign_in": "Signed in",
    "sign_in_link": "Sign-in link made",
    "change_setting": "Setting changed",
    "mend_counts": "Counts mended",
    "prove_counts": "Proof of counts asked for",
}
KINDS = {
    "campaign": "Campaign",
    "person": "Person",
    "opt_out": "Opt-out",
    "recipient": "Recipient",
    "setting": "Setting",
    "counters": "Counters",
}
_SHORT = 60  # characters of a value
_WORDS = {
    str(word): label
    for labels in (CAMPAIGN_STATUS_LABELS, ROLE_LABELS, OPT_IN_REASON_LABELS)
    for word, label in labels.items()
}


def act_name(act: str) -> str:
    """An act in a word or two."""
    return ACTS.get(act) or act.replace("_", " ").capitalize()


def kind_name(kind: str) -> str:
    """What an act was done to."""
    return KINDS.get(kind) or kind.replace("_", " ").capitalize()


def numbers_told(numbers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The numbers of an act as pairs of words."""
    return [(name.replace("_", " "), _told_as(name, value)) for name, value in numbers.items()]


def _told_as(name: str, value: Any) -> str:
    if name == "by":  # an act that brought this one with it
        return act_name(str(value))
    return exact(value) if name.endswith("_at") and value else _told(value)


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_told(inner)}" for name, inner in value.items()) or "none"
    text = "none" if value is None else _WORDS.get(str(value), str(value))
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"
