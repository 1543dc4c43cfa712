"""The errors that callers see; each message is one sentence, which the command line prints as it is."""

from __future__ import annotations

from storage.printable import printable


class LookalikeError(Exception):
    """The work failed: one sentence that names what, why and what to do. The command line exits with 1."""

    exit_code = 1

    def __str__(self) -> str:
        """The sentence, safe to print though it may quote what a stranger wrote."""
        return printable(super().__str__())


class InputError(LookalikeError):
    """The input or a setting is wrong. The command line exits with 2."""

    exit_code = 2


class BusyError(LookalikeError):
    """Another process is writing here."""


class NewerSchemaError(LookalikeError):
    """The data root was written by a newer release."""


class ForeignFileError(LookalikeError):
    """An entry of a data folder is a link, a pipe or a device, or its path leads out."""


class NotPublishedError(InputError):
    """The data root holds no published generation yet."""


class UnreadableImageError(InputError):
    """The bytes are no image that can or may be decoded; the message is the reason for `rejects`."""


class UnsuitableImageError(UnreadableImageError):
    """The bytes are an image, but one of a size that is not kept: the same bytes will never do."""
