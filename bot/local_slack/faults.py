"""Trouble that a test orders: slow answers, refusals, server errors, cut connections, envelopes that come twice."""

from dataclasses import dataclass


@dataclass
class Fault:
    """One order of trouble for calls of a method; every field but the first is optional.

    `delay` seconds pass before the answer; then the connection is cut, or `status` is answered (429 with
    `retry_after`, else an empty server error), or `error` is; without any of them the call goes on as usual.
    With `after_effect` the call does its work first, and only its answer is lost.
    """

    method: str
    times: int = 1
    delay: float = 0.0
    cut: bool = False
    status: int = 0
    retry_after: int = 1
    error: str = ""
    after_effect: bool = False


class Faults:
    """The orders that are not used up yet. Methods are Web API names, `upload`, `response_url`, or `*` for any."""

    def __init__(self) -> None:
        self._orders: list[Fault] = []
        self.redeliveries = 0

    def order(self, fault: Fault) -> None:
        """Let the next `fault.times` calls of its method go wrong."""
        self._orders.append(fault)

    def redeliver(self, times: int = 1) -> None:
        """Send the next `times` events, or in Socket Mode envelopes, twice, as Slack does when it missed the answer."""
        self.redeliveries += times

    def clear(self) -> None:
        """Forget what is left of the orders."""
        self._orders.clear()
        self.redeliveries = 0

    def take(self, method: str) -> Fault | None:
        """The fault that the next call of `method` meets, if any; it is used up by that once."""
        for fault in self._orders:
            if fault.method in {method, "*"}:
                fault.times -= 1
                if fault.times <= 0:
                    self._orders.remove(fault)
                return fault
        return None

    def take_redelivery(self) -> bool:
        """Whether what was sent is to be sent once more."""
        wanted = self.redeliveries > 0
        self.redeliveries -= int(wanted)
        return wanted
