"""A work process: takes RQ jobs of one duty, one after the other, in this very process.

No fork per job: a send job lives for minutes and keeps its connections.
"""

import os
import socket
import threading
from typing import Any

import redis
import structlog
from redis.client import Pipeline
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import context
from jobs.queues import about, pass_hints, queue_of
from jobs.runtime import waiting
from jobs.runtime.faults import outlived
from jobs.runtime.stopping import Stop
from models import database
from models.clock import now_ms
from models.config import Config
from models.installation import open_installation
from models.operations import tallying
from models.operations.presence import BEAT_SECONDS, beat, leave

log = structlog.stdlib.get_logger("signalbox.work_process")

REFUSED_SECONDS = 1.0  # after the database refused, before the next job
WORKER_TTL_SECONDS = 30  # an idle worker looks after RQ's own registries this often
LOOK_SECONDS = 1  # an idle worker looks this often whether it was asked to stop


class WorkProcess(SimpleWorker):
    """RQ's worker in one process; a stop is passed on to the job that is running.

    Whatever is logged while a job runs, by libraries too, names what the job is about.

    RQ's own lets its signal handler throw StopRequested into whatever an idle worker runs: lost when that
    is a destructor, and a job just taken is lost with it. Here the handler only asks for the stop.
    """

    stop: Stop
    exponential_backoff_factor = 1.0  # while Redis is gone, look each second for it and for the stop

    def subscribe(self) -> None:
        """Called by RQ to hear commands. Nobody gives any; and at a stop after Redis was away, its thread and this
        one would read the answers of one connection, and wait for each other's for ever.
        """

    def handle_warm_shutdown_request(self) -> None:
        """Called by RQ at SIGTERM, before it waits for the job to end."""
        self.stop.ask()

    def _shutdown(self) -> None:
        """Called by RQ's signal handler."""
        self._stop_requested = True

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Called by RQ to wait for a job; None ends the worker."""
        if timeout is None:  # in a burst nobody waits
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        found = None
        while found is None and not self._stop_requested:
            found = super().dequeue_job_and_maintain_ttl(timeout, LOOK_SECONDS)
        return found

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Called by RQ before each wait, and again and again while Redis is gone."""
        try:
            super().heartbeat(timeout, pipeline)
        except redis.ConnectionError:
            if self._stop_requested:
                raise StopRequested from None
            raise

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Called by RQ for each job."""
        with structlog.contextvars.bound_contextvars(**about(job)):
            return super().perform_job(job, queue, execution)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Called by RQ. That the database refuses is told in one line; the sweep hints at the work again."""
        trouble = database.refusal_in(exc_info[1])
        if not trouble:
            super().handle_exception(job, *exc_info)
            return
        log.error("work pauses: the database refuses", job=job.func_name, trouble=trouble)
        database.close()
        self.stop.wait(REFUSED_SECONDS)

    def handle_job_failure(self, job: Job, queue: Queue, *args: Any, **known: Any) -> None:
        """Called by RQ, to keep a fault's text in Redis for whoever asks. The log has it, masked; here it might name
        somebody.
        """
        super().handle_job_failure(job, queue, *args, **{**known, "exc_string": ""})


def work(duty: str, number: int, config: Config) -> None:
    """Be a work process of `duty` until the stop. Forked by the supervisor."""
    stop = Stop()
    context.enter(context.Context(config, stop))
    open_installation(config, pause=stop.pause)
    pass_hints(config)
    name = f"{socket.gethostname()}-{duty}-{number}"
    pulse = threading.Thread(target=_beat, args=(name, duty, stop), name="pulse", daemon=True)
    pulse.start()
    connection = redis.Redis.from_url(waiting.wait_for_redis(config, stop))
    process = WorkProcess(
        [queue_of(duty, connection)],
        name=f"{name}-{os.getpid()}",
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_SECONDS,
        maintenance_interval=WORKER_TTL_SECONDS,
    )
    process.stop = stop
    process.log_job_description = False
    try:
        process.work(logging_level="WARNING")
    except redis.RedisError as gone:
        log.info("Redis is gone, starts again", trouble=str(gone))
    stop.ask()
    pulse.join(1)


def _beat(name: str, duty: str, stop: Stop) -> None:
    """Show every few seconds that the process lives."""
    while not stop.asked:
        with outlived("sign of life"):
            beat(name, duty=duty, host=socket.gethostname(), pid=os.getpid(), now=now_ms())
            tallying.write()
        stop.wait(BEAT_SECONDS)
    with outlived("last sign of life"):  # else the one before says when it ended
        tallying.write()
        leave(name)
    database.close()
