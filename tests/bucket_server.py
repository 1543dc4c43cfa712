"""A real S3 server on localhost (moto), in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import obstore
import requests
from obstore.store import S3Store

BUCKET = "shop"
START_S = 60.0


@contextmanager
def bucket_server() -> Iterator[str]:
    """Serves one empty bucket; its address for AWS_ENDPOINT_URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + START_S
            while time.monotonic() < until:
                with suppress(requests.ConnectionError):
                    if requests.put(f"{url}/{BUCKET}", timeout=5).ok:
                        break
            yield url
        finally:
            server.terminate()


def settings(url: str) -> dict[str, str]:
    """The environment by which the server is reached."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }


def objects(prefix: str) -> dict[str, bytes]:
    """What the bucket holds below a prefix, by name, seen past the code under test."""
    store = S3Store(BUCKET, prefix=prefix, client_options={"allow_http": True})
    names = [str(entry["path"]) for page in obstore.list(store) for entry in page]
    return {name: bytes(obstore.get(store, name).bytes()) for name in names}


def write_object(prefix: str, name: str, data: bytes) -> None:
    """Writes an object past the code under test."""
    obstore.put(S3Store(BUCKET, prefix=prefix, client_options={"allow_http": True}), name, data)


def without_settings() -> dict[str, str]:
    """This process's environment, with no word of any bucket."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
