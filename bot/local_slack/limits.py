"""Rate limits by method and channel, after https://docs.slack.dev/apis/web-api/rate-limits."""

import math
from collections import defaultdict, deque

from bot.local_slack.clock import Clock
from bot.local_slack.errors import RateLimitedError

TIER_2, TIER_3, TIER_4 = 20, 50, 100
WINDOW_SECONDS = 60
# Slack wants one message a second in a channel and allows short bursts, whose size it does not state.
POSTS_PER_SECOND = 1
POST_BURST = 5


class Limits:
    """Counts calls on the local Slack's clock and refuses those over the limit. `enforced` may be set to False."""

    def __init__(self, clock: Clock, enforced: bool = True) -> None:
        self.enforced = enforced
        self._clock = clock
        self._calls: dict[str, deque[float]] = defaultdict(deque)
        self._posts: dict[str, tuple[float, float]] = {}

    def count(self, method: str, per_minute: int, channel: str | None) -> None:
        """Count one call. Raises RateLimitedError when it is one too many."""
        if not self.enforced:
            return
        if method == "chat.postMessage":
            self._count_post(channel or "")
        elif per_minute:
            self._count_call(method, per_minute)

    def _count_call(self, method: str, per_minute: int) -> None:
        calls, now = self._calls[method], self._clock.now()
        while calls and calls[0] <= now - WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= per_minute:
            raise RateLimitedError(max(1, math.ceil(calls[0] + WINDOW_SECONDS - now)))
        calls.append(now)

    def _count_post(self, channel: str) -> None:
        now = self._clock.now()
        left, at = self._posts.get(channel, (float(POST_BURST), now))
        left = min(float(POST_BURST), left + (now - at) * POSTS_PER_SECOND)
        if left < 1:
            raise RateLimitedError(max(1, math.ceil((1 - left) / POSTS_PER_SECOND)))
        self._posts[channel] = (left - 1, now)
