"""The commands: each takes its options, calls operations as *command line*, and prints its result."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from admin import doctor as checkup
from admin import sample
from jobs.runtime import run_file
from models import schema
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.contacts.mapping import map_columns
from models.contacts.reading import examine
from models.contacts.text import Source
from models.database import select, snapshot
from models.errors import CampaignError, InvalidInputError, UnreadableFileError
from models.installation import config
from models.operations import campaigns, exporting, importing, people, retrying, running
from models.operations.counters import recount as differences
from models.operations.files import store_file
from models.queries.campaigns import CampaignSummary, get_campaign, list_campaigns, summary_of
from models.rules.criteria import Criteria
from models.words import CAMPAIGN_STATUS_LABELS, Channel, Role

FAULT = 1
READ = 1 << 20


def create_user(options: Namespace) -> None:
    """Print the new person's id."""
    password = sys.stdin.readline().rstrip("\n") if options.password else None
    person_id = people.create_person(
        email=options.email,
        role=Role(options.role),
        slack_id=options.slack_id,
        password=password,
        actor=COMMAND_LINE,
        now=now_ms(),
    )
    print(person_id)


def sign_in_link(options: Namespace) -> None:
    """Print a link that signs in once."""
    token = people.make_sign_in_link(options.email, actor=COMMAND_LINE, now=now_ms())
    here = config()
    web = run_file.read(here.var).get("web", {})
    base = here.public_url or web.get("url") or f"http://127.0.0.1:{here.port}"
    print(f"{str(base).rstrip('/')}/login/{token}")


def create_campaign(options: Namespace) -> None:
    """Make a Ready campaign: the import's report goes to stderr, the id to stdout."""
    template = _text(options.template)
    contacts = Path(options.contacts)
    if not contacts.is_file():
        raise UnreadableFileError(f"There is no file {contacts}.")
    source: Source = lambda: _pieces(contacts)  # noqa: E731  # a source is any callable that reads anew
    examined = examine(source, contacts.name)
    mapping = map_columns(examined.columns, destination=options.destination, fields=_fields(options.field))
    channel = Channel(options.channel)
    message = campaigns.Message(template, options.subject, options.from_address)
    campaigns.check_parts(channel, message, [field.name for field in mapping.fields])
    owner = people.find_person(options.owner) if options.owner else people.first_org_admin()
    campaign_id = campaigns.create_draft(
        name=options.name,
        channel=channel,
        description=options.description,
        owner_id=owner.id if owner else None,
        slack_channel_id=options.slack_channel,
        actor=COMMAND_LINE,
        now=now_ms(),
    )
    try:
        campaigns.set_message(campaign_id, message, actor=COMMAND_LINE, now=now_ms())
        file_id = store_file(contacts.name, "text/csv", source(), now=now_ms())
        import_id = importing.start_import(
            campaign_id,
            importing.ContactsFile(file_id, mapping, examined.has_header),
            consent=options.consent,
            actor=COMMAND_LINE,
            now=now_ms(),
            by_job=False,
        )
        report = importing.do_import(import_id, clock=now_ms)
        sys.stderr.write("\n".join(report.sentences()) + "\n")
        campaigns.finish_draft(campaign_id, actor=COMMAND_LINE, now=now_ms())
    except CampaignError:
        campaigns.discard_draft(campaign_id)
        raise
    print(campaign_id)


def run(options: Namespace) -> None:
    """Start a Ready campaign."""
    running.run_campaign(options.id, actor=COMMAND_LINE, disclaimer_accepted=options.accept_disclaimer, now=now_ms())


def stop(options: Namespace) -> None:
    """Halt a campaign's sending."""
    running.stop_campaign(options.id, actor=COMMAND_LINE, now=now_ms())


def resume(options: Namespace) -> None:
    """Go on with a stopped, held or failed campaign."""
    running.resume_campaign(options.id, actor=COMMAND_LINE, now=now_ms())


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
    print(_json(_status(summary)) if options.json else _line(summary))


def export(options: Namespace) -> None:
    """Write the CSV; its receipt goes to stderr."""
    criteria = Criteria(
        statuses=(options.status,) if options.status else (),
        reasons=(options.reason,) if options.reason else (),
        search=options.search,
    )
    campaign = get_campaign(options.id)
    target = Path(options.output)
    try:
        with target.open("wb") as out:
            written = exporting.write_export(options.id, criteria, out, clock=now_ms)
    except OSError as trouble:
        raise InvalidInputError(f"{target} can't be written: {trouble.strerror}.") from trouble
    exporting.record_export(campaign, rows=written.rows, actor=COMMAND_LINE, now=now_ms())
    sys.stderr.write(f"{written.rows} rows, SHA-256 {written.sha256}\n")


def demo(_options: Namespace) -> None:
    """Make sample people and campaigns; print the campaigns' ids."""
    for campaign_id in sample.make_samples(now=now_ms()):
        print(campaign_id)


def recount(_options: Namespace) -> int:
    """Compare counters with rows, campaign by campaign; print the differences."""
    faults = 0
    for (campaign_id,) in select("SELECT id FROM campaigns WHERE phase <> 'deleting' ORDER BY id"):
        with snapshot():
            found = differences(campaign_id)
        for key, (counted, rows) in sorted(found.items()):
            faults += 1
            print(f"campaign {campaign_id}: {' '.join(filter(None, key))} counted {counted}, rows {rows}")
    return FAULT if faults else 0


def migrate(_options: Namespace) -> None:
    """Print what was applied; the entry has migrated already, so usually nothing."""
    schema.migrate()
    schema.check()


def doctor(_options: Namespace) -> int:
    """Print each check; exit code 1 if one found a fault."""
    findings = checkup.findings()
    for finding in findings:
        print(f"{'ok   ' if finding.ok else 'FAULT'}  {finding.subject}: {finding.sentence}")
    return 0 if all(finding.ok for finding in findings) else FAULT


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
    return f"{campaign.id}  {campaign.name}  {campaign.channel}  {CAMPAIGN_STATUS_LABELS[summary.status]}  {counts}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _fields(given: list[str] | None) -> dict[str, str] | None:
    if given is None:
        return None
    named = {}
    for pair in given:
        column, equals, name = pair.rpartition("=")
        if not equals:
            raise InvalidInputError(f"--field {pair} must be COLUMN=NAME.", field="field")
        named[column] = name
    return named


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as trouble:
        raise InvalidInputError(f"{path} can't be read: {trouble.strerror}.", field="template") from trouble
    except UnicodeDecodeError as trouble:
        raise InvalidInputError(f"{path} is not UTF-8 text.", field="template") from trouble


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(READ):
            yield piece
