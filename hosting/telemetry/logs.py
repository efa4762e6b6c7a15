"""Logs: text for people, or one JSON object a line for machines, with what each record is about. Never a secret."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from hosting.settings.settings import Settings
from hosting.telemetry.log_context import known
from hosting.telemetry.redaction import without_secrets
from nettailor.printable import printable

_LONGEST = 16_384  # characters of a text; a request can make one as long as it likes
_LONGEST_WITH_TRACEBACK = 4 * _LONGEST
_ACCESS = "uvicorn.access"
_FORMS = "python_multipart"  # warns of every malformed form, which is no news of ours: its sender is told
_ACCESS_FIELDS = ("client", "method", "path", "http_version", "status")  # of uvicorn's records, in order


def configure_logs(settings: Settings, stream: TextIO | None = None) -> None:
    """Log on standard error, or `stream`, as the settings say. What other libraries log goes the same way."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    logging.getLogger(_FORMS).setLevel(logging.ERROR)


class TextLines(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """On one line, whatever a client put into a name; a traceback follows on lines of its own."""
        return printable(_shown(super().formatMessage(record)))

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record), longest=_LONGEST_WITH_TRACEBACK)


class JsonLines(logging.Formatter):
    """`time` (UTC), `level`, `logger`, `message`; `request_id`, `task`, `version`, `job` where known; `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _shown(record.getMessage()),
            **{name: _shown(value) for name, value in known(record).items()},
        }
        if record.name == _ACCESS and isinstance(record.args, tuple) and len(record.args) == len(_ACCESS_FIELDS):
            access = dict(zip(_ACCESS_FIELDS, record.args, strict=True))
            entry |= {name: _shown(value) for name, value in access.items()}
        if record.exc_info:
            entry["exception"] = _shown(self.formatException(record.exc_info))
        if record.stack_info:
            entry["stack"] = _shown(record.stack_info)
        return json.dumps(entry, default=str)


def _shown(value: Any) -> Any:
    return without_secrets(value, longest=_LONGEST) if isinstance(value, str) else value
