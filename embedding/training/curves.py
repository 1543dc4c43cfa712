"""Plots the learning curves of a training."""

from __future__ import annotations

from pathlib import Path


def draw_curves(history: dict[str, list], laps: list[int], out: Path) -> None:
    """Writes a PNG with the loss a lap and, an epoch and label, precision@5, accuracy and F-beta.

    :param history: see `embedding.training.checkpoints.Checkpoints`; each of its epochs names its `step`.
    :param laps: the step that each lap of `loss` ended with.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    measures = (("precision_at_5", "precision@5"), ("accuracy", "accuracy"), ("f_beta", "F-beta"))
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    loss, *panels = figure.subplots(1, 1 + len(measures))
    loss.plot(laps, history["loss"], color="#555")
    loss.set_title("loss, training")
    epochs = history["epochs"]
    labels = list(epochs[-1]["labels"]) if epochs else []
    for panel, (measure, title) in zip(panels, measures, strict=True):
        for label in labels:
            points = [(of["step"], of["labels"][label][measure]) for of in epochs if label in of["labels"]]
            points = [point for point in points if point[1] is not None]
            panel.plot(*zip(*points, strict=True) if points else ([], []), marker="o", ms=3, label=label)
        panel.set_title(f"{title}, validation")
        panel.set_ylim(0, 1)
    for panel in (loss, *panels):
        panel.set_xlabel("step")
        panel.grid(alpha=0.25)
    if labels:
        figure.legend(*panels[-1].get_legend_handles_labels(), loc="outside lower center", ncols=len(labels))
    figure.savefig(out, dpi=110)
