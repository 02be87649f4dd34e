"""Queues and hints: the only file that puts jobs into RQ.

A job carries an id and nothing else. The database is the truth, so a hint that is lost or repeated costs
time and nothing more; that is why none is retried, and why a queue that already holds one gets no second.
"""

import secrets

import redis
import structlog
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs.runtime import addresses, waiting
from models import hints
from models.config import Config
from models.hints import Work

log = structlog.stdlib.get_logger("signalbox.queues")

# Duty of a work process -> its queue; `jobs.worker` has processes for each.
DUTIES = ("sms", "email", "receipts", "bulk")
_JOBS = {
    Work.SEND_SMS: ("sms", "jobs.sending.send", 2),
    Work.SEND_EMAIL: ("email", "jobs.sending.send", 2),
    Work.RECEIPTS: ("receipts", "jobs.receipts.apply", 1),
    Work.LOOK_UPS: ("receipts", "jobs.lookups.look_up", 1),
    Work.ASK: ("bulk", "jobs.lookups.ask", 1),
    Work.MOVES: ("bulk", "jobs.bulk.move", 1),
    Work.IMPORT: ("bulk", "jobs.bulk.import_contacts", 1),
    Work.EXPORT: ("bulk", "jobs.bulk.export", 1),
    Work.TEST: ("bulk", "jobs.testing.send", 1),
}
_SUBJECTS = {
    **dict.fromkeys((Work.SEND_SMS, Work.SEND_EMAIL, Work.MOVES), "campaign_id"),
    Work.IMPORT: "import_id",
    Work.EXPORT: "export_id",
    Work.TEST: "test_id",
}
NO_TIMEOUT = -1  # RQ's alarm does nothing inside uvloop; jobs have deadlines of their own
FAILURE_KEPT_SECONDS = 3600


class Hinter:
    """Passes hints of this process on to RQ."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._connection: redis.Redis | None = None

    def __call__(self, work: Work, subject_id: int) -> None:
        """Enqueue unless enough such jobs wait already; without Redis, leave it to the sweep."""
        try:
            self._enqueue(work, subject_id)
        except (redis.RedisError, ValueError) as trouble:  # the second for a REDIS_URL that is none
            self._connection = None
            log.debug("hint not passed on", work=work.value, trouble=str(trouble))

    def _enqueue(self, work: Work, subject_id: int) -> None:
        if self._connection is None:
            url = addresses.redis_url(self._config)
            if url is None:
                return
            self._connection = waiting.client(url)
        duty, function, copies = _JOBS[work]
        queue = queue_of(duty, self._connection)
        prefix = f"{work.value}-{subject_id}-"
        waiting_ids = [job_id for job_id in queue.get_job_ids() if job_id.startswith(prefix)]
        for _ in range(copies - len(waiting_ids)):
            queue.enqueue_call(
                function,
                args=(subject_id,),
                job_id=prefix + secrets.token_hex(4),
                timeout=NO_TIMEOUT,
                result_ttl=0,
                failure_ttl=FAILURE_KEPT_SECONDS,
            )


def about(job: Job) -> dict[str, int]:
    """What a job is about, as a field of all that is logged meanwhile: `campaign_id`, `import_id`, …"""
    works = [work for work, (_, function, _) in _JOBS.items() if function == job.func_name]
    return {_SUBJECTS[works[0]]: job.args[0]} if works and works[0] in _SUBJECTS else {}


def queue_of(duty: str, connection: redis.Redis) -> Queue:
    """The queue of a duty."""
    return Queue(duty, connection=connection, serializer=JSONSerializer)


def pass_hints(config: Config) -> None:
    """Let the operations of this process send their hints to RQ."""
    hints.send_to(Hinter(config))
