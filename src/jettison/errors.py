"""The tree of errors.

    JettisonError                   4  anything Jettison refuses; carries the exit code
    ├── UsageError                  2  wrong flags or arguments
    │   └── ConfigError             2  a configuration file that cannot be read or understood
    ├── NothingToCheck              3  no input matched
    ├── InputError                  4  an input could not be read
    │   ├── NotFound                4  no such file, image, tag, blob or layer
    │   ├── DockerfileError         4  a Dockerfile that the builder would refuse
    │   ├── ImageError              4  an image whose bytes are wrong
    │   │   ├── DigestMismatch      4  bytes that are not what their digest or size says
    │   │   └── LayerError          4  a layer that is no readable tar; names layer and offset
    │   └── RemoteError             4  a registry or an engine that does not answer as it should
    │       └── Unauthorized        4  credentials missing or refused
    └── NotAssessed                 5  the question could not be judged with what is at hand

A message says what was found, where, what was expected and what to do. The command line prints it as one line and
never a traceback; `exit_code` becomes the exit status (docs/architecture.md, "The face").
"""

from __future__ import annotations


class JettisonError(Exception):
    """What went wrong, in one sentence for people.

    `where` names the input (a path, a reference, a layer), `hint` says what to do about it. Both are shown, neither
    is part of `str(error)`.
    """

    exit_code = 4

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(JettisonError):
    """Wrong flags or arguments."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file that cannot be read or understood."""


class NothingToCheck(JettisonError):
    """No input matched what was asked for."""

    exit_code = 3


class InputError(JettisonError):
    """An input could not be read."""


class NotFound(InputError):
    """No such file, image, tag, blob or layer."""


class DockerfileError(InputError):
    """A Dockerfile that the builder would refuse."""


class ImageError(InputError):
    """An image whose bytes are not what the format demands."""


class DigestMismatch(ImageError):
    """Bytes that are not what their digest or size says."""


class LayerError(ImageError):
    """A layer that cannot be read as a tar archive.

    `offset` is the byte, counted in the uncompressed layer, at which reading failed.
    """

    def __init__(
        self, message: str, *, where: str | None = None, offset: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message if offset is None else f"{message} (at byte {offset:,})", where=where, hint=hint)
        self.offset = offset


class RemoteError(InputError):
    """A registry or an engine that does not answer as it should. `status` is the HTTP status, where there was one."""

    def __init__(
        self, message: str, *, where: str | None = None, status: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.status = status


class Unauthorized(RemoteError):
    """Credentials are missing or refused."""


class NotAssessed(JettisonError):
    """The question could not be judged with what is at hand: neither clean nor dirty."""

    exit_code = 5
