"""The figures of `soak.py`: a line a night, the summary, the plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class NightRecord:
    """One night: what was to happen and what did."""

    night: int
    fault: str
    store: str
    statuses: dict[str, str]
    failures: list[str]
    alarm: str
    wrong: list[str]
    seconds: float
    processor_s: float
    peak_mb: float
    root_mb: float
    files: int
    published: int = 0
    unnamed: list[str] = field(default_factory=list)


def summarise(records: Sequence[NightRecord]) -> dict[str, Any]:
    """The figures of all nights."""
    quiet = [record for record in records[1:] if not record.fault]
    half = len(quiet) // 2
    return {
        "nights": len(records),
        "faults": sum(bool(record.fault) for record in records),
        "kinds": len({record.fault for record in records} - {""}),
        "wrong": sum(len(record.wrong) for record in records),
        "unnamed": sum(len(record.unnamed) for record in records),
        "false_alarms": sum(bool(record.alarm) for record in records),
        "first_night_s": records[0].processor_s,
        "quiet_night_s": [_median(part, "processor_s") for part in (quiet[:half], quiet[half:])],
        "peak_mb": [_median(part, "peak_mb") for part in (quiet[:half], quiet[half:])],
        "root_mb": [records[0].root_mb, records[len(records) // 2].root_mb, records[-1].root_mb],
        "files": [records[0].files, records[len(records) // 2].files, records[-1].files],
    }


def plot(records: Sequence[NightRecord], file: Path) -> None:
    """Draws seconds, memory and the data root's size by night."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    FigureCanvasAgg(figure)
    nights = [record.night for record in records]
    panels = {"processor_s": "processor time, s", "peak_mb": "peak memory, MB", "root_mb": "data root, MB"}
    troubled = [record for record in records if record.fault]
    for axes, (name, label) in zip(figure.subplots(len(panels), sharex=True), panels.items(), strict=True):
        axes.plot(nights, [getattr(record, name) for record in records], color="#2f6f4f", linewidth=1)
        dots = [getattr(record, name) for record in troubled]
        axes.plot([record.night for record in troubled], dots, "o", color="#b5533c", markersize=3)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
    figure.axes[-1].set_xlabel("night (dots: something goes wrong)")
    figure.savefig(file, dpi=120)


def line(record: NightRecord) -> str:
    """One night in a line, and what was wrong with it below."""
    figures = f"{record.processor_s:6.1f} s  {record.root_mb:7.2f} MB  {record.published}"
    alarm = [f"False alarm: {record.alarm}"] if record.alarm else []
    return "\n     ".join(
        [
            f"{record.night:3}  {record.fault or '–':22} {record.store:14} {figures}",
            *record.wrong[:3],
            *record.unnamed,
            *alarm,
        ]
    )


def _median(records: Sequence[NightRecord], name: str) -> float:
    return float(np.median([getattr(record, name) for record in records])) if records else 0.0
