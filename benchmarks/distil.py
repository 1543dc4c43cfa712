"""Trains the ResNet50 of `fashion-fast` to see what the fused encoder sees, for hours, resumable.

    pip install torch
    python benchmarks/distil.py OUT TARGETS PHOTOS/{catalogue,street,small,…}.parquet \
      --unseen ../shared/outfits/products.parquet [--minutes N]
    python benchmarks/distil.py OUT TARGETS PHOTOS/….parquet --cool-down 800 --export FASHION-FAST.npz

TARGETS holds a file of the same name for each of PHOTOS, with `id` and a unit vector of each part in
`_LENGTHS` as the fused encoder gives them; those of the spaces by spaces fitted without the photo.

The network sees an altered view of a photo and predicts what the fused encoder's parts say of the photo as it
is: each part by its cosine, and all of them by how alike the photo is to others (Fang et al., "SEED", 2021);
beside these, the labels. The rate is constant and the weights are averaged, so that it may be stopped at any
time; `--cool-down` lets the rate come down in so many steps. A folder OUT goes on where its last checkpoint
was. The validation split is never trained on, and neither is the unseen store.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from distil_network import ResNet50, arrays_of, assign
from torch.nn import functional
from unseen_store import model_fold

from embedding.encoder.preprocess import letterbox, pixels_of
from embedding.encoder.weights import BUNDLED_FAST, Weights, load_weights, write_weights
from embedding.exact import nearest
from embedding.training.augment import random_view
from embedding.training.datasets import ABSENT, LabelledPhotos, read_labelled, split
from storage.atomic import replacing
from storage.images import decode

SIZE = 128

_LENGTHS = {"lite0": 0.9, "lite2": 0.9, "colour": 0.2, "space": 1.0, "colour_space": 0.7}
"""Lengths that the parts have in the fused encoder's vector."""

_PART_WEIGHTS = {"lite0": 1.0, "lite2": 1.0, "colour": 0.5, "space": 1.0, "colour_space": 0.5}
_LABEL_UNITS = 256
_LABEL_WEIGHTS = dict(article_type=1.0, colour=1.5, gender=0.3, usage=0.2, season=0.1, category=0.8)  # noqa: C408
_PARTS_WEIGHT, _ALIKE_WEIGHT, _LABELS_WEIGHT = 4.0, 1.0, 0.5
_BANK, _TEMPERATURE = 2048, 0.06
_SCALE, _SMOOTHING = 8.0, 0.1

_COUNTS = {"street": 2.0, "sharp": 1.5, "small": 0.6, "rest": 0.4}
"""How often a file's photos are seen, in comparison; 1 where it is not named."""

_BATCH, _DECAY, _EMA = 64, 0.02, 0.999
_RATES = {"conv3": 0.75e-4, "conv4": 1.5e-4, "conv5": 3e-4}
_RATE_BEHIND = 6e-4
_FROZEN_STEPS, _WARM_STEPS = 100, 300
_SAVE_S, _VALIDATE_S = 600, 2400
_GALLERY, _STREET_GALLERY = 2000, 1500


@dataclass(frozen=True)
class Taught:
    """What is trained on.

    :ivar parts: by name, float16 [n, dim], L2 norm 1.
    :ivar chances: float64 [n], of being seen; sums to 1.
    """

    photos: LabelledPhotos
    parts: dict[str, np.ndarray]
    chances: np.ndarray


@dataclass(frozen=True)
class Store:
    """Photos to validate on.

    :ivar labels: values [n] by label.
    """

    photos: LabelledPhotos
    asked: np.ndarray
    gallery: np.ndarray
    labels: dict[str, np.ndarray]


class Views(torch.utils.data.Dataset):
    """A batch a step: uint8 [batch, 3, SIZE, SIZE], and its rows; both depend on the step alone."""

    def __init__(self, taught: Taught, steps: range) -> None:
        self.taught, self.steps = taught, steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng([0, self.steps[index]])
        rows = rng.choice(len(self.taught.photos), _BATCH, p=self.taught.chances)
        views = [random_view(decode(self.taught.photos.image(row)), rng) for row in rows]
        pixels = np.stack([letterbox(view, SIZE) for view in views]).transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(pixels)), torch.from_numpy(rows)


