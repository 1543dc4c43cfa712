"""Log lines as JSON, one object a line, and the crawl that a line belongs to."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from storage.printable import printable

CRAWL_FIELDS = ("store", "crawl_id")
"""What a line of a crawl says beside its message; given as `extra` to the logger."""


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """`{"time", "level", "logger", "message"}`, with `store` and `crawl_id` for lines of a crawl."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": printable(record.getMessage(), lines=True),
        }
        line |= {name: getattr(record, name) for name in CRAWL_FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """Formats a record as one line of text, whatever it quotes; a line of a crawl names it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(name)s: %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line without a traceback."""
        line = printable(super().formatMessage(record))
        crawl_id = getattr(record, "crawl_id", None)
        return f"{line} [{crawl_id}]" if crawl_id else line

    def formatException(self, ei: Any) -> str:
        """A traceback of ours keeps its lines."""
        return printable(super().formatException(ei), lines=True)
