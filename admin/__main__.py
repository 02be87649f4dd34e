"""The command line: `python -m admin COMMAND` (SPEC 10).

Exit codes: 0 done (committed; rows follow), 1 a fault was found (`doctor`, `recount`), 2 refused or misused,
with the reason on stderr. Only the result goes to stdout.
"""

import argparse
import sys
from collections.abc import Sequence

from admin import commands
from jobs.queues import pass_hints
from models import database
from models.config import Config
from models.errors import CampaignError
from models.installation import open_installation
from models.words import Channel, FailureReason, MessageStatus, Role

REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        config = Config.from_env()
        if not getattr(options, "opens_itself", False):
            open_installation(config)
            pass_hints(config)
        code: int = options.command(options) or 0
    except CampaignError as refused:
        sys.stderr.write(f"{refused}\n")
        return REFUSED
    finally:
        if database.database.obj is not None:
            database.close()
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m admin", description="Signalbox from the command line.")
    group = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_people(group)
    _add_create_campaign(group)
    _add_actions(group)
    _add_reads(group)
    _add_installation(group)
    return parser


def _add_people(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = group.add_parser("create-user", help="let somebody in")
    command.add_argument("email")
    command.add_argument("--role", required=True, choices=[role.value for role in Role])
    command.add_argument("--slack-id")
    command.add_argument("--password", choices=["-"], help="- reads it from standard input")
    command.set_defaults(command=commands.create_user)
    command = group.add_parser("sign-in-link", help="a link that signs in once, within 15 minutes")
    command.add_argument("email")
    command.set_defaults(command=commands.sign_in_link)


def _add_create_campaign(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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


def _add_actions(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = group.add_parser("run", help="start a Ready campaign")
    command.add_argument("id", type=int)
    command.add_argument("--accept-disclaimer", action="store_true")
    command.set_defaults(command=commands.run)
    for name, act in (("stop", commands.stop), ("resume", commands.resume), ("delete", commands.delete)):
        command = group.add_parser(name, help=f"{name} a campaign")
        command.add_argument("id", type=int)
        command.set_defaults(command=act)
    command = group.add_parser("retry", help="send Failed messages again")
    command.add_argument("id", type=int)
    command.add_argument("--reason", action="append", choices=[reason.value for reason in FailureReason])
    command.add_argument("--unconfirmed", action="store_true", help="Unconfirmed too: they may get it twice")
    command.set_defaults(command=commands.retry)


def _add_reads(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = group.add_parser("status", help="where campaigns stand")
    command.add_argument("id", type=int, nargs="?")
    command.add_argument("--json", action="store_true")
    command.set_defaults(command=commands.status)
    command = group.add_parser("export", help="a CSV of a campaign's messages")
    command.add_argument("id", type=int)
    command.add_argument("--status", choices=[status.value for status in MessageStatus])
    command.add_argument("--reason", choices=[reason.value for reason in FailureReason])
    command.add_argument("--search", default="")
    command.add_argument("-o", "--output", required=True, metavar="F.csv")
    command.set_defaults(command=commands.export)


def _add_installation(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for name, act, meaning in (
        ("demo", commands.demo, "sample people and campaigns"),
        ("recount", commands.recount, "counters against rows; exit code 1 on a difference"),
        ("migrate", commands.migrate, "bring the schema up to date"),
    ):
        group.add_parser(name, help=meaning).set_defaults(command=act)
    doctor = group.add_parser("doctor", help="what is wrong, and how to mend it")
    doctor.set_defaults(command=commands.doctor, opens_itself=True)


if __name__ == "__main__":
    sys.exit(main())
