"""A data root in a bucket, on a real S3 server: files, locks, publishing, the local copies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage import encoders, generations, leases, tables, thumbnails
from storage.bucket import Bucket
from storage.encoders import EncoderSpec
from storage.errors import BusyError, InputError, LookalikeError, NotPublishedError
from storage.export import export
from storage.manifest import GenerationError
from storage.root import Root
from storage.schemas import SCHEMA_VERSION
from storage.staging import Staging, State, staged_stores
from storage.thumbnails import Thumbnails
from tests.bucket_server import BUCKET, bucket_server, objects, settings, write_object
from tests.storage.test_generations import build, publish

SPEC = EncoderSpec(
    model="model-a", weights="w", size=32, dim=2048, preprocessing="letterbox-white", fingerprint="f"
)
IN_TIME_S = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with bucket_server() as url:
        yield url


@pytest.fixture(autouse=True)
def _reached(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings(server).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"{request.node.name}/data".replace("[", "-").replace("]", "")


@pytest.fixture
def far(prefix: str, tmp_path: Path) -> Root:
    """A fresh data root in the bucket."""
    return Root.open(f"s3://{BUCKET}/{prefix}", create=True, cache=tmp_path / "cache")


def elsewhere(root: Root, tmp_path: Path) -> Root:
    """The same root, on a machine that has no copies yet."""
    return Root.open(str(root), cache=tmp_path / "elsewhere")


def furnished(root: Root) -> str:
    """Publishes a generation with thumbnails and an encoder."""
    shard = thumbnails.add(root, {"a": b"jpeg"})[0]
    if "model-a" not in encoders.available(root):
        with encoders.adding(root, "model-a") as scratch, encoders.writing(scratch, SPEC) as folder:
            (folder / "encoder.bin").write_bytes(b"weights" * 1000)
    return publish(root, shards=thumbnails.sizes(root, [shard]))


def test_a_root_is_made_only_when_asked_and_never_among_other_files(
    far: Root, prefix: str, tmp_path: Path
) -> None:
    assert json.loads(objects(prefix)["root.json"]) == {"schema_version": SCHEMA_VERSION}
    assert str(Root.open(f"{far}/", cache=tmp_path)) == str(far) == f"s3://{BUCKET}/{prefix}"
    with pytest.raises(InputError, match=r"s3://shop/nothing does not exist\. Run `lookalike crawl`"):
        Root.open(f"s3://{BUCKET}/nothing")
    write_object(f"{prefix}-other", "thesis.txt", b"mine")
    with pytest.raises(InputError, match="holds other files"):
        Root.open(f"s3://{BUCKET}/{prefix}-other", create=True)
    assert list(objects(f"{prefix}-other")) == ["thesis.txt"]


def test_tables_are_written_and_read(far: Root, tmp_path: Path) -> None:
    row = {"url": "https://a.example/1", "stage": "extract", "reason": "cut", "store": "a.example"}
    assert tables.merge(far, "rejects", [row]).inserted == 1
    assert tables.merge(far, "rejects", [row, row | {"url": "https://a.example/2"}]).inserted == 1
    there = elsewhere(far, tmp_path)
    assert tables.read(there, "rejects", columns=["url"]).num_rows == 2
    assert sum(batch.num_rows for batch in tables.scan(there, "rejects")) == 2
    assert tables.delete(there, "rejects", "url = 'https://a.example/1'") == 1
    assert tables.compact(far) == {}
    assert tables.vacuum(far, keep=timedelta(0)) == {"rejects": 1}
    assert tables.read(far, "rejects")["url"].to_pylist() == ["https://a.example/2"]
    assert tables.versions(far)["rejects"] == tables.version(there, "rejects")


def test_two_writers_of_a_table_lose_nothing(far: Root) -> None:
    def write(writer: int) -> None:
        for number in range(5):
            row = {"store": "a.example", "url": f"https://{writer}.example/{number}"}
            tables.merge(far, "fetches", [row])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    assert tables.read(far, "fetches").num_rows == 10


def test_what_is_published_is_fetched_whole_and_mapped_from_copies(far: Root, tmp_path: Path) -> None:
    with pytest.raises(NotPublishedError):
        generations.open_current(far)
    name = furnished(far)
    there = elsewhere(far, tmp_path)
    folder, manifest = generations.open_current(there)
    assert folder.name == name
    assert folder.is_relative_to(tmp_path / "elsewhere")
    assert generations.verify(folder) == manifest == generations.read_manifest(there, name)
    (shard,) = manifest.thumbnails
    assert Thumbnails(there, manifest.thumbnails).read(shard, 0) == b"jpeg"
    assert encoders.verify(encoders.folder(there, "model-a")) == SPEC
    assert thumbnails.locate(there).num_rows == 1
    # Nothing unfinished is left among the copies.
    assert [
        path for path in there.path.rglob("*") if "fetching" in path.name or "building" in path.name
    ] == []


def test_old_generations_go_from_the_bucket_and_from_the_copies(
    far: Root, tmp_path: Path, prefix: str
) -> None:
    there = elsewhere(far, tmp_path)
    published = []
    for day in range(5):
        published.append(publish(far, day))
        assert generations.open_current(there)[0].name == published[-1]
    assert generations.names(far) == generations.names(there) == published[2:]
    assert {name.split("/")[1] for name in objects(prefix) if name.startswith("index/2")} == set(
        published[2:]
    )
    assert {path.name for path in there.index.iterdir()} == set(published[2:])
    assert generations.rollback(there) == published[3]
    assert generations.current_name(far) == published[3]
    with pytest.raises(InputError, match="no generation"):
        generations.rollback(far, "20200101T000000Z-000000000000")


def test_heads_beside_an_encoder_are_fetched_replaced_and_exported(far: Root, tmp_path: Path) -> None:
    furnished(far)
    there = elsewhere(far, tmp_path)
    assert encoders.heads_name(there, "model-a") is None
    names = []
    for content in (b"first", b"second"):
        file = far.encoders / "made.npz"
        file.write_bytes(content)
        encoders.put_heads(far, "model-a", file)
        name = encoders.heads_name(there, "model-a")
        assert name is not None
        assert there.check_or_refetch(name, encoders.verify_heads).read_bytes() == content
        names.append(name)
    assert [name for name in far.files.below("encoders") if name.endswith(".npz")] == names[1:]
    assert encoders.verify(encoders.folder(there, "model-a")) == SPEC
    there.files.fetch(names[1]).write_bytes(b"third")
    assert there.check_or_refetch(names[1], encoders.verify_heads).read_bytes() == b"second"
    export(there, tmp_path / "copy")
    assert (tmp_path / "copy" / names[1]).read_bytes() == b"second"
    encoders.remove(far, "model-a")
    assert far.files.below("encoders") == []
    there.files.tidy()
    assert list(there.encoders.iterdir()) == []


@pytest.mark.parametrize("part", ["vectors.npy", "manifest.json", "thumbnail", "encoder.bin", "encoder.json"])
def test_a_damaged_copy_is_fetched_again(far: Root, tmp_path: Path, part: str) -> None:
    name = furnished(far)
    there = elsewhere(far, tmp_path)
    _, manifest = generations.open_current(there)
    (shard,) = manifest.thumbnails
    paths = {
        "thumbnail": there.files.fetch(thumbnails.file_name(shard)),
        "encoder.bin": encoders.folder(there, "model-a") / "encoder.bin",
        "encoder.json": encoders.folder(there, "model-a") / "encoder.json",
    }
    file = paths.get(part, there.index / name / part)
    whole = file.read_bytes()
    file.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    generations.open_current(there)
    thumbnails.verify(there, [shard])
    assert thumbnails.locate(there).num_rows == 1
    assert there.check_or_refetch("encoders/model-a", encoders.verify) == SPEC
    assert file.read_bytes() == whole


@pytest.mark.parametrize("part", ["vectors.npy", "manifest.json", "CURRENT"])
def test_damage_in_the_bucket_itself_is_refused(far: Root, tmp_path: Path, prefix: str, part: str) -> None:
    first = publish(far, 0)
    second = publish(far, 1)
    name = "index/CURRENT" if part == "CURRENT" else f"index/{second}/{part}"
    whole = objects(prefix)[name]
    write_object(prefix, name, bytes([whole[0] ^ 1]) + whole[1:])
    there = elsewhere(far, tmp_path)
    with pytest.raises(GenerationError, match=r"is damaged|cannot be read \(manifest\.json: No such file"):
        generations.open_current(there)
    if part != "CURRENT":
        assert generations.rollback(there) == first
        assert generations.open_current(there)[0].name == first


def test_of_two_publishers_one_is_told(far: Root) -> None:
    publish(far, 0)
    before = far.files.read("index/CURRENT")
    second = publish(far, 1)
    with pytest.raises(BusyError, match="has just written"):
        far.files.replace("index/CURRENT", b"20261120T030000Z-000000000000\n", before)
    assert generations.current_name(far) == second

    def point(number: int) -> bool:
        try:
            far.files.replace("index/CURRENT", f"2026112{number}T030000Z-000000000000\n".encode(), now)
        except BusyError:
            return False
        return True

    now = far.files.read("index/CURRENT")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(point, range(8))) == 1


def test_a_publication_that_breaks_off_is_not_there(
    far: Root, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = publish(far, 0)
    with generations.begin(far) as folder:
        build(folder, day=1)
        with monkeypatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            cut_off = Bucket(str(far), far.path)
        with pytest.raises(LookalikeError, match="cannot be reached"):
            cut_off.add("index/20261121T030000Z-0123456789ab", folder)
    # What a killed upload leaves: files without their manifest.
    write_object(prefix, "index/20261121T030000Z-0123456789ab/items.arrow", b"half")
    assert generations.names(far) == [name]
    publish(far, 2)
    assert not any("0123456789ab" in name for name in objects(prefix))


HOLD = """
import sys, time
from storage.root import Root
with Root.open(sys.argv[1]).lock("embed"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_keeps_others_out_and_ends_by_itself(far: Root, prefix: str) -> None:
    with far.lock("index"):
        facts = json.loads(objects(prefix)["locks/index.lock"])
        assert str(os.getpid()) in facts["owner"]
        assert far.files.locks() == ["index"]
        with (
            pytest.raises(BusyError, match=rf"'index' .*process {os.getpid()}.*the lock ends at"),
            far.lock("index"),
        ):
            pass
    assert far.files.locks() == []
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(far)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError), far.lock("embed"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    finally:
        holder.kill()
        holder.wait()
    with pytest.raises(BusyError), far.lock("embed"):
        pass
    # Two minutes later.
    facts = json.loads(objects(prefix)["locks/embed.lock"])
    facts["expires_at"] = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    write_object(prefix, "locks/embed.lock", json.dumps(facts).encode())
    with far.lock("embed"):
        assert str(os.getpid()) in objects(prefix)["locks/embed.lock"].decode()


def test_a_lock_of_a_clock_that_was_ahead_ends_by_the_clock_of_the_bucket(
    far: Root, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = {
        "id": "1",
        "owner": "another",
        "expires_at": (datetime.now(UTC) + timedelta(days=400)).isoformat(),
    }
    write_object(prefix, "locks/embed.lock", json.dumps(ahead).encode())
    with pytest.raises(BusyError, match="another"), far.lock("embed"):
        pass
    monkeypatch.setattr(leases, "LEASE_TIME", timedelta(seconds=-10))  # as if it had been written earlier
    with far.lock("embed"):
        assert str(os.getpid()) in objects(prefix)["locks/embed.lock"].decode()


def test_a_held_lock_is_renewed_and_its_loss_is_told(far: Root, prefix: str) -> None:
    def waited(so: object) -> None:
        until = time.monotonic() + IN_TIME_S
        while not so() and time.monotonic() < until:  # type: ignore[operator]
            pass
        assert so()  # type: ignore[operator]

    assert isinstance(far.bucket, Bucket)
    held = leases.Lease(far.bucket._store, "locks/a.lock", "'a'", timedelta(seconds=1))
    first = objects(prefix)["locks/a.lock"]
    waited(
        lambda: json.loads(objects(prefix)["locks/a.lock"])["expires_at"] > json.loads(first)["expires_at"]
    )
    held.check()
    write_object(prefix, "locks/a.lock", first.replace(json.loads(first)["id"].encode(), b"other"))
    waited(lambda: held._lost)
    with pytest.raises(LookalikeError, match="may be another process's now"):
        held.release()
    assert b"other" in objects(prefix)["locks/a.lock"], "the other's lock stays"


def test_nothing_is_published_by_a_process_that_lost_its_lock(far: Root, prefix: str) -> None:
    name = publish(far, 0)

    def night() -> None:
        with far.lock("index"):
            write_object(prefix, "locks/index.lock", b'{"id": "other", "owner": "other"}')
            next(iter(far.bucket._held))._lost = True  # type: ignore[union-attr]
            publish(far, 1)

    with pytest.raises(LookalikeError, match="may be another process's now"):
        night()
    assert generations.current_name(far) == name


def test_an_export_of_a_bucket_is_a_folder(far: Root, tmp_path: Path) -> None:
    name = furnished(far)
    export(elsewhere(far, tmp_path), tmp_path / "copy")
    assert generations.open_current(Root.open(tmp_path / "copy"))[0].name == name


OPEN_AT_ONCE = """
import sys
from pathlib import Path
from storage import generations
from storage.root import Root
sys.stdin.read()
root = Root.open(sys.argv[1], cache=Path(sys.argv[2]))
print(generations.open_current(root)[0].name)
"""


def test_processes_that_open_at_once_share_one_copy(far: Root, tmp_path: Path) -> None:
    name = furnished(far)
    command = [sys.executable, "-c", OPEN_AT_ONCE, str(far), str(tmp_path / "shared")]
    readers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [reader.communicate()[0].strip() for reader in readers] == [name] * 4
    (copies,) = (tmp_path / "shared" / "buckets").iterdir()
    assert [path.name for path in (copies / "index").iterdir()] == [name]
    assert not [path for path in copies.iterdir() if path.name.startswith(".fetching")]


def test_a_table_out_of_reach_is_a_sentence(far: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    tables.append(far, "offers", [{"store": "a.example"}])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(
        LookalikeError, match=r"'offers' in s3://shop/.*Connection refused.*Check the network"
    ):
        tables.read(far, "offers")


def test_a_crawl_is_staged_in_the_bucket(far: Root, tmp_path: Path) -> None:
    staging = Staging(far, "shop.example")
    staging.add("crawl", "products", [{"store": "shop.example", "product_id": "1"}])
    at = datetime(2026, 11, 1, tzinfo=UTC)
    staging.decide(State.QUARANTINED, {"crawl_id": "crawl", "started_at": at, "ended_at": at})
    staging.add("later", "products", [{"store": "shop.example", "product_id": "2"}])
    there = Staging(elsewhere(far, tmp_path), "shop.example")
    assert staged_stores(there.root) == ["shop.example"]
    decision = there.decision()
    assert decision is not None
    assert decision.state is State.QUARANTINED
    there.drop_after(decision.last)
    assert [row["product_id"] for rows in there.rows("products") for row in rows.to_pylist()] == ["1"]
    there.discard()
    assert staged_stores(far) == []
    assert not staging
