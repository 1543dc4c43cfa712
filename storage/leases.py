"""Locks in a bucket: an object that one process creates, renews while it works, and deletes.

A bucket does not notice if a process dies, so a lock expires if it is not renewed. Creating, renewing and
taking over are conditional writes: of two processes that try at once, only one succeeds.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from storage.clock import latest_credible
from storage.errors import BusyError, LookalikeError

LEASE_TIME = timedelta(seconds=120)
"""A lock that is not renewed for this time may be taken over. The clocks of two machines may differ by most
of it."""

_RENEWALS = 6
"""Renewals of a lock within `LEASE_TIME`."""

_TRIES = 3


@dataclass(frozen=True)
class _Held:
    """The content of a lock's object."""

    id: str
    owner: str
    expires_at: datetime
    etag: str


class Lease:
    """A held lock; the constructor acquires it.

    :param name: the object's name.
    :param where: what is locked, for messages.
    :raises BusyError: another process holds it.
    """

    def __init__(self, store: S3Store, name: str, where: str, duration: timedelta = LEASE_TIME) -> None:
        self._store, self._name, self._where, self._duration = store, name, where, duration
        self._id = uuid.uuid4().hex
        self._taken_at = self._renewed_at = datetime.now(UTC)
        self._lost = False
        self._etag = self._take()
        self._done = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name=f"renew {name}", daemon=True)
        self._renewing.start()

    def check(self) -> None:
        """Checks that the lock is still held.

        :raises LookalikeError: another process may have worked at the same time.
        """
        if self._lost:
            raise LookalikeError(
                f"{self._where} could not be renewed for {self._duration.total_seconds():.0f} s and may be "
                "another process's now. Run it again once no other process works there."
            )

    def release(self) -> None:
        """Releases the lock.

        :raises LookalikeError: it was lost meanwhile.
        """
        self._done.set()
        self._renewing.join()
        held = self._read()
        if held is not None and held.id == self._id:
            obstore.delete(self._store, self._name)
        else:
            self._lost = True
        self.check()

    def _take(self) -> str:
        for _ in range(_TRIES):
            try:
                return self._put(None)
            except AlreadyExistsError:
                held = self._read()
            if held is None:
                continue  # just released
            if held.id == self._id:
                return held.etag  # the response to our first try was lost
            if datetime.now(UTC) < held.expires_at:
                raise BusyError(
                    f"Another process holds {self._where} ({held.owner}). Wait until it is done, or stop it; "
                    f"if it died, the lock ends at {held.expires_at:%H:%M:%S} UTC."
                )
            with suppress(PreconditionError, FileNotFoundError):  # another took it over, or it was released
                return self._put(held.etag)
        raise BusyError(f"Other processes are taking {self._where} just now. Try again.")

    def _renew(self) -> None:
        while not self._lost and not self._done.wait(self._duration.total_seconds() / _RENEWALS):
            try:
                self._etag = self._renewed()
                self._renewed_at = datetime.now(UTC)
            except (BaseError, OSError):
                self._lost = datetime.now(UTC) - self._renewed_at > self._duration

    def _renewed(self) -> str:
        try:
            return self._put(self._etag)
        except (PreconditionError, FileNotFoundError):
            held = self._read()
            self._lost = held is None or held.id != self._id
            return self._etag if held is None else held.etag

    def _put(self, before: str | None) -> str:
        """Writes the lock if its etag is still `before`, or if it does not exist and `before` is None."""
        mode: Any = "create" if before is None else {"e_tag": before}
        return str(obstore.put(self._store, self._name, self._body(), mode=mode)["e_tag"])

    def _body(self) -> bytes:
        facts = {
            "id": self._id,
            "owner": f"{socket.gethostname()}, process {os.getpid()}",
            "taken_at": self._taken_at.isoformat(),
            "expires_at": (datetime.now(UTC) + self._duration).isoformat(),
        }
        return json.dumps(facts).encode()

    def _read(self) -> _Held | None:
        """The lock's present content; None if nobody holds it."""
        try:
            found = obstore.get(self._store, self._name)
            body = bytes(found.bytes())
        except FileNotFoundError:
            return None
        etag, by_bucket = str(found.meta["e_tag"]), found.meta["last_modified"] + LEASE_TIME
        try:
            facts = json.loads(body)
            expires_at = datetime.fromisoformat(facts["expires_at"]).astimezone(UTC)
            # A clock that was ahead must not lock the root for as long.
            expires_at = expires_at if expires_at <= latest_credible() else by_bucket
            return _Held(str(facts["id"]), str(facts["owner"]), expires_at, etag)
        except (ValueError, KeyError, TypeError):
            return _Held("", "unknown", by_bucket, etag)
