"""Damage on the disk, of every kind of file that a data root has: it is found, named, and mended."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import lookalike
from embedding.index.publish_guard import LossError
from flows import repair as repairing
from flows.config import Config
from flows.night import embed_images, index_and_publish
from flows.repair import repair
from lookalike.cli import main
from storage import audit, generations, images, table_audit, table_log, tables
from storage.errors import LookalikeError
from storage.root import Root
from storage.schemas import TABLES
from tests import catalogues

COUNT = 24
PHOTO = catalogues.jpeg((60, 80, 90))
STORES = ("a.example", "b.example")


def rows_of(root: Root, table: str) -> list[str]:
    return sorted(map(repr, tables.read(root, table).to_pylist()))


def fill(root: Root) -> None:
    """Every table with several commits: rows added, changed, joined, and a checkpoint."""
    data = [catalogues.jpeg((10 * at, 200 - 5 * at, 90)) for at in range(COUNT)]
    by_id = {images.image_id(photo): photo for photo in data}
    rows = [catalogues.product(STORES[at % 2], f"p{at:02}", [image]) for at, image in enumerate(by_id)]
    for part in (rows[:12], rows[12:], [row | {"title": "New", "content_hash": "1"} for row in rows[:3]]):
        tables.merge(root, "products", part)
    for part in (dict(list(by_id.items())[:12]), dict(list(by_id.items())[12:])):
        catalogues.write_photos(root, part)
    for number, row in enumerate(rows):
        fact = {"store": row["store"], "product_id": row["product_id"], "crawl_id": "crawl"}
        tables.append(root, "offers", [fact | {"price": row["price"], "observed_at": catalogues.SEEN}])
        if number % 8 == 0:
            tables.append(
                root,
                "pages",
                [fact | {"url": row["url"], "body_zstd": b"page"} for row in rows[number : number + 8]],
            )
        photo = row["images"][0]
        fetch = {"store": row["store"], "fetched_at": catalogues.SEEN}
        if number % 6 == 0:
            tables.merge(
                root,
                "fetches",
                [fetch | {"url": row["url"]}, fetch | {"url": photo["url"], "image_id": photo["image_id"]}],
            )
    for store in STORES:
        tables.append(
            root,
            "crawls",
            [{"store": store, "crawl_id": "crawl", "ended_at": catalogues.SEEN, "status": "complete"}],
        )
        tables.merge(root, "rejects", [{"url": store, "stage": "fetch", "reason": "HTTP 404"}])
        tables.append(root, "recommendations", [{"customer": store, "rank": 1}])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, small_weights: Path) -> Path:
    """A data root after two nights."""
    root = Root.open(tmp_path_factory.mktemp("sound") / "data", create=True)
    fill(root)
    config = Config(
        file=None, data=root.path, embed={"weights": str(small_weights)}, crawl=catalogues.ALWAYS_SERVED
    )
    embed_images(root, config)
    index_and_publish(root, config)
    row = tables.read(root, "products").to_pylist()[0]
    tables.merge(root, "products", [row | {"title": "Newer", "content_hash": "2"}])
    index_and_publish(root, config)
    table_audit.note_checksums(root)
    return root.path


@pytest.fixture
def data(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "data"))


@pytest.fixture
def config(data: Path, small_weights: Path) -> Config:
    return Config(file=None, data=data, embed={"weights": str(small_weights)}, crawl=catalogues.ALWAYS_SERVED)


def kind(data: Path, file: Path) -> str:
    """What a file is: its place in the root without what differs from one to the next."""
    name = file.relative_to(data).as_posix()
    name = re.sub(r"index/2[^/]*/", "index/*/", name)
    name = re.sub(r"encoders/[^/]*/", "encoders/*/", name)
    name = re.sub(r"part-[^/]*parquet", "part.parquet", name)
    return re.sub(r"[0-9a-f]{16,}", "*", name)


def kinds(data: Path, where: str) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for file in sorted(data.rglob("*")):
        if file.is_file() and file.relative_to(data).parts[0] == where:
            found.setdefault(kind(data, file), []).append(file)
    return found


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flipped(file: Path) -> None:
    whole = file.read_bytes()
    at = len(whole) // 2
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


DAMAGES = (cut, flipped, emptied, Path.unlink)
IDS = ("cut", "flipped", "emptied", "deleted")
EVERY_DAMAGE = pytest.mark.parametrize("damage", DAMAGES, ids=IDS)


@pytest.fixture(scope="module")
def tables_alone(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sound root before anything was published."""
    published = shutil.ignore_patterns("index", "encoders", "thumbnails")
    return Path(shutil.copytree(sound, tmp_path_factory.mktemp("tables") / "data", ignore=published))


@pytest.fixture(scope="module")
def whole_rows(tables_alone: Path) -> dict[str, list[str]]:
    """What the tables hold before any damage."""
    return {name: rows_of(Root.open(tables_alone), name) for name in TABLES}


