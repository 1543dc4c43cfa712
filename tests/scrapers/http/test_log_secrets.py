"""No line that a crawl's process logs holds a store's secret, whoever logs it."""

import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from scrapers.http.credentials import fill_credentials, hide_in_logs

SECRET = "hunter2/& and more"
STORE = "https://shop.example"


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What is logged once the secrets of a store are hidden."""
    made = logging.getLogRecordFactory()
    credentials = fill_credentials({"X-Auth": "${TOKEN}"}, None, [STORE], {"TOKEN": SECRET}, store="shop")
    hide_in_logs(credentials)
    caplog.set_level(logging.DEBUG)
    yield caplog
    logging.setLogRecordFactory(made)


@pytest.mark.parametrize("spelling", [SECRET, quote(SECRET), quote(SECRET, safe="")])
@pytest.mark.parametrize(
    "logger", ["scrapy.core.engine", "scrapers.crawl", "twisted", "urllib3.connectionpool"]
)
def test_a_secret_in_a_message_or_its_arguments_is_hidden(logged, spelling: str, logger: str) -> None:
    logging.getLogger(logger).warning("Redirecting to %s", f"{STORE}/?token={spelling}")
    logging.getLogger(logger).error(f"{STORE}/?token={spelling} failed")
    assert "/?token=***" in logged.text
    assert spelling not in logged.text


def test_a_secret_in_a_traceback_is_hidden(logged) -> None:
    try:
        raise ValueError(f"bad header {SECRET}")
    except ValueError:
        logging.getLogger("scrapy.core.scraper").exception("Spider error")
    assert "ValueError: bad header ***" in logged.text
    assert SECRET not in logged.text
