"""A signed export opens with its key only, and only as it was signed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import lookalike
from lookalike.cli import main
from storage.errors import LookalikeError
from tests import catalogues
from tests.foreign import make, signed_again, used

PHOTO = catalogues.jpeg((200, 30, 90))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made") / "data")


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "data"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs of keys, as openssl makes them."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "theirs"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", folder / name], check=True)
        subprocess.run(
            ["openssl", "pkey", "-in", folder / name, "-pubout", "-out", folder / f"{name}.pub"], check=True
        )
    return folder


@pytest.fixture
def export(data: Path, keys: Path, tmp_path: Path) -> Path:
    assert main(["export", str(tmp_path / "export"), "--sign", str(keys / "ours"), "--data", str(data)]) == 0
    return tmp_path / "export"


def test_a_signed_export_answers_to_its_key_only(data: Path, export: Path, keys: Path) -> None:
    assert len(lookalike.open(export, verify_key=keys / "ours.pub").similar(PHOTO)) == 5
    assert len(lookalike.open(export).similar(PHOTO)) == 5
    with pytest.raises(LookalikeError, match="is not signed with the key"):
        lookalike.open(export, verify_key=keys / "theirs.pub")
    with pytest.raises(LookalikeError, match=r"is not signed \(signed\.json is missing\)"):
        lookalike.open(data, verify_key=keys / "ours.pub")
    with pytest.raises(LookalikeError, match="holds no public key"):
        lookalike.open(export, verify_key=keys / "ours")


def test_no_file_of_a_signed_export_can_be_another(export: Path, keys: Path, tmp_path: Path) -> None:
    for file in [*used(export), export / "encoders" / catalogues.MODEL / "more.bin"]:
        if file.name == "root.json":
            continue
        copy = Path(shutil.copytree(export, tmp_path / "copy"))
        target = copy / file.relative_to(export)
        target.write_bytes((target.read_bytes() if target.exists() else b"") + b" ")
        if target.name == "CURRENT":
            assert lookalike.open(copy, verify_key=keys / "ours.pub")
        else:
            with pytest.raises(LookalikeError):
                lookalike.open(copy, verify_key=keys / "ours.pub").similar(PHOTO)
        shutil.rmtree(copy)


def test_what_was_signed_again_by_hand_is_refused(export: Path, keys: Path) -> None:
    signed_again(export, counts={"currencies": ["USD"]})
    assert lookalike.open(export).currencies == ["USD"]
    with pytest.raises(LookalikeError, match="is not the one that was signed"):
        lookalike.open(export, verify_key=keys / "ours.pub")


def test_an_encoder_swapped_in_a_signed_export_is_refused(export: Path, keys: Path) -> None:
    shop = lookalike.open(export, verify_key=keys / "ours.pub")
    folder = export / "encoders" / catalogues.MODEL
    spec = json.loads((folder / "encoder.json").read_text())
    (folder / "encoder.json").write_text(json.dumps(spec))
    with pytest.raises(LookalikeError, match="is not the file that was signed"):
        shop._published.encoder()


def test_a_key_that_is_none_is_said_before_anything_is_written(
    data: Path, keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for key in (keys / "ours.pub", tmp_path / "nothing", data):
        assert main(["export", str(tmp_path / "export"), "--sign", str(key), "--data", str(data)]) == 2
        assert "holds no private key to sign with" in capsys.readouterr().err
        assert not (tmp_path / "export").exists()
