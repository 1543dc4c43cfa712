"""Why a request failed, as a short sentence for `rejects`."""

from __future__ import annotations

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.spidermiddlewares.httperror import HttpError


def is_fault(error: BaseException) -> bool:
    """Whether the request failed for another reason than a missing or forbidden page."""
    if isinstance(error, HttpError):
        return bool(error.response.status >= 500)
    return not isinstance(error, IgnoreRequest)


def reason_for(error: BaseException) -> str:
    """The reason in words."""
    match error:
        case HttpError():
            return f"HTTP {error.response.status}"
        case DownloadConnectionRefusedError():
            return "the connection was refused"
        case DownloadTimeoutError():
            return "there was no answer in time"
        case CannotResolveHostError():
            return "its host name is unknown"
        case DownloadCancelledError():
            return "it is larger than the limit"
        case ResponseDataLossError():
            return "the answer was cut short"
        case IgnoreRequest() if str(error) == "Forbidden by robots.txt":
            return "robots.txt forbids it"
        case IgnoreRequest() if "max redirections" in str(error):
            return "it redirects too often"
        case IgnoreRequest() if "exceeded DOWNLOAD_MAXSIZE" in str(error):
            return "it is larger than the limit"
        case IgnoreRequest():
            return str(error)
        case _:
            return f"the request failed: {error or type(error).__name__}"
