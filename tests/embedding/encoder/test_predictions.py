"""What photos show, predicted from stored vectors."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from embedding.encoder import predictions
from embedding.encoder.convert import specify
from embedding.encoder.heads import CLOTHING, Head, fingerprint, load_heads
from embedding.encoder.stage import embed_new_images
from embedding.encoder.weights import Weights, load_weights, write_weights
from flows.report import embed_line
from storage import encoders, images, tables
from storage.errors import LookalikeError
from storage.root import Root
from tests import catalogues

COUNT = 20


def head(attribute: str, *classes: str, seed: int = 0) -> Head:
    rng = np.random.default_rng(seed)
    kernel = rng.normal(0, 9, (catalogues.DIM, len(classes))).astype(np.float16).astype(np.float32)
    return Head(attribute, classes, kernel, np.zeros(len(classes), np.float32))


HEADS = {CLOTHING: head(CLOTHING, "no", "yes"), "colour": head("colour", "navy", "red", "sand", seed=1)}


def weights_with(root: Root, heads: dict[str, Head]) -> str:
    """A weights file with these heads, and its encoder in the root: a small one, made in no time."""
    file = root.path.parent / "mine's.npz"
    weights = Weights("mine's", {"layer/kernel": np.ones(3, np.float32)}, 16, heads)
    write_weights(file, weights, int8=False)
    model = specify(load_weights(str(file))).model
    if model not in encoders.available(root):
        catalogues.write_encoder(root, model)
    return str(file)


@pytest.fixture
def filled(root: Root) -> Root:
    data = [catalogues.jpeg((12 * at, 240 - 12 * at, 90)) for at in range(COUNT)]
    catalogues.write_photos(root, {images.image_id(photo): photo for photo in data})
    return root


def predicted(root: Root) -> dict[tuple[str, str], tuple[str, float]]:
    rows = tables.read(root, "predictions").to_pylist()
    found = {(row["image_id"], row["attribute"]): (row["value"], row["probability"]) for row in rows}
    assert len(found) == len(rows)
    return found


def expected(root: Root, heads: dict[str, Head]) -> dict[tuple[str, str], tuple[str, float]]:
    found = {}
    for row in tables.read(root, "embeddings").to_pylist():
        for attribute, one in heads.items():
            likely = one.probabilities(np.array([row["vector"]], np.float32))[0]
            best = likely.argmax()
            found[row["image_id"], attribute] = (one.classes[best], pytest.approx(likely[best], abs=1e-5))
    return found


def test_the_likeliest_value_of_every_attribute_is_kept(filled: Root) -> None:
    outcome = embed_new_images(filled, weights_with(filled, HEADS))
    assert (outcome.embedded, outcome.predicted) == (COUNT, COUNT)
    assert embed_line(outcome).endswith("20 have a vector, what 20 show was predicted")
    found = predicted(filled)
    assert len(found) == COUNT * len(HEADS)
    assert found == expected(filled, HEADS)
    assert len({value for value, _ in found.values()}) > 1
    assert set(tables.read(filled, "predictions")["model"].to_pylist()) == {outcome.model}


def test_a_second_night_predicts_nothing_and_a_new_photo_only_its_own(filled: Root) -> None:
    weights = weights_with(filled, HEADS)
    embed_new_images(filled, weights)
    before = tables.versions(filled)
    second = embed_new_images(filled, weights)
    assert second.predicted == 0
    assert embed_line(second).endswith("20 have a vector")
    assert tables.versions(filled) == before
    new = catalogues.jpeg((1, 2, 3))
    catalogues.write_photos(filled, {images.image_id(new): new})
    assert embed_new_images(filled, weights).predicted == 1
    assert predicted(filled) == expected(filled, HEADS)


def test_photos_embedded_before_there_were_heads_keep_their_vectors(filled: Root) -> None:
    first = embed_new_images(filled, weights_with(filled, {}))
    assert (first.embedded, first.predicted) == (COUNT, 0)
    assert load_heads(filled, first.model) == {}
    version = tables.version(filled, "embeddings")
    second = embed_new_images(filled, weights_with(filled, HEADS))
    assert (second.model, second.embedded, second.predicted) == (first.model, 0, COUNT)
    assert tables.version(filled, "embeddings") == version
    assert predicted(filled) == expected(filled, HEADS)


def test_other_heads_predict_anew(filled: Root) -> None:
    model = embed_new_images(filled, weights_with(filled, HEADS)).model
    catalogues.write_vectors(filled, dict.fromkeys(["another"], np.ones(catalogues.DIM)), "other")
    row = {"image_id": "another", "model": "other", "attribute": "colour", "value": "red", "probability": 1.0}
    tables.merge(filled, "predictions", [row])
    other = {"colour": head("colour", "ochre", "plum", seed=2)}
    outcome = embed_new_images(filled, weights_with(filled, other))
    assert (outcome.embedded, outcome.predicted) == (0, COUNT)
    assert fingerprint(load_heads(filled, model)) == fingerprint(other)
    assert len(list(filled.encoders.glob("*.npz"))) == 1
    found = predicted(filled)
    assert found.pop(("another", "colour")) == ("red", 1.0)
    assert found == {key: kept for key, kept in expected(filled, other).items() if key[0] != "another"}
    # Weights that come without heads leave what is there.
    assert embed_new_images(filled, weights_with(filled, {})).predicted == 0
    assert fingerprint(load_heads(filled, model)) == fingerprint(other)


@pytest.mark.parametrize("broken", ["predictions", "embeddings"])
def test_a_killed_run_goes_on_where_it_was(
    filled: Root, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = weights_with(filled, HEADS)
    monkeypatch.setattr(predictions, "_WRITE_EVERY", 8)
    monkeypatch.setattr(predictions, "_BATCH", 4)
    real, written = tables.merge, []

    class Killed(Exception):
        pass

    def merge(root: Root, table: str, rows: object) -> object:
        if table == broken and (table == "embeddings" or len(written) == 2):
            raise Killed
        done = real(root, table, rows)  # type: ignore[arg-type]
        written.extend([table] * (table == "predictions"))
        return done

    with monkeypatch.context() as patch:
        patch.setattr(tables, "merge", merge)
        with pytest.raises(Killed):
            embed_new_images(filled, weights)
    kept = tables.read(filled, "predictions").num_rows // len(HEADS)
    assert kept == (8 if broken == "predictions" else 0)
    assert embed_new_images(filled, weights).predicted == COUNT - kept
    assert predicted(filled) == expected(filled, HEADS)


def test_damaged_heads_are_named_and_made_again(filled: Root) -> None:
    weights = weights_with(filled, HEADS)
    model = embed_new_images(filled, weights).model
    [file] = filled.encoders.glob("*.npz")
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    with pytest.raises(LookalikeError, match=re.escape(f"{file} is damaged. Run `lookalike repair`")):
        load_heads(filled, model)
    file.unlink()
    embed_new_images(filled, weights)
    assert fingerprint(load_heads(filled, model)) == fingerprint(HEADS)
    assert predicted(filled) == expected(filled, HEADS)


def test_heads_go_with_their_encoder(filled: Root) -> None:
    model = embed_new_images(filled, weights_with(filled, HEADS)).model
    encoders.remove(filled, model)
    assert encoders.available(filled) == []
    assert load_heads(filled, model) == {}
    assert list(Path(filled.encoders).iterdir()) == []
