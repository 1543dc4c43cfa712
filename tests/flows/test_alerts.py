"""Alerts on real receivers: a web server, a mail server, Apprise, a dead man's switch."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from flows.alerts import AlertSettings, alert_of, send
from flows.config import Config, load_config
from flows.night import Night, run_nightly
from lookalike.cli import main
from storage import tables
from storage.errors import InputError
from storage.root import Root
from storage.staging import Finding, Staging, State
from tests.flows.test_night import NOW, STORES, Stages, outcome

BAD = Night(NOW, NOW, (outcome(STORES[1], "partial", "Time is up."),), None, None, ("'a' is down.",))


class Receiver:
    """A web server that notes what it is asked.

    :ivar asked: path and body of each request; `status` what it answers.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                receiver.asked.append((self.path, body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"

    @contextmanager
    def running(self) -> Iterator[Receiver]:
        thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()


@pytest.fixture
def web() -> Iterator[Receiver]:
    with Receiver().running() as receiver:
        yield receiver


class Mailbox:
    def __init__(self) -> None:
        self.mails: list = []

    async def handle_DATA(self, server, session, envelope) -> str:
        self.mails.append((envelope.rcpt_tos, BytesParser().parsebytes(envelope.content)))
        return "250 Message accepted for delivery"


@pytest.fixture
def mail() -> Iterator[tuple[Mailbox, str]]:
    mailbox = Mailbox()

    def allowed(server, session, envelope, mechanism, data) -> AuthResult:
        return AuthResult(success=data.password == b"pass@word/1")

    controller = Controller(
        mailbox, "127.0.0.1", free_port(), authenticator=allowed, auth_require_tls=False, auth_required=False
    )
    controller.start()
    yield mailbox, f"127.0.0.1:{controller.port}"
    controller.stop()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def alert(night: Night = BAD, catalogue: str = "shoes"):
    made = alert_of(night, catalogue)
    assert made is not None
    return made


def mails(server: str, **other) -> AlertSettings:
    return AlertSettings(smtp=f"smtp://{server}", mail_from="lookalike@shop.example", **other)


def test_an_alert_says_what_was_not_good():
    made = alert()
    assert made.title == "Lookalike (shoes): the night of 2026-11-01 was not ok"
    assert made.reasons == ("'a' is down.", "'b' was read in part: Time is up.")
    partial = Night(NOW, NOW, BAD.crawls, None, None, ())
    assert alert(partial, "").title == "Lookalike: the night of 2026-11-01 is partial"
    assert alert_of(Night(NOW, NOW, (outcome(STORES[0]),), None, None, ()), "") is None


def test_a_webhook_gets_it_as_json(web):
    settings = AlertSettings(webhook=f"http://{web.host}/${{TOKEN}}")
    assert send(settings, alert(), {"TOKEN": "abc"}) == []
    [(path, body)] = web.asked
    sent = json.loads(body)
    assert (path, sent["catalogue"], sent["reasons"]) == ("/abc", "shoes", list(alert().reasons))
    assert sent["text"].endswith("- 'a' is down.\n- 'b' was read in part: Time is up.")


def test_a_mail_is_sent_to_everyone(mail):
    mailbox, server = mail
    assert send(mails(server, mail_to=["a@shop.example", "b@shop.example"]), alert(), {}) == []
    [(to, message)] = mailbox.mails
    assert to == ["a@shop.example", "b@shop.example"]
    assert message["Subject"] == alert().title
    assert "'b' was read in part: Time is up." in message.get_payload()


def test_apprise_addresses_are_told(web):
    settings = AlertSettings(apprise=[f"json://{web.host}/apprise"])
    assert send(settings, alert(), {}) == []
    [(path, body)] = web.asked
    assert (path, json.loads(body)["title"]) == ("/apprise", alert().title)


def closed() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"webhook": "http://{closed}/secret"},
            "`alerts.webhook` (http://{closed}) could not be notified: it cannot be",
        ),
        ({"webhook": "${NONE}"}, "the environment variable NONE is not set."),
        ({"webhook": "http://{closed}/$"}, "a `$` that begins no `${NAME}` is written `$$`."),
        ({"webhook": "http://{web}/"}, "it answers HTTP 500."),
        ({"smtp": "smtp://{closed}", "mail_from": "a@b.c", "mail_to": ["a@b.c"]}, "it cannot be reached."),
        (
            {"smtp": "smtp://me:${{P}}@{mail}", "mail_from": "a@b.c", "mail_to": ["a@b.c"]},
            "it takes the password only without encryption, so it was not sent.",
        ),
        ({"apprise": ["json://{closed}/secret"]}, "Apprise could not deliver it."),
        ({"apprise": ["nothing://secret"]}, "Apprise does not know such an address."),
    ],
)
def test_who_cannot_be_told_is_a_sentence_without_secrets(web, mail, settings, said):
    web.status = 500
    places = {"{closed}": closed(), "{web}": web.host, "{mail}": mail[1], "{{": "{", "}}": "}"}

    def placed(value):
        if isinstance(value, list):
            return [placed(one) for one in value]
        for name, place in places.items():
            value = value.replace(name, place)
        return value

    chosen = AlertSettings(**{name: placed(value) for name, value in settings.items()}, timeout_s=2.0)
    [sentence] = send(chosen, alert(), {"P": "pass@word/1"})
    assert placed(said) in sentence
    assert "secret" not in sentence
    assert "pass@word" not in sentence


