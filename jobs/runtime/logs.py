"""Logging of every process: structlog on stderr, one line per event; what libraries log is routed through.

Every line passes the masking last: no address, number or secret leaves by a log.
"""

import logging
import os
import sys
from typing import Any

import structlog
from structlog.typing import Processor

from jobs.runtime import reporting
from jobs.runtime.masking import Masking
from models.config import Config
from models.errors import NotConfiguredError

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def set_up(config: Config, name: str) -> None:
    """Log as LOG_FORMAT and LOG_LEVEL say; libraries are heard from WARNING on, or all at DEBUG.

    Raises NotConfiguredError when one of the two is not understood.
    """
    if config.log_level not in LEVELS:
        raise NotConfiguredError(f"LOG_LEVEL is {config.log_level!r}; it can be {', '.join(LEVELS)}.")
    if config.log_format not in {"console", "json"}:
        raise NotConfiguredError(f"LOG_FORMAT is {config.log_format!r}; it can be console or json.")
    common, masking = _common(config), Masking(config)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(config, common, masking))
    logging.basicConfig(handlers=[handler], level=_libraries_level(config.log_level), force=True)
    logging.getLogger("signalbox").setLevel(config.log_level)
    logging.captureWarnings(True)
    reporting.set_up(config, name, masking)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    if config.log_format == "json":
        structlog.contextvars.bind_contextvars(process=name)


def _libraries_level(level: str) -> str:
    return level if level in {"DEBUG", "ERROR"} else "WARNING"


def _common(config: Config) -> list[Processor]:
    steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
    ]
    # honcho puts the time and the process's name before every line.
    if config.log_format == "json" or "HONCHO_PROCESS_NAME" not in os.environ:
        steps.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    return steps


def _formatter(config: Config, common: list[Processor], masking: Masking) -> logging.Formatter:
    last: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        masking,
    ]
    if config.log_format == "json":
        last.append(structlog.processors.JSONRenderer(ensure_ascii=False))
    else:
        plain = structlog.dev.plain_traceback
        last.append(
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain, pad_event_to=0)
        )
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=common, processors=last)
