"""Export: 300,000 rows with custom fields, against what the databases' own tools take to write them as CSV."""

import subprocess
import time

from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.operations.exporting import start_export
from models.rules.criteria import Criteria
from models.tables import Export
from models.words import WorkState
from tests import engines
from tests.bench.campaign import ENGINES, installation
from tests.bench.measured import measured
from tests.bench.tables import Table
from tests.large import make_large
from tests.processes import House

ROWS = 300_000
COLUMNS = (
    "recipient, status, failure_reason, provider_code, provider_text, attempt, queued_at, sent_at, updated_at, "
    + ", ".join(f"{{value}}({{values}}, {{first}}{n}{{last}})" for n in range(5))
)
QUERY = "SELECT {columns} FROM messages WHERE campaign_id = {campaign_id}"
GOALS = {engines.SQLITE: "0.4, 60 MB", engines.POSTGRESQL: "0.5, 60 MB"}


def measure(*, quick: bool) -> Table:
    """The table of DESIGN 6 for exports."""
    rows = ROWS // (10 if quick else 1)
    table = Table(
        f"Export of {rows:,} messages with five custom fields",
        ("engine", "the database's own tool", "Signalbox", "ratio", "rows/s", "memory over idle", "goal"),
    )
    for engine in ENGINES:
        with installation(engine, {"LOG_LEVEL": "WARNING"}) as (house, variables):
            campaign_id = make_large(rows)
            engines.let_go()
            bare = min(_bare(engine, house, variables, campaign_id) for _ in range(3))
            export_id = start_export(campaign_id, criteria=Criteria(), actor=COMMAND_LINE, now=now_ms())
            took = measured(house, "export", export_id, variables)
            export = Export.get_by_id(export_id)
            assert (export.state, export.rows_done) == (WorkState.DONE, rows)
            table.add(
                *(engine, f"{bare:.2f} s", f"{took.seconds:.2f} s", f"{bare / took.seconds:.2f}"),
                *(f"{rows / took.seconds:,.0f}", f"{took.memory:.0f} MB", GOALS[engine]),
            )
    table.notes.append(
        "The tools are `sqlite3 -csv` and `COPY … TO STDOUT (FORMAT csv)`, each with the fields taken out of their "
        "JSON; the fastest of 3. Ours also guards cells against formulas, counts by status, hashes and stores the file."
    )
    return table


def _bare(engine: str, house: House, variables: dict[str, str], campaign_id: int) -> float:
    """Seconds that the database's own tool takes to write the file."""
    command = _sqlite(house, campaign_id) if engine == engines.SQLITE else _copy(variables["DATABASE_URL"], campaign_id)
    out = house.folder / "bare.csv"
    since = time.perf_counter()
    with out.open("wb") as file:
        subprocess.run(command, stdout=file, check=True)
    return time.perf_counter() - since


def _sqlite(house: House, campaign_id: int) -> list[str]:
    columns = COLUMNS.format(value="json_extract", values="field_values", first="'$[", last="]'")
    query = QUERY.format(columns=columns, campaign_id=campaign_id)
    return ["sqlite3", "-csv", str(house.var / "signalbox.db"), query]


def _copy(url: str, campaign_id: int) -> list[str]:
    columns = COLUMNS.format(value="json_array_element_text", values="field_values::json", first="", last="")
    query = QUERY.format(columns=columns, campaign_id=campaign_id)
    return ["psql", url, "--quiet", "--command", f"COPY ({query}) TO STDOUT (FORMAT csv)"]