@pytest.mark.parametrize("table", sorted(TABLES))
@pytest.mark.parametrize(
    "damage", [cut, *(pytest.param(damage, marks=pytest.mark.slow) for damage in DAMAGES[1:])], ids=IDS
)
def test_every_file_of_every_table(
    tables_alone: Path,
    whole_rows: dict[str, list[str]],
    tmp_path: Path,
    table: str,
    damage: Callable[[Path], object],
) -> None:
    data = tables_alone
    root = Root.open(data)
    folder = root.table_path(table)
    log = sorted((folder / "_delta_log").glob("*.json"))
    data_file = folder / active(root, table)[0]
    middle = log[len(log) // 2]
    # A commit is a commit: one kind of damage goes to the first and the last as well.
    for file in {log[0], middle, log[-1], data_file} if damage is cut else {middle, data_file}:
        fresh = Path(shutil.copytree(data, tmp_path / file.name))
        root = Root.open(fresh)
        damage(fresh / file.relative_to(data))
        said = audit.damage(root)
        assert any(file.name in sentence and "lookalike repair" in sentence for sentence in said), said
        only_tables(root)
        assert audit.tables_damage(root) == []
        for name in TABLES:
            after = rows_of(root, name)
            assert len(set(after)) == len(after), f"{name}: rows are doubled"
            if name not in (table, "fetches", "embeddings", "predictions", "products"):
                assert after == whole_rows[name]
        if file != data_file and table not in ("pages",):
            assert rows_of(root, table) == whole_rows[table], file.name
        shutil.rmtree(fresh)


@pytest.mark.parametrize("damaged", [("images", "pages"), ("images", "products", "offers"), tuple(TABLES)])
def test_data_of_several_tables_at_once(tables_alone: Path, tmp_path: Path, damaged: tuple[str, ...]) -> None:
    """What one table's repair changed does not hide from another's what it has to change."""
    root = Root.open(shutil.copytree(tables_alone, tmp_path / "data"))
    for table in damaged:
        emptied(root.table_path(table) / active(root, table)[0])
    only_tables(root)
    assert audit.tables_damage(root) == []
    stored = set(tables.read(root, "images")["image_id"].to_pylist())
    shown = {
        photo["image_id"] for row in tables.read(root, "products").to_pylist() for photo in row["images"]
    }
    assert shown - {None} <= stored
    again = repairing.Repaired()
    repairing._repair_tables(root, again)
    assert again.mended == []


def active(root: Root, table: str) -> list[str]:
    """The data files of a table, below its folder."""
    return sorted(table_log.read(root.table_path(table)).active)


def only_tables(root: Root) -> None:
    """The part of a repair that comes before anything is made again."""
    done = repairing.Repaired()
    repairing._repair_tables(root, done)
    assert done.mended


def answer(data: Path) -> tuple[object, ...]:
    """All that a search shows, but the generation's name."""
    shop = lookalike.open(data)
    matches = shop.similar(PHOTO, k=COUNT)
    return tuple((match.id, match.title, match.price, match.url, match.photo()) for match in matches)


def published_files(data: Path) -> list[Path]:
    """A file of each kind that the published generation needs."""
    current = generations.require_current(Root.open(data))
    found: dict[str, Path] = {}
    for where in ("index", "thumbnails", "encoders"):
        for name, files in kinds(data, where).items():
            needed = [file for file in files if file.parent.parent.name != "index" or file.parent == current]
            found |= {name: needed[-1]} if needed else {}
    assert {file.suffix for file in found.values()} >= {
        ".ann",
        ".npy",
        ".npz",
        ".arrow",
        ".json",
        ".xml",
        ".bin",
        "",
    }
    return list(found.values())


@pytest.mark.slow
@EVERY_DAMAGE
def test_every_file_that_is_published_is_made_again(
    data: Path, config: Config, damage: Callable[[Path], object]
) -> None:
    right = answer(data)
    for file in published_files(data):
        fresh = Path(shutil.copytree(data, data.parent / f"copy-{file.name}"))
        damage(fresh / file.relative_to(data))
        assert audit.published_damage(Root.open(fresh)), file
        done = repair(Root.open(fresh), config.model_copy(update={"data": fresh}))
        assert not done.lost
        assert audit.damage(Root.open(fresh)) == []
        assert answer(fresh) == right, file
        shutil.rmtree(fresh)


@EVERY_DAMAGE
def test_nothing_damaged_in_the_index_stops_a_build_or_a_rollback(
    data: Path, config: Config, damage: Callable[[Path], object]
) -> None:
    right, current = answer(data), generations.require_current(Root.open(data))
    [first] = [name for name in generations.names(Root.open(data)) if name != current.name]
    for file in [data / "index" / "CURRENT", current / "manifest.json", current / "items.arrow"]:
        fresh = Path(shutil.copytree(data, data.parent / "copy"))
        damage(fresh / file.relative_to(data))
        root = Root.open(fresh)
        assert index_and_publish(root, config.model_copy(update={"data": fresh})).generation is not None
        assert answer(fresh) == right, file
        shutil.rmtree(fresh)
        fresh = Path(shutil.copytree(data, data.parent / "copy"))
        damage(fresh / file.relative_to(data))
        generations.rollback(Root.open(fresh), first)
        assert len(answer(fresh)) == COUNT
        shutil.rmtree(fresh)


@pytest.mark.parametrize("folder", ["index", "thumbnails", "encoders", "published"])
def test_a_missing_folder_stops_no_build(data: Path, config: Config, folder: str) -> None:
    right, root = answer(data), Root.open(data)
    shutil.rmtree(generations.require_current(root) if folder == "published" else data / folder)
    embed_images(root, config)
    index_and_publish(root, config)
    assert answer(data) == right


def test_current_that_is_no_file_stops_nothing(data: Path, config: Config) -> None:
    current, right = data / "index" / "CURRENT", answer(data)
    elsewhere = data.parent / "elsewhere"
    elsewhere.write_text("kept")
    for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to(elsewhere)):
        current.unlink()
        make(current)
        assert index_and_publish(Root.open(data), config).generation is not None
        assert answer(data) == right
    current.unlink()
    current.mkdir()
    generations.rollback(Root.open(data))
    assert current.is_file()
    assert elsewhere.read_text() == "kept"


