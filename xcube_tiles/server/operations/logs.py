"""Logs: one line for each request, as text or as JSON, with the request's id and no secrets."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO

LogFormat = Literal["human", "json"]

REQUEST_ID: ContextVar[str | None] = ContextVar("xcube_tiles_request_id", default=None)
"""Id of the request that is being answered; threads that draw for it see it, too."""

ROOT = "xcube_tiles.server"
"""Name of the logger above all of the server's."""

_LONGEST_SHOWN = 120  # characters of what a client has sent
# user:password@ of an address, and parameters that carry keys.
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s'\"]+@")
_PARAMETERS = re.compile(
    r"(?i)\b((?:api[-_]?)?key|token|signature|sig|password|secret|x-amz-\w+)=[^&\s'\"]+"
)


def redacted(text: str) -> str:
    """Return a text without passwords of addresses and without keys of queries.

    Examples
    --------
    >>> redacted("postgresql://me:pw@host/db, /layers?key=abc&size=3")
    'postgresql://***@host/db, /layers?key=***&size=3'
    """
    return _PARAMETERS.sub(r"\1=***", _CREDENTIALS.sub("***@", text))


def shortened(value: object, *, quoted: bool = True) -> str:
    """Return what a client has sent, in a length that can be shown.

    Examples
    --------
    >>> shortened("a"), shortened(None), len(shortened("a" * 5000))
    ("'a'", 'None', 121)
    """
    text = repr(value) if quoted else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def configure(format: LogFormat, level: str = "INFO", *, to: TextIO | None = None) -> None:
    """Let the loggers of the server and of uvicorn write to a stream.

    Parameters
    ----------
    format
        `json`: an object for each line; `human`: a line of text.
    level
        Name of the lowest level that is written.
    to
        Stream; None: standard error.
    """
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(JsonLines() if format == "json" else Lines())
    for name in (ROOT, "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
    # What uvicorn writes about requests has their whole query, and neither an id nor a time.
    logging.getLogger("uvicorn.access").disabled = True


class JsonLines(logging.Formatter):
    """A record as one line of JSON: `time`, `level`, `logger`, `message`, `request_id`, more."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields: dict[str, object] = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": REQUEST_ID.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        shown = {
            name: redacted(value) if isinstance(value, str) else value
            for name, value in fields.items()
            if value is not None
        }
        return json.dumps(shown, ensure_ascii=False, default=str)


class Lines(logging.Formatter):
    """A record as a line of text; tracebacks follow on lines of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = {"request_id": REQUEST_ID.get(), **getattr(record, "fields", {})}
        pairs = " ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        # A line break in what a client sent must not look like a record of its own.
        said = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        line = f"{_time_of(record)} {record.levelname:<7} {said} {pairs}".rstrip()
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return redacted(line)


def _time_of(record: logging.LogRecord) -> str:
    instant = datetime.fromtimestamp(record.created, UTC)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
