"""Pure: how often Slack may be called, by method and channel (https://docs.slack.dev/apis/web-api/rate-limits)."""

from dataclasses import dataclass

# (burst, calls a second). In no minute more than burst + 60 times the rate, which stays within Slack's tier.
POSTS = (4.0, 1.0)  # in one channel: "no more than one message per second", short bursts allowed
TIER_3 = (8.0, 0.7)  # 50 a minute: chat.update, conversations.*
TIER_4 = (20.0, 1.3)  # 100 a minute: files.*
POST = "chat_postMessage"


@dataclass
class _Bucket:
    left: float
    at: int
    rests_until: int = 0


class Budget:
    """One for all calls to a workspace. Times are epoch ms and come in as arguments."""

    def __init__(self, factor: float = 1.0) -> None:
        """With a `factor` all is so many times as much."""
        self._factor = factor
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def allows(self, method: str, channel: str, *, now: int) -> bool:
        """Whether a call may be made now."""
        bucket = self._filled(method, channel, now)
        return bucket.left >= 1 and now >= bucket.rests_until

    def spend(self, method: str, channel: str, *, now: int) -> None:
        """A call is made."""
        self._filled(method, channel, now).left -= 1

    def rest(self, method: str, channel: str, *, until: int) -> None:
        """Slack wants no such call before then."""
        bucket = self._filled(method, channel, until)
        bucket.rests_until = max(bucket.rests_until, until)

    def _filled(self, method: str, channel: str, now: int) -> _Bucket:
        burst, rate = self._limit(method)
        key = (method, channel if method == POST else "")
        bucket = self._buckets.setdefault(key, _Bucket(burst, now))
        bucket.left = min(burst, bucket.left + max(0, now - bucket.at) * rate / 1000)
        bucket.at = max(bucket.at, now)
        return bucket

    def _limit(self, method: str) -> tuple[float, float]:
        burst, rate = POSTS if method == POST else TIER_4 if method.startswith("files_") else TIER_3
        return burst * self._factor, rate * self._factor
