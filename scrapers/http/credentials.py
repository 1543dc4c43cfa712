"""A store's secrets: `lookalike.toml` holds the names of environment variables, never their values."""

from __future__ import annotations

import logging
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from scrapers.config.secrets import VARIABLE, is_http_proxy
from scrapers.http.addresses import Origin, hide_userinfo, origin_of
from storage.errors import InputError

if TYPE_CHECKING:
    from scrapers.config.store import Store

_HEADER_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff\t]*")
_SHORTEST_HIDDEN = 4
"""Shorter secrets, in characters, are not hidden in texts: they may be part of any word or number."""


@dataclass(frozen=True)
class Credentials:
    """A store's own headers and proxy with the values of their variables; secrets print as `***`.

    :ivar headers: sent to `origins` only.
    :ivar proxy: the proxy's address, with user name and password.
    :ivar secrets: the values of the environment variables in them.
    """

    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    origins: tuple[Origin, ...] = ()
    proxy: SecretStr | None = None
    secrets: tuple[SecretStr, ...] = ()

    def headers_for(self, url: str) -> dict[str, str]:
        """The headers to send with a request; none if it goes to another server than the store's."""
        if not self.headers or not any(origin.serves(url) for origin in self.origins):
            return {}
        return {name: value.get_secret_value() for name, value in self.headers.items()}

    def with_cookies(self, url: str, cookies: str) -> Credentials:
        """The credentials for one address, with the cookies that its page has set."""
        headers = self.headers_for(url)
        own = next((headers.pop(name) for name in list(headers) if name.lower() == "cookie"), None)
        headers["Cookie"] = "; ".join(filter(None, [own, cookies]))
        sent = {name: SecretStr(value) for name, value in headers.items()}
        return replace(self, headers=sent, origins=(origin_of(url),))

    @property
    def proxy_address(self) -> str | None:
        """The proxy's address without user name and password."""
        if self.proxy is None:
            return None
        parts = urlsplit(self.proxy.get_secret_value())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def proxy_authorization(self) -> SecretStr | None:
        """The value of the header `Proxy-Authorization`; None if the proxy needs none."""
        parts = urlsplit(self.proxy.get_secret_value() if self.proxy else "")
        if not parts.username:
            return None
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return SecretStr("Basic " + b64encode(pair.encode()).decode())

    def redacted(self, text: str) -> str:
        """A text with the secrets as `***`, for tables and logs: a store may echo what it was sent."""
        for secret in self._spellings():
            text = text.replace(secret, "***")
        return hide_userinfo(text) if "@" in text else text

    def _spellings(self) -> list[str]:
        values = [secret.get_secret_value() for secret in self.secrets]
        if self.proxy_authorization:
            values.append(self.proxy_authorization.get_secret_value().removeprefix("Basic "))
        spelt = {form for value in values for form in (value, quote(value, safe=""), quote(value))}
        return sorted((form for form in spelt if len(form) >= _SHORTEST_HIDDEN), key=len, reverse=True)


def hide_in_logs(credentials: Credentials) -> None:
    """Replaces the secrets by `***` in everything that this process logs from now on."""
    if not credentials.secrets:
        return
    made = logging.getLogRecordFactory()

    def redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = made(*args, **kwargs)
        record.msg, record.args = credentials.redacted(record.getMessage()), ()
        if record.exc_info:  # formatters keep a text that is there
            record.exc_text = credentials.redacted(logging.Formatter().formatException(record.exc_info))
        return record

    logging.setLogRecordFactory(redacted)


def credentials_of(store: Store, environ: Mapping[str, str]) -> Credentials:
    """The credentials of a store's entry; its headers go to exactly the servers that it names.

    :raises InputError: where an environment variable that the entry names is not set, or not usable.
    """
    return fill_credentials(store.headers, store.proxy, store.addresses, environ, store=store.name)


def fill_credentials(
    headers: Mapping[str, str],
    proxy: str | None,
    addresses: Iterable[str],
    environ: Mapping[str, str],
    *,
    store: str,
) -> Credentials:
    """The credentials of headers and a proxy that are not in an entry yet.

    :param addresses: addresses of the servers that get the headers.
    :param store: the store's name, for error messages.
    :raises InputError: as `credentials_of`.
    """
    names = {place[1] for text in (*headers.values(), proxy or "") for place in VARIABLE.finditer(text)}
    sent = {name: SecretStr(fill_variables(value, environ, store=store)) for name, value in headers.items()}
    for name, value in sent.items():
        if not _HEADER_VALUE.fullmatch(value.get_secret_value()):
            raise InputError(
                f"The header '{name}' of the store '{store}' has a line break or another character that no "
                "header may have. Correct its environment variable."
            )
    address = fill_variables(proxy, environ, store=store) if proxy else None
    if address and not is_http_proxy(address):
        raise InputError(
            f"The proxy of the store '{store}' is no address such as http://proxy.example:3128, once its "
            "environment variables are filled in. Correct them."
        )
    return Credentials(
        headers=sent,
        origins=tuple(dict.fromkeys(origin_of(url) for url in addresses)),
        proxy=SecretStr(address) if address else None,
        secrets=tuple(SecretStr(environ[name]) for name in sorted(names)),
    )


def fill_variables(text: str, environ: Mapping[str, str], *, store: str) -> str:
    """A text with each `${NAME}` replaced by that environment variable's value.

    :param store: the store's name, for the error message.
    :raises InputError: where a variable is not set.
    """

    def value(place: re.Match[str]) -> str:
        if not environ.get(place[1]):
            raise InputError(
                f"The environment variable {place[1]} is not set, which the store '{store}' needs. Set it."
            )
        return environ[place[1]]

    return VARIABLE.sub(value, text)
