"""What a batch of sending reads does not grow with what was sent before it."""

import pytest

from models.database import select
from models.words import Channel
from tests import engines, factories
from tests.factories import make_campaign, run

pytestmark = pytest.mark.usefixtures("installation")
BATCH = 25


def send(campaign_id: int, batches: int) -> None:
    for _ in range(batches):
        factories.answer(factories.claim(campaign_id, limit=BATCH))


def rows_of_whole_tables() -> int:
    """How many rows were passed by walks over all messages or all attempts, by this and by earlier connections."""
    select("SELECT pg_stat_force_next_flush()")
    found = select("SELECT SUM(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('messages', 'attempts')")
    return int(found[0][0])


@pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
def test_no_batch_walks_over_all_that_was_sent(engine: str) -> None:
    campaign_id = make_campaign(Channel.EMAIL, 8_500)
    run(campaign_id)
    send(campaign_id, batches=320)  # what is smaller is quicker read whole
    before = rows_of_whole_tables()
    send(campaign_id, batches=20)
    assert rows_of_whole_tables() == before
