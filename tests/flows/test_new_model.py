"""A new encoder: the old one answers until everything is embedded with the new one."""

from pathlib import Path

import numpy as np
import pytest

import lookalike
from embedding.encoder import stage
from embedding.encoder.convert import specify
from embedding.encoder.weights import Weights, load_weights, write_weights
from flows.config import Config
from flows.night import embed_images, index_and_publish
from storage import generations, images, tables
from storage.errors import LookalikeError
from storage.root import Root
from tests import catalogues

COUNT = 40


def settings(root, name: str) -> Config:
    """Settings with weights of their own, and their encoder in the root: a small one, made in no time."""
    file = root.path.parent / f"{name}.npz"
    write_weights(file, Weights(name, {"layer/kernel": np.full(3, len(name), np.float32)}, 16), int8=False)
    catalogues.write_encoder(root, specify(load_weights(str(file))).model)
    return Config(file=None, data=root.path, embed={"weights": str(file)}, crawl=catalogues.ALWAYS_SERVED)


def published_model(root) -> str:
    return generations.read_manifest(root, generations.current_name(root)).encoder.weights


def test_the_old_model_answers_until_the_new_one_has_embedded_everything(
    root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = [catalogues.jpeg((5 * at, 200 - 5 * at, 90)) for at in range(COUNT)]
    by_id = {images.image_id(photo): photo for photo in data}
    rows = [catalogues.product("a.example", f"p{at}", [image]) for at, image in enumerate(by_id)]
    catalogues.write(root, rows, by_id, {next(iter(by_id)): np.ones(catalogues.DIM)})
    first, second = settings(root, "first"), settings(root, "second")
    assert embed_images(root, first).embedded == COUNT
    index_and_publish(root, first)
    shop = lookalike.open(root.path)
    asked = shop.similar(data[0])[0].id

    class Killed(Exception):
        pass

    def killed(what: str, done: int, total: int | None) -> None:
        if done >= COUNT // 4:
            raise Killed

    monkeypatch.setattr(stage, "_WRITE_EVERY", 4)
    monkeypatch.setitem(stage._BATCH, "cpu", 4)
    with pytest.raises(Killed):
        embed_images(root, second, killed)
    model = specify(load_weights(second.embed.weights)).model
    done = [row["model"] for row in tables.read(root, "embeddings", columns=["model"]).to_pylist()]
    assert 0 < done.count(model) < COUNT
    with pytest.raises(LookalikeError, match=rf"\d+ photos have no vector of the encoder {model} yet"):
        index_and_publish(root, second)
    assert published_model(root) == "test"
    assert lookalike.open(root.path).similar(data[0])[0].id == asked
    before = generations.current_name(root)

    assert embed_images(root, second).embedded == COUNT - done.count(model)
    assert generations.current_name(root) == before
    index_and_publish(root, second)
    manifest = generations.read_manifest(root, generations.current_name(root))
    assert manifest.encoder.model == model
    assert manifest.counts.items == COUNT
    assert lookalike.open(root.path).similar(data[0])[0].id == asked


def test_a_root_of_the_resnet50_alone_gets_the_fused_encoder_in_one_night(root_with_encoder: Root) -> None:
    root = root_with_encoder
    data = [catalogues.jpeg(colour) for colour in ((200, 30, 40), (20, 60, 160), (30, 120, 60))]
    by_id = {images.image_id(photo): photo for photo in data}
    rows = [catalogues.product("a.example", f"p{at}", [image]) for at, image in enumerate(by_id)]
    catalogues.write(root, rows, by_id, {next(iter(by_id)): np.ones(catalogues.DIM)})
    before, default = (
        settings(root, "fashion-96px"),
        Config(file=None, data=root.path, crawl=catalogues.ALWAYS_SERVED),
    )
    embed_images(root, before)
    index_and_publish(root, before)
    assert published_model(root) == "test"
    assert embed_images(root, default).embedded == len(data)
    assert published_model(root) == "test"
    asked = lookalike.open(root.path).similar(data[0])[0].id
    index_and_publish(root, default)
    assert published_model(root) == "fashion"
    shop = lookalike.open(root.path)
    assert shop.similar(data[0])[0].id == asked
    assert shop.similar(data[0])[0].score > 0.99
