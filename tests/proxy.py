"""A small TCP proxy before a server: it cuts each connection after so many bytes of what the server says, or stalls."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s, so that closing sends RST instead of FIN


@dataclass
class Passage:
    """One connection: what the client asked in it, how many bytes of answers reached it, and whether it was cut."""

    asked: bytearray = field(default_factory=bytearray)
    answered: int = 0
    cut: bool = False


@dataclass
class Proxy:
    """Passes everything on to `port`; the n-th connection is cut when the server says more than `cuts`' n-th number.

    With `reset` a cut is an RST, with `stalls` the connection stays and nothing comes any more. Once the cuts have
    come to their end all is passed on.
    """

    port: int
    cuts: Iterable[int] = ()
    reset: bool = False
    stalls: bool = False
    listens_on: int = 0
    passages: list[Passage] = field(default_factory=list)

    async def serve(self, started: "Future[asyncio.AbstractEventLoop]", stop: asyncio.Event) -> None:
        """Until the stop."""
        self._cuts = iter(self.cuts)
        # Of the proxy, not of the connection: once its client is gone, nothing else holds a task that stalls.
        self._never = asyncio.Event()
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.listens_on = server.sockets[0].getsockname()[1]
        started.set_result(asyncio.get_running_loop())
        await stop.wait()
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the next turn of the loop

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage, cut_at = Passage(), next(self._cuts, None)
        self.passages.append(passage)
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.port)
        asking = asyncio.create_task(_copy(reader, server_writer, passage))
        try:
            with suppress(ConnectionError):
                await self._answer(server_reader, writer, passage, cut_at)
        finally:
            asking.cancel()
            if passage.cut and self.reset:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()
            for one in (writer, server_writer):
                one.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passage: Passage, cut_at: int | None
    ) -> None:
        while said := await reader.read(65_536):
            left = len(said) if cut_at is None else cut_at - passage.answered
            writer.write(said[:left])
            await writer.drain()
            passage.answered += min(left, len(said))
            if left < len(said):
                passage.cut = True
                if self.stalls:
                    await self._never.wait()
                return


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passage: Passage) -> None:
    with suppress(ConnectionError):
        while asked := await reader.read(65_536):
            passage.asked += asked
            writer.write(asked)
            await writer.drain()
        writer.write_eof()


@contextmanager
def before(port: int, cuts: Iterable[int] = (), *, reset: bool = False, stalls: bool = False) -> Iterator[Proxy]:
    """A proxy before the server on that port, in a thread."""
    proxy, stop = Proxy(port, cuts, reset, stalls), asyncio.Event()
    started: Future[asyncio.AbstractEventLoop] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(started, stop)), name="proxy")
    thread.start()
    loop = started.result(10)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
