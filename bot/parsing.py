"""Pure: what somebody typed after `/campaign`, understood as forgivingly as is safe (SPEC 7)."""

import difflib
import re
from dataclasses import dataclass, field

from models.rules.typed import plain

# Slack turns what looks like a link into <scheme:target|label>.
_LINK = re.compile(r"<(?:tel|mailto):([^|>]+)(?:\|[^>]*)?>")
_FILTER = re.compile(r"\b(status|reason|search):(\"[^\"]*\"|\S+)", re.IGNORECASE)
_ID = re.compile(r"(?:#|c)?(\d{1,12})", re.IGNORECASE)


@dataclass(frozen=True)
class Verb:
    """One command: how it is written, and what it does, as help shows them."""

    name: str
    usage: str
    meaning: str


VERBS = (
    Verb("help", "help", "these commands"),
    Verb("list", "list [draft|ready|running|ended]", "campaigns, newest first"),
    Verb("status", "status [name]", "where a campaign stands; without a name, what runs"),
    Verb("run", "run name", "start a Ready campaign"),
    Verb("stop", "stop name", "halt a campaign's sending"),
    Verb("resume", "resume name", "go on with a stopped, held or failed campaign"),
    Verb("retry", "retry [name]", "send Failed messages again"),
    Verb("failures", "failures [name]", "why messages failed"),
    Verb("export", "export [name] [status:… reason:… search:…]", "a CSV file, sent to you"),
    Verb("summary", "summary name", "details and the message as it is sent"),
    Verb("find", "find RECIPIENT", "every message to somebody"),
    Verb("delete", "delete name", "remove a campaign"),
    Verb("create", "create", "a sign-in link to the panel's form"),
    Verb("panel", "panel", "a sign-in link to the panel"),
)
_NAMES = [verb.name for verb in VERBS]
_FILTERED = frozenset({"export"})


@dataclass(frozen=True)
class Command:
    """A verb, what it is about (a campaign's name or number, a recipient), and filters.

    Where there are filters, `whole` is the subject with them in it: a campaign may be called so.
    """

    verb: str
    subject: str = ""
    filters: dict[str, str] = field(default_factory=dict)
    whole: str = ""


class NotUnderstoodError(Exception):
    """No verb is meant; `suggestion` is the nearest one, or ''."""

    def __init__(self, typed: str, suggestion: str) -> None:
        super().__init__(typed)
        self.typed = typed
        self.suggestion = suggestion


def parse(text: str) -> Command:
    """The command in `text`; nothing typed means help. Raises NotUnderstoodError."""
    typed = plain(_unescaped(_LINK.sub(r"\1", text))).strip()
    first, _, rest = typed.partition(" ")
    verb = _verb(first)
    filters = {name.lower(): value.strip('"') for name, value in _FILTER.findall(rest)}
    if not filters or verb not in _FILTERED:
        return Command(verb, _unquoted(rest))
    return Command(verb, _unquoted(_FILTER.sub("", rest)), filters, whole=_unquoted(rest))


def campaign_number(subject: str) -> int | None:
    """The id in `12`, `#12` or `c12`; None if it is none of these."""
    found = _ID.fullmatch(subject.strip())
    return int(found[1]) if found else None


def _unquoted(text: str) -> str:
    return " ".join(text.strip().strip("\"'").split())


def _unescaped(text: str) -> str:
    """What was typed for the three signs that mean something to Slack, whether or not it has escaped them.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _verb(typed: str) -> str:
    word = typed.casefold().strip("/,.:;!\"'")
    if not word:
        return "help"
    if word in _NAMES:
        return word
    starting = [name for name in _NAMES if name.startswith(word)]
    if len(starting) == 1:
        return starting[0]
    near = difflib.get_close_matches(word, _NAMES, n=1, cutoff=0.6)
    raise NotUnderstoodError(typed, near[0] if near else "")
