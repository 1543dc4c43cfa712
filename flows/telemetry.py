"""Traces a night by OpenTelemetry: a span for the night, each crawl, embedding, index and publication."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flows.config import Config

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

SERVICE = "lookalike"
"""The service's name, and the prefix of all attributes."""

Describe = Callable[..., None]
"""Adds attributes to a span, given as keywords; those that are None are left out."""

_tracer: ContextVar[Tracer | None] = ContextVar("tracer", default=None)


@contextmanager
def tracing(config: Config, undelivered: list[str]) -> Iterator[None]:
    """Delivers the spans made inside the block to the receiver that the settings name, if they name one.

    :param undelivered: gets a sentence if not all were delivered.
    """
    settings = config.telemetry
    if not settings.otlp:
        yield
        return
    refused: list[int] = []
    try:
        provider = _provider(config, refused)
    except ImportError as error:
        undelivered.append(
            f"`telemetry.otlp` needs the package {error.name}. Run `pip install 'lookalike[telemetry]'`."
        )
        yield
        return
    except Exception as error:  # OpenTelemetry reads its OTEL_* variables; the night runs all the same
        undelivered.append(
            f"`telemetry.otlp` ({settings.otlp}) got no span of the night ({error}). Correct the OTEL_* "
            "variables of the environment."
        )
        yield
        return
    token = _tracer.set(provider.get_tracer(SERVICE))
    try:
        yield
    finally:
        _tracer.reset(token)
        provider.shutdown()  # delivers what is left
        if refused:
            undelivered.append(
                f"`telemetry.otlp` ({settings.otlp}) did not take {sum(refused)} spans of the night: "
                "it cannot be reached, or is no OTLP/HTTP receiver."
            )


@contextmanager
def span(name: str, **attributes: object) -> Iterator[Describe]:
    """A span around the block, if the night is traced; an error of the block is noted in it."""
    tracer = _tracer.get()
    if tracer is None:
        yield lambda **_: None
        return
    with tracer.start_as_current_span(name, attributes=_named(attributes)) as current:
        yield lambda **more: current.set_attributes(_named(more))


def past_span(name: str, began: datetime, **attributes: object) -> None:
    """A span from a moment until now, inside the current one."""
    if (tracer := _tracer.get()) is not None:
        began_ns = int(began.timestamp() * 1e9)
        tracer.start_span(name, attributes=_named(attributes), start_time=began_ns).end()


def _provider(config: Config, refused: list[int]) -> TracerProvider:
    """:param refused: gets the number of spans of each delivery that failed."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # the night's report says it once
    address = f"{config.telemetry.otlp.rstrip('/')}/v1/traces"
    receiver = _noting(OTLPSpanExporter(endpoint=address, timeout=config.telemetry.timeout_s), refused)
    # The night's own provider: Prefect may trace itself by the global one.
    provider = TracerProvider(
        resource=Resource.create({"service.name": SERVICE, "service.namespace": config.name}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(receiver))
    return provider


def _noting(receiver: SpanExporter, refused: list[int]) -> SpanExporter:
    """A receiver that notes how many spans it did not take."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Noting(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            result = receiver.export(spans)
            if result is not SpanExportResult.SUCCESS:
                refused.append(len(spans))
            return result

        def shutdown(self) -> None:
            receiver.shutdown()

    return Noting()


def _named(attributes: dict[str, object]) -> dict[str, Any]:
    return {f"{SERVICE}.{name}": value for name, value in attributes.items() if value is not None}
