"""The command line: `python -m admin COMMAND` (SPEC 10).

Exit codes: 0 done (committed; rows follow), 1 a fault was found (`doctor`, `recount`), 2 refused or misused,
with the reason in one line on stderr. Only the result goes to stdout.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from peewee import DatabaseError

from admin import commands
from admin.numbers import whole_number
from admin.patience import OPENING, WRITING, Patience
from jobs.queues import pass_hints
from jobs.runtime import logs, owner
from jobs.runtime.addresses import public_url
from models import database
from models.config import Config, current
from models.errors import CampaignError, ChannelTakenError, NotConfiguredError
from models.installation import open_installation
from models.words import REASON_NAMES, Action, Channel, FailureReason, MessageStatus, Role

REFUSED, INTERRUPTED, READER_GONE = 2, 130, 141  # the last two are what shells give for SIGINT and SIGPIPE
# The next steps that are commands; the others are for the panel.
_COMMANDS = {
    Action.RUN: "run {id} --accept-disclaimer",
    Action.STOP: "stop {id}",
    Action.RESUME: "resume {id}",
    Action.RETRY: "retry {id}",
}
PATIENCE_SECONDS = 30.0  # for a database that is just starting


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command in one line."""

    numbers_first = False  # set where an option takes several words: it would take the id after them for one

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does it; a subcommand's own words come here too."""
        if self.numbers_first and args is not None:
            args = sorted(args, key=lambda word: whole_number(word) is None)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(REFUSED, _one_line(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help") + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; raises SystemExit for a command that is none."""
    parser = _parser()
    words = sys.argv[1:] if arguments is None else arguments
    if unreadable := [word for word in words if not _is_text(word)]:
        parser.error(f"{unreadable[0]!r} is not UTF-8 text")
    options = parser.parse_args(words)
    try:
        code: int = _run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads had enough, as `head` has; what the flush at exit would write goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except CampaignError as refused:
        sys.stderr.write(_one_line(f"{_one_line(str(refused))} {_next(refused)}") + "\n")
        return REFUSED
    except database.DATABASES_OWN as trouble:
        sys.stderr.write(_one_line(f"The database does not answer as it should: {trouble}") + "\n")
        return REFUSED
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
    finally:
        if database.database.obj is not None:
            database.close()
    return code


def _next(refused: CampaignError) -> str:
    """What to type next, or where else it is done, when the refusal names a step or a campaign that is in the way."""
    told, step = [], refused.next_step
    if step in _COMMANDS:
        told.append(f"Type `python -m admin {_COMMANDS[step].format(id=refused.campaign_id)}`.")
    elif step is not None:
        told.append(f"Do that in the panel ({public_url(current())}/campaigns/{refused.campaign_id}).")
    if isinstance(refused, ChannelTakenError):
        told.append(f"How far that one is tells `python -m admin status {refused.blocker_id}`.")
    return " ".join(told)


def _run(options: argparse.Namespace) -> int:
    if not options.opens_itself:
        config = Config.from_env()
        logs.set_up(config, "admin")  # or it would go to stdout
        patience = Patience()
        with patience.waiting(OPENING):
            _open(config, patience)
        database.watch_waits(partial(patience.waiting, WRITING))
        pass_hints(config)
    return options.command(options) or 0


def _open(config: Config, patience: Patience) -> None:
    try:
        owner.prepare(config.var)
        open_installation(config, seconds=PATIENCE_SECONDS, tell=patience.hear)
    except OSError as trouble:
        raise NotConfiguredError(f"{trouble.filename} can't be used: {trouble.strerror}.") from trouble
    except DatabaseError as trouble:
        raise NotConfiguredError(f"The database can't be used: {trouble}. Is DATABASE_URL right?") from trouble


def _is_text(word: str) -> bool:
    """False for what the system could not decode."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def _one_line(sentence: str) -> str:
    """The sentence without line breaks (drivers and file names may bring some), with a full stop."""
    line = " ".join(sentence.split())
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _id(text: str) -> int:
    number = whole_number(text)
    if number is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no campaign's id, which is a number")
    return number


def _parser() -> Parser:
    parser = Parser(prog="python -m admin", description="Signalbox from the command line.")
    parser.set_defaults(opens_itself=False)
    group = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_people(group)
    _add_create_campaign(group)
    _add_actions(group)
    _add_reads(group)
    _add_installation(group)
    return parser


def _add_people(group: "argparse._SubParsersAction[Parser]") -> None:
    command = group.add_parser("create-user", help="let somebody in")
    command.add_argument("email")
    command.add_argument("--role", required=True, choices=[role.value for role in Role])
    command.add_argument("--slack-id", default="", metavar="U…")
    command.add_argument("--password", choices=["-"], help="- reads it from standard input")
    command.set_defaults(command=commands.create_user)
    command = group.add_parser("sign-in-link", help="a link that signs in once, within 15 minutes")
    command.add_argument("email")
    command.set_defaults(command=commands.sign_in_link)


def _add_create_campaign(group: "argparse._SubParsersAction[Parser]") -> None:
    command = group.add_parser("create-campaign", help="a Ready campaign from a CSV and a template")
    command.add_argument("--channel", required=True, choices=[channel.value for channel in Channel])
    command.add_argument("--name", required=True)
    command.add_argument("--description", default="")
    command.add_argument("--owner", metavar="EMAIL", help="default: the first Org Admin")
    command.add_argument("--contacts", required=True, metavar="F.csv")
    command.add_argument("--destination", required=True, metavar="COL", help="the column with the recipients")
    command.add_argument("--field", action="append", metavar="COL=NAME", help="default: all other columns")
    command.add_argument("--consent", action="store_true", help="these contacts agreed to be written to")
    command.add_argument("--template", required=True, metavar="F", help="a file: text for SMS, HTML for email")
    command.add_argument("--subject", default="")
    command.add_argument("--from", dest="from_address", default="", metavar="A")
    command.add_argument("--slack-channel", metavar="C…")
    command.set_defaults(command=commands.create_campaign)


def _add_actions(group: "argparse._SubParsersAction[Parser]") -> None:
    command = group.add_parser("run", help="start a Ready campaign")
    command.add_argument("id", type=_id)
    command.add_argument("--accept-disclaimer", action="store_true")
    command.set_defaults(command=commands.run)
    for name, act in (("stop", commands.stop), ("resume", commands.resume), ("delete", commands.delete)):
        command = group.add_parser(name, help=f"{name} a campaign")
        command.add_argument("id", type=_id)
        command.set_defaults(command=act)
    command = group.add_parser("retry", help="send Failed messages again")
    command.numbers_first = True
    command.add_argument("id", type=_id)
    command.add_argument(
        "--reason",
        action="extend",
        nargs="+",
        choices=[reason.value for reason in FailureReason],
        metavar="R",
        help=f"only these, as many as you like: {', '.join(FailureReason)}; default: all Failed",
    )
    command.add_argument("--unconfirmed", action="store_true", help="Unconfirmed too: they may get it twice")
    command.set_defaults(command=commands.retry)


def _add_reads(group: "argparse._SubParsersAction[Parser]") -> None:
    command = group.add_parser("status", help="where campaigns stand")
    command.add_argument("id", type=_id, nargs="?")
    command.add_argument("--json", action="store_true")
    command.set_defaults(command=commands.status)
    command = group.add_parser("export", help="a CSV of a campaign's messages")
    command.add_argument("id", type=_id)
    command.add_argument("--status", choices=[status.value for status in MessageStatus])
    command.add_argument("--reason", choices=list(REASON_NAMES))
    command.add_argument("--search", default="", help="how the recipient begins; =X: all of it; *X: anywhere in it")
    command.add_argument("-o", "--output", required=True, metavar="F.csv")
    command.set_defaults(command=commands.export)


def _add_installation(group: "argparse._SubParsersAction[Parser]") -> None:
    for name, act, meaning, opens_itself in (
        ("demo", commands.demo, "sample people and campaigns", False),
        ("doctor", commands.doctor, "what is wrong, and how to mend it", True),
        ("recount", commands.recount, "counters against rows; exit code 1 on a difference", False),
        ("migrate", commands.migrate, "bring the schema up to date", True),
    ):
        group.add_parser(name, help=meaning).set_defaults(command=act, opens_itself=opens_itself)
    command = group.add_parser("slack-manifest", help="what to paste into Slack")
    command.add_argument("--socket", action="store_true", help="for Socket Mode, which needs no public address")
    command.set_defaults(command=commands.slack_manifest, opens_itself=True)


if __name__ == "__main__":
    sys.exit(main())
