"""The commands: each takes its options, calls operations as *command line*, and prints its result."""

import getpass
import json
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from admin import sample
from admin.checkup import doctor as checkup
from admin.checkup.findings import Level
from admin.patience import OPENING, Patience
from admin.presenting import times
from jobs import slack_app, starting
from jobs.runtime import addresses
from models import database, schema
from models.actors import COMMAND_LINE, RIGHTS, Right
from models.clock import now_ms
from models.config import Config, current
from models.contacts.checking import check_contacts
from models.contacts.mapping import ColumnMapping, map_columns
from models.contacts.reading import Examined, contact_rows, examine
from models.contacts.report import Report
from models.contacts.text import Source
from models.errors import CampaignError, InvalidInputError, NotFoundError, UnreadableFileError
from models.operations import campaigns, exporting, importing, people, proving, retrying, running
from models.operations.files import store_file
from models.operations.snapshots import write_export
from models.providers import provider_name
from models.queries.campaigns import CampaignSummary, get_campaign, list_campaigns, summary_of
from models.queries.people import find_person, first_org_admin
from models.queries.progress import progress_of
from models.queries.run_check import run_check
from models.rules.account import goes_on_by, who_can_mend, why_refused
from models.rules.counts import stopping_told
from models.rules.criteria import Criteria
from models.words import CAMPAIGN_STATUS_LABELS, ROLE_LABELS, CampaignStatus, Channel, Phase, Role

FAULT = 1
READ = 1 << 20


def create_user(options: Namespace) -> None:
    """Print the new person's id."""
    person_id = people.create_person(
        email=options.email,
        role=Role(options.role),
        slack_id=options.slack_id,
        password=_password() if options.password else None,
        actor=COMMAND_LINE,
        now=now_ms(),
    )
    print(person_id)


def sign_in_link(options: Namespace) -> None:
    """Print a link that signs in once."""
    token = people.make_sign_in_link(options.email, actor=COMMAND_LINE, now=now_ms())
    print(f"{addresses.public_url(current())}/login/{token}")


def create_campaign(options: Namespace) -> None:
    """Make a Ready campaign: the import's report goes to stderr, the id to stdout.

    All that can be refused is looked at before anything is stored.
    """
    if not options.consent:
        raise InvalidInputError("Say with --consent that these contacts agreed to be written to.", field="consent")
    channel = Channel(options.channel)
    template = campaigns.CampaignTemplate(_text(Path(options.template)), options.subject, options.from_address)
    contacts = Path(options.contacts)
    source: Source = lambda: _pieces(contacts)  # noqa: E731  # a source is any callable that reads anew
    examined = examine(source, contacts.name)
    mapping = map_columns(examined.columns, destination=options.destination, fields=_fields(options.field))
    campaigns.check_parts(channel, template, [field.name for field in mapping.fields])
    _require_a_contact(source, examined, channel, mapping)
    campaign_id = campaigns.create_draft(
        name=options.name,
        channel=channel,
        description=options.description,
        owner_id=_owner_id(options.owner),
        slack_channel_id=options.slack_channel,
        actor=COMMAND_LINE,
        now=now_ms(),
    )
    try:
        campaigns.set_template(campaign_id, template, actor=COMMAND_LINE, now=now_ms())
        now = now_ms()
        file_id = store_file(contacts.name, "text/csv", source(), now=now, expires_at=now + campaigns.DRAFT_KEPT)
        report = _import(campaign_id, importing.ContactsFile(file_id, mapping, examined.has_header))
        sys.stderr.write("\n".join(report.sentences()) + "\n")
        campaigns.finish_draft(campaign_id, actor=COMMAND_LINE, now=now_ms())
    except (CampaignError, KeyboardInterrupt):
        campaigns.discard_draft(campaign_id)
        raise
    print(campaign_id)


def run(options: Namespace) -> None:
    """Start a Ready campaign; what a dialog would warn of goes to stderr."""
    warnings = run_check(options.id, now=now_ms()).warnings
    try:
        moved = starting.run_campaign(
            options.id, actor=COMMAND_LINE, disclaimer_accepted=options.accept_disclaimer, now=now_ms()
        )
    except InvalidInputError as refused:
        raise InvalidInputError(f"{refused} Say so with --accept-disclaimer.", field=refused.field) from refused
    _warn(*warnings, moved.warning)


