"""The errors a caller can cause or meet; each is one sentence, shown as it is at the command line."""


class LookalikeError(Exception):
    """The work failed: one sentence that names what, why and what to do. The command line exits with 1."""

    exit_code = 1


class InputError(LookalikeError):
    """The input or a setting is wrong. The command line exits with 2."""

    exit_code = 2


class BusyError(LookalikeError):
    """Another process already writes here."""


class NewerSchemaError(LookalikeError):
    """The data root was written by a newer release."""


class ForeignFileError(LookalikeError):
    """What stands in a data folder is no file of its own: a link, a pipe, a device, or a name leading out."""


class NotPublishedError(InputError):
    """The data root holds no published generation yet."""


class UnreadableImageError(InputError):
    """Bytes that are not an image we can or may decode; the message is the reason, fit for `rejects`."""