def test_a_rollback_passes_over_what_is_damaged(data: Path, config: Config) -> None:
    root = Root.open(data)
    first, second = generations.names(root)
    tables.merge(
        root,
        "products",
        [tables.read(root, "products").to_pylist()[1] | {"title": "Newest", "content_hash": "3"}],
    )
    index_and_publish(root, config)
    cut(root.index / second / "vectors.npy")
    assert generations.rollback(root) == first


def test_the_loss_is_compared_with_what_can_be_read(
    data: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged published generation is no way round the guard."""
    root = Root.open(data)
    first, second = generations.names(root)
    rows = tables.read(root, "products").to_pylist()
    tables.merge(root, "products", [row | {"removed_at": catalogues.SEEN} for row in rows[:20]])
    cut(root.index / second / "manifest.json")
    with pytest.raises(LossError, match=f"compared with generation {first}"):
        index_and_publish(root, config)
    assert f"The new index is compared with generation {first}" in caplog.text
    cut(root.index / first / "manifest.json")
    photos_there = tables.read(root, "embeddings")["image_id"].to_pylist()
    tables.merge(root, "products", [row | {"removed_at": None} for row in rows])
    for photo in photos_there[:15]:
        tables.delete(root, "embeddings", f"image_id = '{photo}'")
    with pytest.raises(LossError, match="compared with the tables"):
        index_and_publish(root, config)


@pytest.mark.parametrize("damage", [cut, flipped, Path.unlink])
def test_a_night_with_a_damaged_encoder_fails_and_names_it(
    data: Path, config: Config, damage: Callable[[Path], object]
) -> None:
    [file] = (data / "encoders").glob("*/encoder.bin")
    damage(file)
    with pytest.raises(LookalikeError, match=r"encoder\.bin.*Run `lookalike repair`"):
        index_and_publish(Root.open(data), config)


def test_photos_that_only_fetches_has_are_damage(data: Path) -> None:
    """As after "remove the folder and crawl again", which used to leave no photo and exit 0."""
    root = Root.open(data)
    shutil.rmtree(root.table_path("images"))
    [sentence] = audit.tables_damage(root)
    assert sentence.startswith(
        f"{COUNT} photos that the tables say are stored are not. Run `lookalike repair`"
    )
    only_tables(root)
    assert tables.read(root, "fetches")["image_id"].drop_null().to_pylist() == []
    shown = [photo for row in tables.read(root, "products").to_pylist() for photo in row["images"]]
    assert len(shown) == COUNT
    assert {photo["image_id"] for photo in shown} == {None}
    assert tables.read(root, "embeddings").num_rows == 0


def test_a_changed_byte_is_found_wherever_it_is(data: Path) -> None:
    """Parquet reads some without a word: its pages are compressed without a checksum."""
    root = Root.open(data)
    file = root.table_path("rejects") / active(root, "rejects")[0]
    whole = file.read_bytes()
    for at in range(0, len(whole), len(whole) // 40):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        [damage] = table_audit.table_damage(root)
        assert damage.data == {active(root, "rejects")[0]: "its bytes changed"}, at


def test_what_is_lost_for_good_is_said_once(
    data: Path, small_weights: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = Root.open(data)
    (tmp_path / "lookalike.toml").write_text(f'[embed]\nweights = "{small_weights}"\n')
    flipped(root.table_path("offers") / active(root, "offers")[0])
    arguments = ["--config", str(tmp_path / "lookalike.toml"), "--data", str(data)]
    assert main(["maintain", *arguments]) == 1
    assert "tables/offers/part-" in capsys.readouterr().err
    assert main(["repair", *arguments]) == 1
    assert "Prices before today are lost" in capsys.readouterr().err
    assert main(["repair", *arguments]) == 0
    assert "Nothing is damaged." in capsys.readouterr().out
    assert main(["maintain", *arguments]) == 0