def stop(options: Namespace) -> None:
    """Halt a campaign's sending."""
    running.stop_campaign(options.id, actor=COMMAND_LINE, now=now_ms())


def resume(options: Namespace) -> None:
    """Go on with a stopped, held or failed campaign."""
    _warn(starting.resume_campaign(options.id, actor=COMMAND_LINE, now=now_ms()).warning)


def delete(options: Namespace) -> None:
    """Delete a campaign; naming its id is confirmation enough here."""
    running.delete_campaign(options.id, actor=COMMAND_LINE, typed_name=get_campaign(options.id).name, now=now_ms())


def retry(options: Namespace) -> None:
    """Queue failed messages again."""
    retrying.retry_messages(
        options.id,
        actor=COMMAND_LINE,
        criteria=Criteria(reasons=tuple(options.reason or ())),
        include_unconfirmed=options.unconfirmed,
        now=now_ms(),
    )


def status(options: Namespace) -> None:
    """Print where one campaign, or all of them, stand."""
    if options.id is None:
        found = list_campaigns(COMMAND_LINE)
        print(_json([_status(summary) for summary in found]) if options.json else "\n".join(map(_line, found)))
        return
    summary = summary_of(options.id)
    if summary.campaign.phase == Phase.DELETING:
        raise NotFoundError(f"{summary.campaign.name} was deleted.")
    print(_json(_status(summary)) if options.json else _line(summary))


def export(options: Namespace) -> None:
    """Write the CSV; its receipt goes to stderr. The file is touched only once all of it is there."""
    criteria = Criteria(
        statuses=(options.status,) if options.status else (),
        reasons=(options.reason,) if options.reason else (),
        search=options.search,
    )
    campaign, target = get_campaign(options.id), Path(options.output)
    exporting.require_space(options.id, criteria)
    with TemporaryFile() as spool:
        written = write_export(options.id, criteria, spool, clock=now_ms)
        spool.seek(0)
        try:
            with target.open("wb") as out:
                shutil.copyfileobj(spool, out)
        except OSError as trouble:
            raise InvalidInputError(f"{target} can't be written: {trouble.strerror}.") from trouble
    exporting.record_export(campaign, rows=written.rows, actor=COMMAND_LINE, now=now_ms())
    moment = datetime.fromtimestamp(written.moment_at / 1000, UTC).isoformat(timespec="seconds")
    sys.stderr.write(f"{written.rows} rows as of {moment}, SHA-256 {written.sha256}\n")


def demo(_options: Namespace) -> None:
    """Make sample people and campaigns; print the campaigns' ids."""
    for campaign_id in sample.make_samples(now=now_ms()):
        print(campaign_id)


def recount(_options: Namespace) -> int:
    """Compare counters with rows, campaign by campaign; print the differences."""
    faults = 0
    for campaign_id, found in proving.all_differences():
        for key, (counted, rows) in sorted(found.items()):
            faults += 1
            print(f"campaign {campaign_id}: {' '.join(filter(None, key))} counted {counted}, rows {rows}")
    return FAULT if faults else 0


def migrate(_options: Namespace) -> None:
    """Bring the schema up to date; print what was applied."""
    database.connect(Config.from_env())
    with Patience().waiting(OPENING):
        applied = schema.migrate()
    for name in applied:
        print(name)


def doctor(_options: Namespace) -> int:
    """Print each check with the step that mends it; exit code 1 if one found a fault."""
    findings = checkup.findings()
    for finding in findings:
        print(f"{finding.level:7}  {finding.sentence}")
    return FAULT if any(finding.level is Level.FAULT for finding in findings) else 0


def slack_manifest(options: Namespace) -> None:
    """Print the Slack app's manifest, with this installation's address where Slack needs one."""
    public_url = Config.from_env().public_url
    if public_url is None and not options.socket:
        raise InvalidInputError("Set PUBLIC_URL to the address at which Slack reaches web, or say --socket.")
    print(_json(slack_app.manifest(by_socket=options.socket, public_url=public_url or slack_app.PLACEHOLDER)))


def _warn(*sentences: str) -> None:
    """Say those that are any on stderr: stdout is the result's alone."""
    sys.stderr.writelines(f"{sentence}\n" for sentence in sentences if sentence)


def _password() -> str:
    """The first line of standard input, or what is typed at a terminal, unseen."""
    try:
        password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError as trouble:
        raise InvalidInputError("The password on standard input is not UTF-8 text.", field="password") from trouble
    if not password:
        raise InvalidInputError("There is no password on standard input.", field="password")
    return password


