"""One rate for all workers: a token bucket in Redis that holds one second's worth."""

import asyncio

import redis.asyncio as redis

# Reserve up to ARGV[2] tokens at ARGV[1] per second, by the server's clock. The bucket is kept as the moment
# at which it was empty; one that is still to come is of a clock that was set back since. Gives {tokens,
# milliseconds to wait until the first one}.
RESERVE = """
local rate, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local room = math.max(1, rate)
local empty_at = tonumber(redis.call('GET', KEYS[1]) or '0')
if empty_at > now then
    empty_at = now
    redis.call('SET', KEYS[1], string.format('%.3f', now), 'KEEPTTL')
end
local tokens = math.min(room, (now - empty_at) * rate / 1000)
if tokens < 1 then return {0, math.ceil((1 - tokens) * 1000 / rate)} end
local taken = math.min(wanted, math.floor(tokens))
redis.call('SET', KEYS[1], string.format('%.3f', now - (tokens - taken) * 1000 / rate),
    'PX', math.ceil(60000 + room * 1000 / rate))
return {taken, 0}
"""
GIVE_BACK = """
local empty_at = tonumber(redis.call('GET', KEYS[1]) or '0')
if empty_at > 0 then
    redis.call('SET', KEYS[1], string.format('%.3f', empty_at - ARGV[2] * 1000 / ARGV[1]), 'KEEPTTL')
end
"""
LONGEST_WAIT_SECONDS = 0.5


class Bucket:
    """Tokens for one channel. Raises redis.RedisError when Redis is away: no token, no hand-over."""

    def __init__(self, connection: redis.Redis, name: str) -> None:
        self._key = f"signalbox:rate:{name}"
        self._reserve = connection.register_script(RESERVE)
        self._give_back = connection.register_script(GIVE_BACK)

    async def take(self, wanted: int, *, rate: float) -> int:
        """Up to `wanted` tokens at `rate` per second; waits half a second at most, so may come back with none."""
        taken, wait_ms = await self._reserve(keys=[self._key], args=[rate, wanted])
        if not taken:
            await asyncio.sleep(min(LONGEST_WAIT_SECONDS, wait_ms / 1000))
        return int(taken)

    async def give_back(self, unused: int, *, rate: float) -> None:
        """Return tokens that found no message."""
        if unused:
            await self._give_back(keys=[self._key], args=[rate, unused])
