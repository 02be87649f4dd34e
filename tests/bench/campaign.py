"""An installation and a campaign for a bench, made through the operations in this process."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from jobs.providers.twilio.provider import TwilioAccount
from models import hints
from models.config import Config
from models.installation import open_installation
from tests import engines
from tests.factories import make_campaign, run
from tests.processes import House

ACCOUNT = "AC" + "0" * 32
SERVICE = "MG" + "0" * 32
ENGINES = (engines.SQLITE, engines.POSTGRESQL)


def account(url: str) -> TwilioAccount:
    """The stub's account."""
    return TwilioAccount(ACCOUNT, "token", SERVICE, url)


def twilio_variables(url: str) -> dict[str, str]:
    """The environment that makes the stub the SMS provider."""
    return {
        "SMS_PROVIDER": "twilio",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": "token",
        "TWILIO_MESSAGING_SERVICE_SID": SERVICE,
        "TWILIO_API_URL": url,
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def installation(engine: str, variables: Mapping[str, str]) -> Iterator[tuple[House, dict[str, str]]]:
    """A house on a real disk, open in this process, and the environment for its own processes."""
    with TemporaryDirectory(prefix="signalbox-bench-") as folder:
        house = House(Path(folder))
        with _database(engine) as database:
            given = {**variables, **database}
            open_installation(Config.from_env({**given, "SIGNALBOX_VAR": str(house.var)}))
            hints.send_to(lambda _work, _subject_id: None)
            try:
                yield house, given
            finally:
                house.clear()
                engines.let_go()


@contextmanager
def _database(engine: str) -> Iterator[dict[str, str]]:
    if engine == engines.SQLITE:
        yield {}
        return
    with engines.postgresql(durable=True) as server:
        yield {"DATABASE_URL": server.make_database(), "SECRET_KEY": engines.SECRET}


def queued_campaign(messages: int) -> int:
    """A campaign whose messages are all Queued; its id."""
    campaign_id = make_campaign(messages=messages)
    run(campaign_id)
    return campaign_id
