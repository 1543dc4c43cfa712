"""What a shop does with damaged, newer and exported generations."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import lookalike
from lookalike.query import Shop
from storage import generations
from storage.errors import InputError, LookalikeError, NotPublishedError
from storage.export import export
from storage.manifest import GenerationError
from storage.root import Root
from tests.catalogues import MODEL
from tests.lookalike.query.shops import COUNT, REPOSITORY, encoded, new_title, picture


def test_an_empty_or_missing_root_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        lookalike.open(tmp_path / "missing")
    Root.open(tmp_path / "empty", create=True)
    with pytest.raises(NotPublishedError, match="holds no published index yet"):
        lookalike.open(str(tmp_path / "empty"))


@pytest.mark.parametrize(
    "file", ["vectors.ann", "vectors.npy", "items.arrow", "projection.npz", "manifest.json"]
)
def test_damage_is_a_sentence_and_never_a_wrong_answer(changing: Root, file: str) -> None:
    path = generations.require_current(changing) / file
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1]), b""):
        path.write_bytes(damaged)
        with pytest.raises(GenerationError, match="is damaged"):
            lookalike.open(changing.path)
    path.unlink()
    with pytest.raises(GenerationError, match="No such file"):
        lookalike.open(changing.path)


def test_a_manifest_from_the_future_is_a_sentence(changing: Root) -> None:
    file = generations.require_current(changing) / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema_version": 99}))
    with pytest.raises(GenerationError, match="written by a newer release"):
        lookalike.open(changing.path)


def test_a_missing_or_changed_encoder_is_a_sentence(changing: Root) -> None:
    folder = changing.encoders / MODEL
    spec = (folder / "encoder.json").read_text()
    (folder / "encoder.json").write_text(spec.replace("000", "111"))
    shop = lookalike.open(changing.path)
    with pytest.raises(GenerationError, match="is not the one that generation"):
        shop.similar(picture(0))
    assert len(shop.similar("a.example:p0")) == 5, "products need no encoder"
    (folder / "encoder.json").write_text(spec)
    (folder / "encoder.xml").write_text("<net")
    with pytest.raises(LookalikeError, match=r"encoder\.xml is damaged"):
        shop.similar(picture(0))
    shutil.rmtree(folder)
    with pytest.raises(LookalikeError, match="There is no encoder"):
        shop.similar(picture(0))


def test_refresh_takes_up_a_newer_generation(changing: Root) -> None:
    shop = lookalike.open(changing.path)
    before = shop.similar(picture(0))
    assert not shop.refresh()
    name = new_title(changing, "Renamed")
    assert shop.generation != name, "a reader keeps its generation"
    assert shop.similar(picture(0)) == before
    assert shop.refresh()
    assert shop.generation == name
    assert shop.similar(picture(0))[0].title == "Renamed"
    generations.rollback(changing)
    assert shop.refresh()
    assert shop.similar(picture(0)) == before


def test_a_damaged_newer_generation_leaves_the_one_in_use(changing: Root) -> None:
    shop = lookalike.open(changing.path)
    name = new_title(changing, "Renamed")
    (changing.index / name / "vectors.ann").write_bytes(b"")
    with pytest.raises(GenerationError, match="is damaged"):
        shop.refresh()
    assert shop.generation != name
    assert len(shop.similar(picture(0))) == 5


def test_a_generation_deleted_while_open_answers_on(changing: Root) -> None:
    shop = lookalike.open(changing.path)
    before = shop.similar("a.example:p0")
    shutil.rmtree(generations.require_current(changing))
    shutil.rmtree(changing.thumbnails)
    again = shop.similar("a.example:p0")
    assert again == before
    assert again[0].thumbnail()[:2] == b"\xff\xd8"


def test_threads_query_while_generations_are_published(changing: Root) -> None:
    """No error, and no answer that mixes two generations: the title names the generation's own."""
    shop = lookalike.open(changing.path)
    titles = {shop.generation: "Garment 0"}
    stop = threading.Event()
    wrong: list[object] = []
    answers = 0

    def ask(at: int) -> None:
        nonlocal answers
        query = [picture(0), "b.example:p1"][at % 2]
        while not stop.is_set():
            try:
                matches = shop.similar(query, k=COUNT)
                title = next(match.title for match in matches if match.id == "a.example:p0")
                if titles.get(matches.generation, title) != title:
                    wrong.append((matches.generation, title))
                matches[0].thumbnail()
                answers += 1
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for number in range(6):
        titles[new_title(changing, f"Title {number}")] = f"Title {number}"
        assert shop.refresh()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert answers > 20
    assert len(generations.names(changing)) == 3


def test_an_export_answers_the_same(filled: Root, shop: Shop, tmp_path: Path) -> None:
    export(filled, tmp_path / "exported")
    moved = (tmp_path / "exported").rename(tmp_path / "moved")
    assert lookalike.open(moved).similar(picture(3)) == shop.similar(picture(3))


FRESH = """
import json, sys
import lookalike
light = sorted(name for name in ("numpy", "pyarrow", "PIL", "annoy") if name in sys.modules)
shop = lookalike.open(sys.argv[1])
matches = shop.similar(sys.argv[2])
heavy = ("tensorflow", "keras", "prefect", "scrapy", "twisted", "deltalake", "pandas", "streamlit", "torch")
loaded = [name for name in heavy if name in sys.modules]
print(json.dumps({"found": len(matches), "light": light, "heavy": loaded}))
"""


def test_the_query_path_is_light(filled: Root, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(encoded(picture(0)))
    ran = subprocess.run(
        [sys.executable, "-c", FRESH, filled.path, tmp_path / "photo.png"],
        check=True,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    facts = json.loads(ran.stdout)
    # How soon it answers is measured by benchmarks/query.py.
    assert facts["found"] == 5
    assert facts["light"] == [], "importing lookalike loads nothing else"
    assert facts["heavy"] == []


def test_the_version_is_known() -> None:
    assert lookalike.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        lookalike.nothing  # noqa: B018
