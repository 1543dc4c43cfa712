"""A bucket that cannot be reached is one sentence, in time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.bucket_server import BUCKET, bucket_server, settings, without_settings

IN_TIME_S = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with bucket_server() as url:
        yield url


OPEN = """
import sys
from storage.errors import LookalikeError
from storage.root import Root
try:
    Root.open(sys.argv[1])
except LookalikeError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"bucket": "none"}, "The bucket of s3://none/data does not exist. Make it, or correct the name."),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "s3://shop/data cannot be reached ("),
        (
            # Where a machine in a cloud would be asked for its role's credentials.
            {
                "AWS_ACCESS_KEY_ID": "",
                "AWS_SECRET_ACCESS_KEY": "",
                "AWS_METADATA_ENDPOINT": "http://127.0.0.1:1",
            },
            "There are no credentials for s3://shop/data. Set AWS_ACCESS_KEY_ID and",
        ),
    ],
    ids=["no bucket", "nobody there", "no credentials"],
)
def test_what_is_out_of_reach_is_one_sentence_in_time(
    server: str, environ: dict[str, str], says: str
) -> None:
    given = {
        name: value for name, value in (settings(server) | environ).items() if value and name != "bucket"
    }
    command = [sys.executable, "-c", OPEN, f"s3://{environ.get('bucket', BUCKET)}/data"]
    seen = subprocess.run(
        command, env=without_settings() | given, capture_output=True, text=True, timeout=IN_TIME_S, check=True
    )
    assert seen.stdout.startswith(says)
    assert seen.stdout.count("\n") == 1