def test_one_who_cannot_be_told_keeps_nobody_else_from_it(web):
    settings = AlertSettings(webhook=f"http://{closed()}", apprise=[f"json://{web.host}"])
    assert len(send(settings, alert(), {})) == 1
    assert len(web.asked) == 1


@pytest.mark.parametrize(("down", "ending"), [((), ""), (("b",), "/fail")])
def test_a_night_pings_at_its_start_and_end(tmp_path, web, down, ending):
    settings = {"ping": f"http://{web.host}/uuid", "webhook": f"http://{web.host}/hook"}
    config = Config(file=None, data=tmp_path / "data", stores=STORES, alerts=settings)
    night = run_nightly(config, stages=Stages(down=down))
    assert night.untold == ()
    alerted = ["/hook"] if down else []
    assert [path for path, _ in web.asked] == ["/uuid/start", *alerted, f"/uuid{ending}"]


def test_a_night_goes_on_though_nobody_can_be_told(tmp_path):
    settings = {"ping": f"http://{closed()}", "webhook": f"http://{closed()}"}
    config = Config(file=None, data=tmp_path / "data", stores=STORES, alerts=settings)
    night = run_nightly(config, stages=Stages(down=["b"]))
    assert [crawl.store for crawl in night.crawls] == ["a", "c"]
    assert night.failures == ("b is down.",)
    assert [sentence.partition("`")[2].partition("`")[0] for sentence in night.untold] == [
        "alerts.ping",
        "alerts.webhook",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('webhook = "shop.example"', "it must be an address that starts with http://"),
        ('ping = "ftp://shop.example"', "it must be an address that starts with http://"),
        ('smtp = "mail.example"', "it must be an address such as smtp://"),
        ('smtp = "smtp://me:secret@mail.example"', "its password is written ${PASSWORD}"),
        ('smtp = "smtp://mail.example"', "mails need `smtp`, `mail_from` and `mail_to`"),
        ("stale_hours = 0.0", "greater than 0"),
        ('webhok = ""', "Did you mean `webhook`?"),
    ],
)
def test_a_wrong_setting_is_a_sentence_that_tells_no_secret(tmp_path, line, said):
    file = tmp_path / "lookalike.toml"
    file.write_text(f"[alerts]\n{line}\n")
    with pytest.raises(InputError) as refused:
        load_config(file, environ={})
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_status_check_fails_where_anything_is_stale(tmp_path, capsys):
    root = Root.open(tmp_path / "data", create=True)
    file = tmp_path / "lookalike.toml"
    stores = "".join(f'[[stores]]\nname = "{one}"\nurl = "https://{one}.example"\n' for one in "abcd")
    file.write_text(f'data = "data"\n{stores}')
    now = datetime.now(UTC)
    for store, hours in (("a", 2), ("b", 40), ("c", 2)):
        ended = now - timedelta(hours=hours)
        tables.append(
            root, "crawls", [{"store": store, "crawl_id": store, "status": "complete", "ended_at": ended}]
        )
    crawl = {"crawl_id": "c", "started_at": now, "ended_at": now}
    Staging(root, "c").decide(State.QUARANTINED, crawl, [Finding("loss", "Half is gone.")])
    assert main(["status", "--config", str(file)]) == 0
    capsys.readouterr()
    assert main(["status", "--check", "--config", str(file)]) == 1
    told = capsys.readouterr().err
    assert "'a'" not in told
    assert "'b' was last crawled completely 40 hours ago." in told
    assert "The crawl of 'c' is quarantined: Half is gone." in told
    assert "'d' has no complete crawl yet." in told
    assert "Nothing is published yet." in told
