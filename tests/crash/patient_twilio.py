"""The stand-in for Twilio as a process that hears a request out before it takes its time over it.

What a client has sent whole is taken then, though the client may be gone when the time is over.
"""

from aiohttp import web

from tests.fakes import twilio


@web.middleware
async def hear_out(request: web.Request, handler: twilio.Handler) -> web.StreamResponse:
    """Read the body before anything else."""
    await request.read()
    return await handler(request)


class PatientTwilio(twilio.FakeTwilio):
    """Satisfies all that the other does."""

    def app(self) -> web.Application:
        """The same, and it listens first."""
        app = super().app()
        app.middlewares.insert(0, hear_out)
        return app


if __name__ == "__main__":
    twilio.FakeTwilio = PatientTwilio  # type: ignore[misc]  # its `main` makes one
    twilio.main()
