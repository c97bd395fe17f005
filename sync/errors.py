"""Everything this package raises on purpose.

SyncError
├── ConfigError      a setting, an argument, a port or a permission is wrong    exit 2
│   └── MappingError an export's `attio` meta makes no sense                    exit 2
├── WarehouseError   the database is away or refuses                            exit 5
├── LockedError      another run holds the lock                                 exit 6
└── AttioError       Attio answered, and not with success
    ├── AuthError        401/403: stop the run                                  exit 3
    ├── RecordRejected   400/404/422: skip this row, go on                      counted
    ├── Conflict         409 concurrent_write_conflict: retried
    └── Unavailable      429/5xx or no answer: retried first                    exit 4

Each message is one line: what happened, to which row or setting, what to do next.
"""

from __future__ import annotations


class SyncError(Exception):
    """Base of the family; `exit_code` is what the command line returns."""

    exit_code = 1


class ConfigError(SyncError):
    """A setting, an argument, a port or a permission is wrong; nothing was changed."""

    exit_code = 2


class MappingError(ConfigError):
    """An export's `config.meta.attio` makes no sense, or does not match the workspace."""


class WarehouseError(SyncError):
    """The database is away or refuses."""

    exit_code = 5


class LockedError(SyncError):
    """Another run holds the lock."""

    exit_code = 6


class AttioError(SyncError):
    """Attio answered, and not with success (codes: attio-api, section 12).

    `status` is the HTTP status (0 when no answer came), `code` Attio's own code.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class AuthError(AttioError):
    """401 or 403: the token, or one of its scopes, is refused."""

    exit_code = 3


class RecordRejected(AttioError):  # noqa: N818  # it says what happened
    """400, 404 or 422: this one request is refused; others may pass."""


class Conflict(AttioError):  # noqa: N818  # it says what happened
    """409 `concurrent_write_conflict`: worth another try."""

    exit_code = 4


class Unavailable(AttioError):  # noqa: N818  # it says what happened
    """429, 5xx, or no answer at all.

    `retry_after` is the number of seconds Attio asked to wait, None when it named none.
    `lost_answer` is True when the request may have been executed: its answer never came.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        retry_after: float | None = None,
        lost_answer: bool = False,
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.retry_after = retry_after
        self.lost_answer = lost_answer