class Distillation:
    """The network in training, the average of its weights, and the optimizer."""

    def __init__(self, taught: Taught) -> None:
        torch.manual_seed(0)
        self.taught = taught
        self.widths = {name: part.shape[1] for name, part in taught.parts.items()}
        units = sum(self.widths.values()) + _LABEL_UNITS
        self.network, self.average = ResNet50(units), ResNet50(units)
        assign(self.network, load_weights(BUNDLED_FAST).arrays)
        self.average.load_state_dict(self.network.state_dict())
        for network in (self.network, self.average):
            network.to(memory_format=torch.channels_last)
        self.average.eval()
        self.heads = torch.nn.ParameterDict(
            {
                label: torch.nn.Parameter(torch.randn(_LABEL_UNITS, len(classes)) * 0.05)
                for label, classes in taught.photos.classes.items()
            }
        )
        behind = [self.network.metric, self.network.hidden, self.network.lift]
        groups = [
            {"params": list(getattr(self.network, stage).parameters()), "peak": rate}
            for stage, rate in _RATES.items()
        ]
        trained = [*(weight for layer in behind for weight in layer.parameters()), *self.heads.values()]
        groups.append({"params": trained, "peak": _RATE_BEHIND})
        self.optimizer = torch.optim.AdamW(groups, lr=0.0, weight_decay=_DECAY, foreach=True)
        self.codes = {label: torch.from_numpy(codes).long() for label, codes in taught.photos.codes.items()}
        self.bank = torch.from_numpy(_joint(taught.parts))
        self.step = 0

    def learn(self, pixels: torch.Tensor, rows: torch.Tensor, share: float) -> dict[str, float]:
        """One step.

        :param share: of the constant rate.
        :return: the losses by name.
        """
        warm = min(1.0, max(0.0, (self.step - _FROZEN_STEPS) / _WARM_STEPS))
        for number, group in enumerate(self.optimizer.param_groups):
            behind = number == len(self.optimizer.param_groups) - 1
            group["lr"] = group["peak"] * share * (1.0 if behind else warm)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = self.network(pixels)
        losses = self._losses(outputs.float(), rows)
        loss = sum(losses.values())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.step += 1
        keep = min(_EMA, self.step / (self.step + 10))
        own = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(own[name], 1 - keep)
        return {name: float(value.detach()) for name, value in losses.items()} | {
            "loss": float(loss.detach())
        }

    def _losses(self, outputs: torch.Tensor, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        pieces = dict(
            zip(
                [*self.widths, "labels"],
                outputs.split([*self.widths.values(), _LABEL_UNITS], dim=1),
                strict=True,
            )
        )
        units = {name: functional.normalize(piece, dim=1) for name, piece in pieces.items()}
        losses = {}
        for name, part in self.taught.parts.items():
            told = torch.from_numpy(part[rows.numpy()].astype(np.float32))
            distance = 1 - (units[name] * told).sum(1).mean()
            losses[name] = _PARTS_WEIGHT * _PART_WEIGHTS[name] * distance
        joint = torch.cat([units[name] * _LENGTHS[name] for name in self.widths], dim=1)
        joint = joint / np.linalg.norm(list(_LENGTHS.values()))
        others = self.bank[torch.randint(len(self.bank), (_BANK,))].float()
        own = functional.log_softmax(joint @ others.T / _TEMPERATURE, dim=1)
        told = functional.log_softmax(self.bank[rows].float() @ others.T / _TEMPERATURE, dim=1)
        losses["alike"] = _ALIKE_WEIGHT * functional.kl_div(own, told, reduction="batchmean", log_target=True)
        for label, kernel in self.heads.items():
            codes = self.codes[label][rows]
            if (codes != ABSENT).any():
                cosines = units["labels"] @ functional.normalize(kernel, dim=0)
                losses[f"label {label}"] = (
                    _LABELS_WEIGHT
                    * _LABEL_WEIGHTS[label]
                    * functional.cross_entropy(
                        _SCALE * cosines, codes, ignore_index=ABSENT, label_smoothing=_SMOOTHING
                    )
                )
        return losses

    def pieces(self, photos: LabelledPhotos) -> dict[str, np.ndarray]:
        """What the averaged network says of photos as they are, by part: float32 [n, dim], L2 norm 1."""
        return {name: functional.normalize(of, dim=1).numpy() for name, of in self._seen(photos).items()}

    def _seen(self, photos: LabelledPhotos) -> dict[str, torch.Tensor]:
        """The averaged network's outputs by part, not normalised."""
        outputs = []
        for first in range(0, len(photos), _BATCH):
            rows = range(first, min(first + _BATCH, len(photos)))
            pixels = np.stack([pixels_of(photos.image(row), SIZE) for row in rows]).transpose(0, 3, 1, 2)
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                outputs.append(self.average(torch.from_numpy(np.ascontiguousarray(pixels))).float())
        pieces = torch.cat(outputs).split([*self.widths.values(), _LABEL_UNITS], dim=1)
        return dict(zip([*self.widths, "labels"], pieces, strict=True))

    def save(self, file: Path) -> None:
        """Writes all that `load` needs, atomically."""
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        with replacing(file) as unfinished:
            torch.save(state, unfinished)

    def load(self, file: Path) -> None:
        """Goes on where `save` was."""
        state = torch.load(file, map_location="cpu", weights_only=True)
        self.step = state["step"]
        for name in ("network", "average", "heads", "optimizer"):
            getattr(self, name).load_state_dict(state[name])

    def export(self, file: Path, lengths: dict[str, float]) -> None:
        """Writes the averaged network as weights, each part as long as it is in `lengths` in the mean."""
        photos = self.taught.photos.take(np.arange(0, len(self.taught.photos), 40))
        columns = []
        for name, piece in self._seen(photos).items():
            length = lengths.get(name, 0.0) / float(piece.norm(dim=1).mean())
            columns.append(np.full(piece.shape[1], length, np.float32))
        arrays = arrays_of(self.average, np.concatenate(columns))
        write_weights(file, Weights(file.stem, arrays, SIZE), int8=False)


def main(given: argparse.Namespace) -> None:
    """Trains, or lets the rate come down and exports."""
    given.out.mkdir(parents=True, exist_ok=True)
    distillation = Distillation(_taught(given.targets, given.files))
    checkpoint = given.out / "checkpoint.pt"
    if checkpoint.is_file():
        distillation.load(checkpoint)
    stores = _stores(given.files, given.unseen)
    if given.export is None:
        _train(distillation, given.out, checkpoint, stores, until=time.monotonic() + 60 * given.minutes)
        return
    if given.cool_down:
        first = distillation.step
        for pixels, rows in _batches(distillation.taught, range(first, first + given.cool_down)):
            distillation.learn(pixels, rows, 1 - (distillation.step - first) / given.cool_down)
        distillation.save(given.out / "cooled.pt")
    _note(given.out, distillation, {}, figures=_figures(distillation, stores))
    distillation.export(given.export, _LENGTHS | {"labels": 0.7})


def _train(
    distillation: Distillation, out: Path, checkpoint: Path, stores: dict[str, Store], until: float
) -> None:
    saved = validated = time.monotonic()
    means: dict[str, float] = {}
    for pixels, rows in _batches(distillation.taught, range(distillation.step, 10**7)):
        for name, value in distillation.learn(pixels, rows, 1.0).items():
            means[name] = 0.98 * means.get(name, value) + 0.02 * value
        now = time.monotonic()
        if now - saved > _SAVE_S or now > until:
            distillation.save(checkpoint)
            saved = now
            _note(out, distillation, means)
        if now - validated > _VALIDATE_S or now > until:
            _note(out, distillation, means, figures=_figures(distillation, stores))
            validated = time.monotonic()
        if now > until:
            return


def _batches(taught: Taught, steps: range) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    views = torch.utils.data.DataLoader(
        Views(taught, steps), batch_size=None, num_workers=1, prefetch_factor=6
    )
    yield from views


def _note(
    out: Path, distillation: Distillation, means: dict[str, float], figures: dict[str, float] | None = None
) -> None:
    noted: dict[str, object] = {"at": time.strftime("%H:%M:%S"), "views": distillation.step * _BATCH}
    noted |= {name: round(value, 3) for name, value in means.items()}
    if figures is not None:
        noted["figures"] = figures
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps(noted) + "\n")


