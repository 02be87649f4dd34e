"""Changes settings of an installation as an Org Admin does: `python -m tests.crash.settings NAME=JSON …`."""

import json
import sys

from models import database
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.config import Config
from models.installation import open_installation
from models.operations.settings import change_setting


def main() -> None:
    """Set what the command line names, in the installation that the environment names."""
    open_installation(Config.from_env())
    for pair in sys.argv[1:]:
        name, _, value = pair.partition("=")
        change_setting(name, json.loads(value), actor=COMMAND_LINE, now=now_ms())
    database.close()


if __name__ == "__main__":
    main()
