"""Faults go to Sentry when SENTRY_DSN names one; without it nothing of it is even loaded."""

import logging
from typing import Any, cast

from jobs.runtime.masking import Masking
from models.config import Config
from models.errors import NotConfiguredError

FLUSH_SECONDS = 1.0  # a stop takes under four in all


def set_up(config: Config, name: str, masking: Masking) -> None:
    """Report what is logged as an error from now on. Raises NotConfiguredError for a DSN that is none."""
    dsn = config.variables.get("SENTRY_DSN")
    if dsn is None:
        return
    import sentry_sdk

    check(config)
    sentry_sdk.init(
        dsn,
        default_integrations=False,  # ours is the one way in, so that all of it is masked
        auto_enabling_integrations=False,
        send_default_pii=False,
        include_local_variables=False,
        max_breadcrumbs=0,
        before_send=lambda event, _hint: cast("Any", masking.value(event)),
    )
    sentry_sdk.get_global_scope().set_tag("process", name)
    logging.getLogger().addHandler(Reporter(logging.ERROR))


def check(config: Config) -> None:
    """Raise NotConfiguredError for a SENTRY_DSN that is none."""
    dsn = config.variables.get("SENTRY_DSN")
    if dsn is None:
        return
    from sentry_sdk.utils import Dsn

    try:
        Dsn(dsn)
    except ValueError as wrong:
        raise NotConfiguredError(f"SENTRY_DSN is not understood: {wrong}.") from wrong


class Reporter(logging.Handler):
    """Passes an error on: its sentence, its fields, its exception."""

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging; what it is given by structlog is the event's fields."""
        import sentry_sdk

        fields = dict(record.msg) if isinstance(record.msg, dict) else {"event": record.getMessage()}
        with sentry_sdk.new_scope() as scope:
            scope.set_tag("logger", record.name)
            scope.set_level("error")
            scope.set_context("fields", fields)
            fault = record.exc_info[1] if record.exc_info else None
            if fault is not None:
                sentry_sdk.capture_exception(fault)
            else:
                sentry_sdk.capture_message(str(fields.get("event", "")))

    def close(self) -> None:
        """Called at the end of the process: what waits is sent."""
        import sentry_sdk

        sentry_sdk.flush(FLUSH_SECONDS)
        super().close()
