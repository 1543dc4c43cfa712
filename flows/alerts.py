"""Alerts the operator about a night that was not ok, and pings a dead man's switch every night."""

from __future__ import annotations

import importlib.util
import logging
import smtplib
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from string import Template
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

import requests

from flows.alert_settings import MAIL_SERVER, VARIABLE, AlertSettings
from storage.errors import InputError, LookalikeError
from storage.verdicts import CrawlStatus

if TYPE_CHECKING:
    from flows.night_outcome import Night

logger = logging.getLogger(__name__)

START, FAIL = "/start", "/fail"
"""Endings of a ping's address, as healthchecks.io defines them; a good night requests the address itself."""


@dataclass(frozen=True)
class Alert:
    """What the operator is told.

    :ivar title: a line.
    :ivar reasons: a sentence for each problem.
    """

    catalogue: str
    title: str
    reasons: tuple[str, ...]

    @classmethod
    def of(cls, catalogue: str, what: str, reasons: Sequence[str]) -> Self:
        """An alert whose title names the catalogue.

        :param what: happened.
        """
        name = f"Lookalike ({catalogue})" if catalogue else "Lookalike"
        return cls(catalogue, f"{name}: {what}", tuple(reasons))

    @property
    def text(self) -> str:
        """The alert as plain text."""
        return "\n".join([self.title, "", *(f"- {reason}" for reason in self.reasons)])


def alert_of(night: Night, catalogue: str) -> Alert | None:
    """The alert about a night; None if the night was good and is reported in full.

    :param catalogue: its name in the settings, empty where it has none.
    """
    partial = (
        f"'{crawl.store}' was read in part: {crawl.sentence}"
        for crawl in night.crawls
        if crawl.status == CrawlStatus.PARTIAL
    )
    incomplete = (*night.failures, *partial)
    reasons = (*incomplete, *night.untold)
    if not reasons:
        return None
    reasons += night.notes
    ended = "is partial" if incomplete else "is ok, but not its reports"
    if night.failures:
        ended = "was not ok"
    return Alert.of(catalogue, f"the night of {night.started_at:%Y-%m-%d} {ended}", reasons)


def unshown(catalogue: str, reasons: Sequence[str]) -> Alert:
    """The alert about a night that Prefect does not show in full."""
    return Alert.of(catalogue, "the last night is not shown in full in Prefect", reasons)


def send(settings: AlertSettings, alert: Alert, environ: Mapping[str, str]) -> list[str]:
    """Sends an alert to all receivers that the settings name.

    :return: a sentence for each receiver that could not be reached.
    """
    return [
        problem for receiver in _receivers(settings, environ) if (problem := _try_to_send(receiver, alert))
    ]


def ping(settings: AlertSettings, environ: Mapping[str, str], ending: str = "") -> list[str]:
    """Pings the dead man's switch: a night begins (`START`), ended well (no ending) or failed (`FAIL`).

    :return: a sentence if it cannot be reached.
    """
    if not settings.ping:
        return []

    def request(_: Alert) -> None:
        address = _fill_variables(settings.ping, environ)
        _require_ok(requests.get(f"{address.rstrip('/')}{ending}", timeout=settings.timeout_s))

    problem = _try_to_send(_Receiver("ping", settings.ping, request), Alert("", "", ()))
    return [problem] if problem else []


@dataclass(frozen=True)
class _Receiver:
    """A receiver of alerts.

    :ivar name: of its setting.
    :ivar address: as the settings write it, without values of variables.
    """

    name: str
    address: str
    send: Callable[[Alert], None]


def _receivers(settings: AlertSettings, environ: Mapping[str, str]) -> Iterator[_Receiver]:
    if settings.webhook:
        yield _Receiver("webhook", settings.webhook, lambda alert: _post(settings, alert, environ))
    if settings.smtp:
        yield _Receiver("smtp", settings.smtp, lambda alert: _mail(settings, alert, environ))
    for address in settings.apprise:
        yield _Receiver("apprise", address, lambda alert, to=address: _notify(to, alert, environ))  # type: ignore[misc]


