"""Reads of background work: a draft's import, a campaign's bulk move and tests, a person's exports."""

from collections.abc import Collection

from peewee import Case

from models.actors import Actor, Right
from models.database import for_update, select
from models.errors import NotFoundError
from models.rules.criteria import Criteria
from models.tables import BulkMove, Export, File, Import, SentTest
from models.tables.campaigns import FLOW_BUCKET
from models.words import OPEN_WORK, OVER, Phase, WorkState

EXPORTS_LISTED = 100


def latest_import(campaign_id: int) -> Import | None:
    """The import that was asked for last, None before the first."""
    found: Import | None = Import.select().where(Import.campaign_id == campaign_id).order_by(Import.id.desc()).first()
    return found


def current_move(campaign_id: int) -> BulkMove | None:
    """The bulk move at work on a campaign, the first of several, else the last there was; None before the first."""
    at_work = BulkMove.state.in_([state.value for state in OPEN_WORK])
    found: BulkMove | None = (
        BulkMove.select()
        .where(BulkMove.campaign_id == campaign_id)
        .order_by(at_work.desc(), Case(None, [(at_work, BulkMove.id)], BulkMove.id * -1))
        .first()
    )
    return found


def exports_seen_by(actor: Actor) -> list[Export]:
    """The latest exports: one's own, and everybody's for who may see operations."""
    query = Export.select().order_by(Export.id.desc()).limit(EXPORTS_LISTED)
    if not actor.may(Right.SEE_OPERATIONS):
        query = query.where(Export.actor_id == actor.person_id)
    return list(query)


def kept_exports_of(actor: Actor, *, now: int) -> list[Export]:
    """One's own finished exports whose file is still kept, newest first."""
    kept = (Export.state == WorkState.DONE.value) & (Export.expires_at > now) & Export.file_id.is_null(False)
    query = Export.select().where(Export.actor_id == actor.person_id, kept).order_by(Export.id.desc())
    return list(query.limit(EXPORTS_LISTED))


def open_export_of(actor: Actor, campaign_id: int, criteria: Criteria, since_id: int | None) -> Export | None:
    """The actor's export of just this, if it is being made; it does not end before the open transaction does."""
    query = Export.select().where(
        Export.campaign_id == campaign_id,
        Export.actor_id == actor.person_id,
        Export.state.in_([state.value for state in OPEN_WORK]),
    )
    query = query.for_update() if for_update() else query
    wanted = criteria.to_json(), since_id
    return next(
        (export for export in query if (Criteria.from_json(export.criteria).to_json(), export.since_id) == wanted), None
    )


def unchanged_export_of(actor: Actor, campaign_id: int, criteria: Criteria, *, now: int) -> Export | None:
    """The actor's finished export of just this, if its file is kept and nothing has happened to a message since."""
    for export in kept_exports_of(actor, now=now):
        same = export.campaign_id == campaign_id and Criteria.from_json(export.criteria) == criteria
        if same and not export.since_id and not _moved_since(campaign_id, export.moment_at):
            return export
    return None


def last_whole_export_of(actor: Actor, campaign_id: int, *, now: int) -> Export | None:
    """The actor's latest export of all messages of a campaign whose file is still kept."""
    exports = kept_exports_of(actor, now=now)
    whole = (one for one in exports if one.campaign_id == campaign_id and not one.criteria and not one.since_id)
    return next(whole, None)


def moments_of(export_ids: Collection[int]) -> dict[int, int]:
    """Of which moment (epoch ms) these exports are, by id."""
    made = Export.select().where(Export.id.in_(export_ids), Export.moment_at.is_null(False))
    return {int(export.id): export.moment_at for export in made} if export_ids else {}


def _moved_since(campaign_id: int, moment: int) -> bool:
    """Whether a message may have changed since: the campaign is at work, was acted on, or verdicts came."""
    found = select(
        "SELECT phase, updated_at, COALESCE(receipt_at, 0), "
        "(SELECT MAX(bucket_at) FROM message_flow f WHERE f.campaign_id = c.id) FROM campaigns c WHERE id = ?",
        campaign_id,
    )
    phase, updated_at, receipt_at, bucket_at = found[0] if found else (None, 0, 0, None)
    at_rest = phase == Phase.READY or phase in OVER
    judged_at = -1 if bucket_at is None else bucket_at + FLOW_BUCKET
    return not at_rest or max(updated_at, receipt_at, judged_at) >= moment


def export_seen_by(actor: Actor, export_id: int) -> Export:
    """One of them; raises NotFoundError for any other."""
    found: Export | None = Export.get_or_none(Export.id == export_id)
    own = found is not None and found.actor_id == actor.person_id
    if found is None or not (own or actor.may(Right.SEE_OPERATIONS)):
        raise NotFoundError(f"There is no export {export_id} of yours.")
    return found


def file_of(export: Export, *, now: int) -> File:
    """The file of a finished export; raises NotFoundError when it is not there, or no longer."""
    kept = export.state == WorkState.DONE and export.expires_at is not None and export.expires_at > now
    found: File | None = File.get_or_none(File.id == export.file_id) if kept else None
    if found is None:
        raise NotFoundError("This export has no file, or no longer: files are kept for 7 days. Export again.")
    return found


def sent_test_of(campaign_id: int, test_id: int) -> SentTest:
    """A campaign's test; raises NotFoundError for any other, or one that is no longer kept."""
    found: SentTest | None = SentTest.get_or_none(SentTest.id == test_id, SentTest.campaign_id == campaign_id)
    if found is None:
        raise NotFoundError("There is no such test, or no longer: results are kept for a day.", campaign_id=campaign_id)
    return found
