"""Several processes on one installation at once: for races, and for what must hold while others write."""

import multiprocessing
import multiprocessing.queues
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from queue import Empty
from typing import Any, TypeAlias

from models.config import Config
from models.installation import open_installation
from tests import engines

# A clean server process forks the members: quicker than new interpreters, and free of the tests' own threads.
CONTEXT: ForkServerContext = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.factories", "tests.engines"])
LIMIT_SECONDS = 60.0

Answers: TypeAlias = "multiprocessing.queues.Queue[tuple[int, str, Any]]"


@dataclass(frozen=True)
class Member:
    """What one process does: `job(barrier, *arguments)`, once `opens` has opened the installation."""

    job: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    opens: Callable[[Config], None] = open_installation


def work_at_once(config: Config, members: Sequence[Member]) -> list[Any]:
    """What each member returns, in their order; the barrier is as wide as the crew.

    Fails the test when a member fails or is not done in time.
    """
    return Crew(config, members).results()


class Crew:
    """Processes at work; `results` waits for them."""

    def __init__(self, config: Config, members: Sequence[Member], *, beside: int = 0) -> None:
        """`beside` is how many others, of the test's own, wait at the barrier as well."""
        self.barrier: Barrier = CONTEXT.Barrier(len(members) + beside)
        self._answers: Answers = CONTEXT.Queue()
        self._processes = [
            CONTEXT.Process(
                target=_be_member, args=(number, dict(config.variables), member, self.barrier, self._answers)
            )
            for number, member in enumerate(members)
        ]
        for process in self._processes:
            process.start()

    def results(self) -> list[Any]:
        """What each returned."""
        try:
            answers = sorted(self._answer() for _ in self._processes)
        finally:
            self._end()
        problems = [problem for _, problem, _ in answers if problem]
        assert not problems, problems
        return [result for _, _, result in answers]

    def _answer(self) -> tuple[int, str, Any]:
        try:
            return self._answers.get(timeout=LIMIT_SECONDS)
        except Empty:
            raise AssertionError(f"the crew is not done after {LIMIT_SECONDS} s") from None

    def _end(self) -> None:
        self.barrier.abort()
        for process in self._processes:
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        self._answers.close()
        self._answers.join_thread()


def _be_member(number: int, variables: Mapping[str, str], member: Member, barrier: Barrier, answers: "Answers") -> None:
    try:
        member.opens(Config.from_env(variables))
        answers.put((number, "", member.job(barrier, *member.arguments)))
    except BaseException as problem:
        barrier.abort()
        answers.put((number, f"{type(problem).__name__}: {problem}", None))
        raise
    finally:
        engines.let_go()