def _figures(distillation: Distillation, stores: dict[str, Store]) -> dict[str, float]:
    """Precision@5 by store and label, of the parts together and of some alone."""
    figures = {}
    for name, store in stores.items():
        pieces = distillation.pieces(store.photos)
        lengths = {"all": _LENGTHS | {"labels": 0.7}, "no labels": _LENGTHS, "labels": {"labels": 1.0}}
        for which, of in lengths.items():
            vectors = np.concatenate([pieces[part] * length for part, length in of.items()], axis=1)
            vectors = vectors - vectors[store.gallery].mean(axis=0)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            found = nearest(vectors[store.asked], vectors[store.gallery], 5)
            for label, values in store.labels.items():
                same = values[store.gallery][found] == values[store.asked][:, None]
                figures[f"{name} {label} {which}"] = round(float(same.mean()), 3)
    return figures


def _taught(targets: Path, files: list[Path]) -> Taught:
    """The photos outside the validation split of which there are targets."""
    photos = read_labelled(files, list(_LABEL_WEIGHTS))
    told = pa.concat_tables(
        pq.read_table(table).append_column("file", pa.array([table.stem] * pq.read_metadata(table).num_rows))
        for table in (targets / file.name for file in files)
        if table.is_file()
    ).combine_chunks()
    files_of = np.repeat([file.stem for file in files], [pq.read_metadata(file).num_rows for file in files])
    keys = pc.binary_join_element_wise(told["file"], told["id"], "/")
    places = pc.index_in(
        pa.array([f"{file}/{of}" for file, of in zip(files_of, photos.ids, strict=True)]), keys
    )
    learnt, _ = split(photos.ids)
    rows = np.flatnonzero(learnt & places.is_valid().to_numpy(zero_copy_only=False))
    of_rows = told.take(places.take(pa.array(rows)))
    parts = {name: pc.list_flatten(of_rows[name]).to_numpy().reshape(len(rows), -1) for name in _LENGTHS}
    chances = np.array([_COUNTS.get(file, 1.0) for file in files_of[rows]])
    return Taught(photos.take(rows), parts, chances / chances.sum())