def _try_to_send(receiver: _Receiver, alert: Alert) -> str:
    """Why a receiver could not be reached, as a sentence; empty if it was."""
    try:
        receiver.send(alert)
    except Exception as error:  # a receiver's fault, or a bug of Apprise's, must not keep others from it
        # An error's own words may hold the address, which is a secret.
        reason = str(error).rstrip(".") if isinstance(error, LookalikeError) else _reason(error)
        address = _without_secrets(receiver.address)
        problem = f"`alerts.{receiver.name}` ({address}) could not be notified: {reason}."
        logger.warning(problem)
        return problem
    return ""


def _post(settings: AlertSettings, alert: Alert, environ: Mapping[str, str]) -> None:
    body: dict[str, Any] = {
        "text": alert.text,
        "title": alert.title,
        "catalogue": alert.catalogue,
        "reasons": alert.reasons,
    }
    _require_ok(
        requests.post(_fill_variables(settings.webhook, environ), json=body, timeout=settings.timeout_s)
    )


def _mail(settings: AlertSettings, alert: Alert, environ: Mapping[str, str]) -> None:
    # A password may hold what separates the parts of an address.
    whole = MAIL_SERVER.match(settings.smtp)
    parts = urlsplit(settings.smtp if whole else _fill_variables(settings.smtp, environ))
    message = EmailMessage()
    message["Subject"], message["From"] = alert.title, settings.mail_from
    message["To"] = ", ".join(settings.mail_to)
    message.set_content(alert.text)
    host, encrypted = parts.hostname or "", parts.scheme == "smtps"
    kind = smtplib.SMTP_SSL if encrypted else smtplib.SMTP
    with kind(host, parts.port or 0, timeout=settings.timeout_s) as server:
        server.ehlo()
        if not encrypted and server.has_extn("starttls"):
            server.starttls()
            encrypted = True
        if parts.username and parts.password:
            if not encrypted:
                raise LookalikeError("it takes the password only without encryption, so it was not sent")
            user, password = (
                _fill_variables(unquote(part), environ) for part in (parts.username, parts.password)
            )
            server.login(user, password)
        server.send_message(message)


def _notify(address: str, alert: Alert, environ: Mapping[str, str]) -> None:
    if importlib.util.find_spec("apprise") is None:
        raise LookalikeError("it needs the package apprise; run `pip install 'lookalike[flows]'`")
    import apprise

    # Apprise logs the addresses that it cannot reach, with their secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    receiver = apprise.Apprise()
    if not receiver.add(_fill_variables(address, environ)):
        raise LookalikeError("Apprise does not know such an address")
    if not receiver.notify(title=alert.title, body=alert.text):
        raise LookalikeError("Apprise could not deliver it")


def _fill_variables(text: str, environ: Mapping[str, str]) -> str:
    try:
        return Template(text).substitute(environ)
    except KeyError as error:
        raise InputError(f"the environment variable {error.args[0]} is not set") from None
    except ValueError:
        raise InputError("a `$` that begins no `${NAME}` is written `$$`") from None


def _require_ok(response: requests.Response) -> None:
    if not response.ok:
        raise LookalikeError(f"it answers HTTP {response.status_code}")


def _reason(error: Exception) -> str:
    if isinstance(error, requests.Timeout | TimeoutError):
        return "it does not answer in time"
    if isinstance(error, requests.ConnectionError | ConnectionError | socket.gaierror):
        return "it cannot be reached"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answers SMTP {error.smtp_code}"
    return type(error).__name__


def _without_secrets(address: str) -> str:
    """An address without its secrets: scheme and host only."""
    if VARIABLE.match(address):
        return address
    parts = urlsplit(address)
    host = (parts.netloc.rpartition("@")[2]) if parts.scheme in ("http", "https", "smtp", "smtps") else "…"
    return f"{parts.scheme}://{host}"
