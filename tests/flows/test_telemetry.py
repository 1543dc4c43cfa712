"""Spans of a night, received by a real OTLP/HTTP server."""

from __future__ import annotations

import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from embedding.encoder.stage import EmbedOutcome
from flows import night as night_module
from flows.config import Config
from flows.night import crawl_store, embed_images, index_and_publish, run_nightly
from scrapers.config.store import Store
from scrapers.crawl import CrawlOutcome
from storage.errors import LookalikeError
from storage.root import Root
from tests import catalogues
from tests.flows.test_night import NOW

STORES = tuple(Store(name=name, url=f"https://{name}.example") for name in ("a.example", "down.example"))


@dataclass
class Receiver:
    """An OTLP/HTTP server: the spans it got, what else it was sent, and the status it answers."""

    address: str = ""
    status: int = 200
    spans: list[Any] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


def attributes(thing: Any) -> dict[str, Any]:
    found = {}
    for one in thing.attributes:
        kind = one.value.WhichOneof("value")
        value = getattr(one.value, kind)
        found[one.key] = [item.string_value for item in value.values] if kind == "array_value" else value
    return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    got = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.paths.append(self.path)
            for part in ExportTraceServiceRequest.FromString(body).resource_spans:
                got.resources.append(attributes(part.resource))
                got.spans += [span for scope in part.scope_spans for span in scope.spans]
            self.send_response(got.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    got.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield got
    server.shutdown()
    server.server_close()


def crawled(root: Root, store: Store, **_: Any) -> CrawlOutcome:
    """What a crawl of a store ends with, without the crawl."""
    down = store.name.startswith("down")
    return CrawlOutcome(
        store.name,
        f"crawl-{store.name}",
        "sitemap",
        "failed" if down else "complete",
        NOW,
        NOW,
        12,
        requests=34,
        message=f"{store.name} is read." if not down else f"{store.name} is down.",
        failure="dns" if down else None,
    )


class Stages:
    """A night's own stages, over a catalogue that is embedded already."""

    def __init__(self, root: Root, config: Config) -> None:
        self.root, self.config = root, config

    def crawl(self, store: Store) -> CrawlOutcome:
        return crawl_store(self.root, store, self.config)

    def embed(self) -> EmbedOutcome:
        return embed_images(self.root, self.config)

    def index(self, model: str) -> Any:
        return index_and_publish(self.root, self.config, model)


@pytest.fixture
def catalogue(root: Root, monkeypatch: pytest.MonkeyPatch) -> Root:
    catalogues.simple(root, 12, stores=["a.example"])
    shutil.rmtree(root.encoders / catalogues.MODEL)
    catalogues.write_encoder(root, weights="untrained")
    monkeypatch.setattr(night_module, "run_crawl", crawled)
    return root


def night_of(root: Root, **telemetry: Any) -> Any:
    config = Config(
        file=None,
        name="shoes",
        data=root.path,
        stores=STORES,
        embed={"weights": "untrained"},
        telemetry=telemetry,
        crawl=catalogues.ALWAYS_SERVED,
    )
    return run_nightly(config, stages=Stages(root, config))


def test_each_stage_of_a_night_is_a_span(catalogue: Root, receiver: Receiver) -> None:
    done = night_of(catalogue, otlp=f"{receiver.address}/")
    assert done.untold == ()
    assert set(receiver.paths) == {"/v1/traces"}
    assert all(
        (one["service.name"], one["service.namespace"]) == ("lookalike", "shoes")
        for one in receiver.resources
    )
    assert sorted(span.name for span in receiver.spans) == [
        "crawl", "crawl", "embed", "index", "night", "publish",
    ]  # fmt: skip
    [night] = receiver.named("night")
    [index] = receiver.named("index")
    [publish] = receiver.named("publish")
    assert len({span.trace_id for span in receiver.spans}) == 1
    assert {span.name: span.parent_span_id for span in receiver.spans} == {
        "night": b"",
        "crawl": night.span_id,
        "embed": night.span_id,
        "index": night.span_id,
        "publish": index.span_id,
    }
    crawls = {attributes(span)["lookalike.store"]: span for span in receiver.named("crawl")}
    good, down = crawls["a.example"], crawls["down.example"]
    assert attributes(good)["lookalike.crawl_id"] == "crawl-a.example"
    assert attributes(down)["lookalike.crawl_id"] == "crawl-down.example"
    assert attributes(down)["lookalike.failure"] == "dns"
    assert (good.status.code, down.status.code) == (0, 2)
    assert "down.example is down." in down.events[0].attributes[1].value.string_value
    assert attributes(night)["lookalike.ok"] is False
    assert attributes(index)["lookalike.generation"] == attributes(publish)["lookalike.generation"]
    assert index.start_time_unix_nano <= publish.start_time_unix_nano <= publish.end_time_unix_nano
    assert publish.end_time_unix_nano <= index.end_time_unix_nano


def test_an_unchanged_index_is_not_published_again(catalogue: Root, receiver: Receiver) -> None:
    night_of(catalogue)
    assert receiver.spans == []
    night_of(catalogue, otlp=receiver.address)
    assert receiver.named("index")
    assert not receiver.named("publish")


def closed() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


@pytest.mark.parametrize("wrong", ["closed", "refuses", "package"])
def test_a_receiver_that_takes_nothing_is_a_sentence(
    catalogue: Root, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    address, receiver.status = (closed() if wrong == "closed" else receiver.address), 404
    if wrong == "package":
        monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    done = night_of(catalogue, otlp=address, timeout_s=0.5)
    assert done.index is not None
    assert done.failures == ("down.example is down. " + done.failures[0].partition(". ")[2],)
    [sentence] = done.untold
    expected = {
        "package": "Run `pip install 'lookalike[telemetry]'`.",
        "closed": f"`telemetry.otlp` ({address}) did not take 6 spans of the night",
        "refuses": f"`telemetry.otlp` ({address}) did not take 6 spans of the night",
    }
    assert expected[wrong] in sentence


@pytest.mark.parametrize(
    ("variable", "value"), [("OTEL_BSP_MAX_QUEUE_SIZE", "0"), ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many")]
)
def test_a_malformed_variable_of_opentelemetry_stops_no_night(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    from flows import telemetry

    monkeypatch.setenv(variable, value)
    config = Config(file=None, data=tmp_path, telemetry={"otlp": receiver.address})
    untold: list[str] = []
    with telemetry.tracing(config, untold), telemetry.span("night") as describe:
        describe(ok=True)
    [sentence] = untold
    assert "OTEL_*" in sentence
    assert receiver.spans == []


def test_a_span_of_a_night_that_is_not_traced_is_none(tmp_path: Path) -> None:
    from flows import telemetry

    spans: list[str] = []
    with telemetry.tracing(Config(file=None, data=tmp_path), spans), telemetry.span("night") as describe:
        describe(ok=True)
        telemetry.past_span("publish", NOW)
    assert spans == []


def test_an_error_goes_through_a_span_as_it_is(catalogue: Root, receiver: Receiver) -> None:
    from flows import telemetry

    config = Config(file=None, data=catalogue.path, telemetry={"otlp": receiver.address})
    with (
        pytest.raises(LookalikeError, match="no photo"),
        telemetry.tracing(config, []),
        telemetry.span("embed"),
    ):
        raise LookalikeError("There is no photo.")
    assert [span.status.code for span in receiver.named("embed")] == [2]
