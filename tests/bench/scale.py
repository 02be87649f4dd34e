"""Ten million messages in 200 campaigns: what each thing costs among them, against the same in an empty ledger."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from bot import looks
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.contacts.mapping import map_columns
from models.database import checkpoint
from models.operations import campaigns, importing
from models.operations.exporting import start_export
from models.operations.files import store_file
from models.operations.proving import prove_counts
from models.operations.retrying import retry_messages
from models.operations.running import delete_campaign
from models.queries.campaigns import get_campaign
from models.queries.run_check import run_check
from models.rules.criteria import Criteria
from models.tables import Import
from models.words import Channel, MessageStatus
from tests import engines
from tests.bench.campaign import ENGINES, installation
from tests.bench.measured import measured
from tests.bench.panel import panel_of
from tests.bench.tables import Table
from tests.factories import make_draft
from tests.integration.panel import Visitor
from tests.large import LOOKS, address_of, analyse, make_large
from tests.processes import House
from tests.sample_contacts import HEADERS, sample_file

MESSAGES, IMPORTED = 300_000, 100_000
OTHERS = 198 * (49_000,)
ROUNDS = 10
FIND = "/find?q=%2B14150007919"
FAILED = Criteria(statuses=(MessageStatus.FAILED,))
Work = tuple[str, float]


def measure(*, quick: bool) -> Table:
    """Seconds of each piece of work in both ledgers."""
    scale = 100 if quick else 1
    among = sum(OTHERS) // scale + MESSAGES // scale
    table = Table(
        f"A campaign of {MESSAGES // scale:,} among {among:,} messages in {len(OTHERS) + 2} campaigns",
        ("engine", "work", "in an empty ledger", f"among {among:,}", "ratio"),
    )
    for engine in ENGINES:
        alone, beside = (list(_works(engine, others, scale)) for others in ((), OTHERS))
        for (name, least), (_, most) in zip(alone, beside, strict=True):
            table.add(engine, name, _shown(least), _shown(most), f"{most / least:.1f}")
    table.notes.append(
        f"What people look at is the fastest of {ROUNDS}; bulk work is done once, by a process of its own."
    )
    return table


def _works(engine: str, others: tuple[int, ...], scale: int) -> Iterator[Work]:
    with installation(engine, {"LOG_LEVEL": "WARNING", "SMS_PROVIDER": "simulated"}) as (house, variables):
        for messages in others:
            make_large(messages // scale)
        campaign_id = make_large(MESSAGES // scale)
        checkpoint()
        analyse()
        engines.let_go()
        yield from _looks(panel_of(), campaign_id)
        yield from _bulk_work(house, variables, campaign_id, IMPORTED // scale)


def _looks(panel: Visitor, campaign_id: int) -> Iterator[Work]:
    for look in islice(LOOKS, 3):
        yield f"messages: {look.name}", _fastest(partial(_get, panel, address_of(look, campaign_id)))
    yield "list of campaigns", _fastest(partial(_get, panel, "/campaigns/"))
    yield "find a person", _fastest(partial(_get, panel, FIND))
    yield "card in Slack", _fastest(partial(looks.card_of, campaign_id))


def _bulk_work(house: House, variables: dict[str, str], campaign_id: int, imported: int) -> Iterator[Work]:
    export_id = start_export(campaign_id, criteria=Criteria(), actor=COMMAND_LINE, now=now_ms())
    yield "export", measured(house, "export", export_id, variables).seconds
    yield "proof of its counts", _seconds(partial(prove_counts, campaign_id, now=now_ms()))
    retry_messages(campaign_id, criteria=FAILED, actor=COMMAND_LINE, now=now_ms())
    yield "retry of its failed ones", measured(house, "moves", campaign_id, variables).seconds
    import_id = _import(imported)
    yield f"import of {imported:,}", measured(house, "import", import_id, variables).seconds
    imported_to = Import.get_by_id(import_id).campaign_id
    campaigns.finish_draft(imported_to, actor=COMMAND_LINE, now=now_ms())
    yield "what to know before its run", _fastest(lambda: run_check(imported_to, now=now_ms()))
    delete_campaign(imported_to, actor=COMMAND_LINE, typed_name=get_campaign(imported_to).name, now=now_ms())
    yield f"delete of {imported:,}", measured(house, "moves", imported_to, variables).seconds


def _import(rows: int) -> int:
    contents = sample_file(Channel.SMS, rows)
    file_id = store_file("contacts.csv", "text/csv", [contents], now=now_ms())
    headers = HEADERS[Channel.SMS]
    contacts = importing.ContactsFile(file_id, map_columns(headers, destination=headers[0], fields=None))
    draft_id = make_draft()
    return importing.start_import(draft_id, contacts, consent=True, actor=COMMAND_LINE, now=now_ms())


def _get(panel: Visitor, address: str) -> None:
    assert panel.get(address).status_code == 200, address


def _fastest(work: Callable[[], object]) -> float:
    return min(_seconds(work) for _ in range(ROUNDS))


def _seconds(work: Callable[[], object]) -> float:
    since = time.perf_counter()
    work()
    return time.perf_counter() - since


def _shown(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