def _joint(parts: dict[str, np.ndarray]) -> np.ndarray:
    joint = np.concatenate([part.astype(np.float32) * _LENGTHS[name] for name, part in parts.items()], axis=1)
    return (joint / np.linalg.norm(joint, axis=1, keepdims=True)).astype(np.float16)


def _stores(files: list[Path], unseen: Path | None) -> dict[str, Store]:
    """What is validated on: held-out photos of catalogue and street, and a store that no training saw."""
    rng = np.random.default_rng(0)
    stores = {}
    for file in files:
        if file.stem in ("catalogue", "street"):
            kind = "article_type" if file.stem == "catalogue" else "category"
            photos = read_labelled([file], [kind, "colour"] if file.stem == "catalogue" else [kind])
            learnt, held_out = split(photos.ids)
            most = _GALLERY if file.stem == "catalogue" else _STREET_GALLERY
            chosen = rng.permutation(np.flatnonzero(learnt))[:most]
            stores[file.stem] = _store(photos, np.flatnonzero(held_out), chosen, photos.codes)
    if unseen is not None:
        columns = ["product_id", "model", "family", "colour", "image"]
        table = pq.read_table(unseen, columns=columns).combine_chunks()
        photos = LabelledPhotos(
            table["product_id"].to_pylist(), table["image"].cast(pa.large_binary()), {}, {}
        )
        # Fold 0 are the queries that encoders are judged by.
        folds = np.array([model_fold(model) for model in table["model"].to_pylist()])
        labels = {name: np.array(table[name].to_pylist(), object) for name in ("family", "colour")}
        asked, gallery = np.flatnonzero(folds == 1), rng.permutation(np.flatnonzero(folds > 1))[:_GALLERY]
        stores["unseen"] = _store(photos, asked, gallery, labels)
    return stores


def _store(
    photos: LabelledPhotos, asked: np.ndarray, gallery: np.ndarray, labels: dict[str, np.ndarray]
) -> Store:
    rows = np.concatenate([asked, gallery])
    of_rows = {label: values[rows].astype(str) for label, values in labels.items()}
    if len(of_rows) > 1:
        first, second = of_rows.values()
        of_rows["both"] = np.char.add(np.char.add(first, "|"), second)
    is_asked = np.arange(len(rows)) < len(asked)
    return Store(photos.take(rows), is_asked, ~is_asked, of_rows)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("out", type=Path, metavar="OUT")
    arguments.add_argument("targets", type=Path, metavar="TARGETS")
    arguments.add_argument("files", type=Path, nargs="+", metavar="LABELLED")
    arguments.add_argument("--unseen", type=Path, metavar="FILE", help="a store to validate on")
    arguments.add_argument("--minutes", type=float, default=600, help="after which it stops")
    arguments.add_argument("--cool-down", type=int, default=0, metavar="STEPS")
    arguments.add_argument("--export", type=Path, metavar="FASHION-FAST.npz")
    main(arguments.parse_args())
