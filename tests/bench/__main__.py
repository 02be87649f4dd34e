"""`python -m tests.bench NAME… [--quick] [-o FOLDER]`: measures, prints and keeps tables; `all` are all there are."""

import argparse
from pathlib import Path

from tests.bench import exports, imports, panel, receipts, retries, scale, send, slack, stock
from tests.bench.tables import Table

BENCHES = {
    "send": send.measure,
    "receipts": receipts.measure,
    "import": imports.measure,
    "slack": slack.measure,
    "panel": panel.measure,
    "export": exports.measure,
    "retry": retries.measure,
    "scale": scale.measure,
    "stock": stock.measure,
}


def main() -> None:
    """Run what is named; `--quick` takes a tenth of the messages, to try whether it works at all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="+", choices=[*BENCHES, "all"])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("-o", type=Path, default=Path("bench-results"), help="where tables are kept")
    given = parser.parse_args()
    for name in BENCHES if "all" in given.names else given.names:
        table: Table = BENCHES[name](quick=given.quick)
        print(table.markdown())
        table.keep(given.o, name)


if __name__ == "__main__":
    main()