def _owner_id(email: str | None) -> int | None:
    """The owner's id: who is named, if that person may own a campaign, else the first Org Admin."""
    owner = find_person(email) if email else first_org_admin()
    if owner is not None and Right.CHANGE_CAMPAIGNS not in RIGHTS[Role(owner.role)]:
        raise InvalidInputError(
            f"{owner.name} is a {ROLE_LABELS[Role(owner.role)]}; an owner is a Campaigner or above.", field="owner"
        )
    return owner.id if owner else None


def _require_a_contact(source: Source, examined: Examined, channel: Channel, mapping: ColumnMapping) -> None:
    """Refuse a file without a single row that can be imported; reads as far as the first one."""
    report = Report()
    rows = contact_rows(source, examined)
    lists = check_contacts(rows, channel=channel, mapping=mapping, opted_out=lambda _keys: set(), report=report)
    if not any(lists):
        raise UnreadableFileError(" ".join(report.sentences()))


def _import(campaign_id: int, contacts: importing.ContactsFile) -> Report:
    import_id = importing.start_import(
        campaign_id, contacts, consent=True, actor=COMMAND_LINE, now=now_ms(), by_job=False
    )
    return importing.do_import(import_id, clock=now_ms)


def _status(summary: CampaignSummary) -> dict[str, Any]:
    return {
        "id": summary.campaign.id,
        "name": summary.campaign.name,
        "channel": summary.campaign.channel,
        "status": summary.status.value,
        "counts": summary.counts.for_every_status(),
        "total": summary.counts.total,
    }


def _line(summary: CampaignSummary) -> str:
    counts = ", ".join(
        f"{n} {status.replace('_', ' ')}" for status, n in summary.counts.for_every_status().items() if n
    )
    campaign = summary.campaign
    status = f"{CAMPAIGN_STATUS_LABELS[summary.status]}{stopping_told(Phase(campaign.phase), summary.counts)}"
    told = (str(campaign.id), campaign.name, campaign.channel, status, counts, _waiting(summary), _why_failed(summary))
    return "  ".join(filter(None, told))


def _waiting(summary: CampaignSummary) -> str:
    """Until when the last receipts are waited for, by the clock of UTC."""
    if summary.status is not CampaignStatus.IN_PROGRESS:
        return ""
    return progress_of(summary, now=now_ms()).waiting_told(lambda moment: f"{times.clock_exact(moment)} UTC")


def _why_failed(summary: CampaignSummary) -> str:
    """Why sending could not go on, and who can mend it."""
    if summary.status is not CampaignStatus.FAILED:
        return ""
    campaign = summary.campaign
    code, text = campaign.failed_code or "", campaign.failed_text or ""
    provider = provider_name(current().providers.get(Channel(campaign.channel), ""))
    why = why_refused(": ".join(filter(None, (code, text))))
    mend, then = who_can_mend(code, provider), goes_on_by(summary.counts).capitalize()
    return f"Sending could not go on: {why}. Who can mend it: {mend}. Then {then}."


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _fields(given: list[str] | None) -> dict[str, str] | None:
    if given is None:
        return None
    named: dict[str, str] = {}
    for pair in given:
        column, equals, name = pair.rpartition("=")
        if not equals:
            raise InvalidInputError(f"--field {pair} must be COLUMN=NAME.", field="field")
        if column in named:
            raise InvalidInputError(f"--field names the column {column} twice.", field="field")
        named[column] = name
    return named


def _text(path: Path) -> str:
    """A template's text, without the line end that editors put after the last line."""
    no_text = InvalidInputError(f"{path} is not UTF-8 text.", field="template")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as trouble:
        raise InvalidInputError(f"{path} can't be read: {trouble.strerror}.", field="template") from trouble
    except UnicodeDecodeError as trouble:
        raise no_text from trouble
    if "\0" in text:
        raise no_text
    return text.removesuffix("\n")


def _pieces(path: Path) -> Iterator[bytes]:
    if path.exists() and not path.is_file():
        raise UnreadableFileError(f"{path} is not a file.")  # a pipe can't be read twice
    try:
        with path.open("rb") as file:
            while piece := file.read(READ):
                yield piece
    except OSError as trouble:
        raise UnreadableFileError(f"{path} can't be read: {trouble.strerror}.") from trouble
