"""A signed export: `signed.json` lists every file with its sha256, `signed.json.sig` is the signature of it.

The signature is Ed25519's (RFC 8032), by the package cryptography; keys are PEM files, as
`openssl genpkey -algorithm ed25519` makes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from storage.errors import InputError, LookalikeError
from storage.names import Sha256
from storage.regular import read_small
from storage.root import Root
from storage.verification_cache import sha256_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FILE, SIGNATURE_FILE = "signed.json", "signed.json.sig"

_Path = Annotated[
    str, StringConstraints(pattern=r"^\w[\w .+()'@=-]*(/\w[\w .+()'@=-]*){1,3}$", max_length=400)
]


class SignatureError(LookalikeError):
    """A folder is not signed, or not with the given key."""


class _Signed(BaseModel):
    """The content of `signed.json`.

    :ivar files: sha256 of each file, by its name below the root, without the signature and `index/CURRENT`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    generation: Annotated[str, StringConstraints(pattern=r"^[0-9TZa-f-]{29}$")]
    files: dict[_Path, Sha256] = Field(max_length=200_000)


def private_key(file: Path) -> Ed25519PrivateKey:
    """Reads the key to sign with.

    :raises InputError: the file holds none, or cryptography is not installed.
    """
    _require()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_pem_private_key(read_small(file), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(
            f"{file} holds no private key to sign with. Make one with "
            f"`openssl genpkey -algorithm ed25519 -out {file}`."
        )
    return key


def public_key(file: Path) -> Ed25519PublicKey:
    """Reads the key to verify with.

    :raises InputError: the file holds none, or cryptography is not installed.
    """
    _require()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = serialization.load_pem_public_key(read_small(file))
    except (OSError, ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(
            f"{file} holds no public key to verify with. Whoever signs writes it with "
            "`openssl pkey -in KEYFILE -pubout`."
        )
    return key


def sign(root: Root, generation: str, names: Iterable[str], key: Ed25519PrivateKey) -> None:
    """Signs a finished export.

    :param names: names of all its files, below the root.
    """
    signed = _Signed(
        generation=generation, files={name: sha256_of(root.path / name) for name in sorted(names)}
    )
    text = signed.model_dump_json(indent=2).encode()
    root.files.replace(FILE, text, None)
    root.files.replace(SIGNATURE_FILE, key.sign(text), None)


class Signed:
    """The signed files of a root, verified with a key.

    :param key: the public key to verify with.
    :raises SignatureError: the root is not signed, or not with this key.
    """

    def __init__(self, root: Root, key: Ed25519PublicKey) -> None:
        from cryptography.exceptions import InvalidSignature

        self._root = root
        text, signature = _stored(root, FILE), _stored(root, SIGNATURE_FILE)
        try:
            key.verify(signature, text)
        except InvalidSignature:
            raise SignatureError(
                f"{root} is not signed with the key that was given. Ask whoever sent it for the right "
                "key; do not open it without."
            ) from None
        try:
            self._signed = _Signed.model_validate_json(text)
        except ValidationError:
            raise SignatureError(f"{root}/{FILE} is of a release that this one cannot read.") from None

    def check(self, generation: str, folder: str) -> None:
        """Checks that a folder holds exactly the files that were signed, byte by byte.

        :param generation: the published generation.
        :param folder: the folder's name below the root.
        :raises SignatureError: a file is missing, unknown or different.
        """
        if generation != self._signed.generation:
            raise SignatureError(
                f"The generation {generation} in {self._root} is not the one that was signed."
            )
        listed = {name for name in self._signed.files if name.startswith(f"{folder}/")}
        for name in sorted(listed | {*self._root.files.below(folder)}):
            sha256 = self._signed.files.get(name)
            try:
                sound = sha256 is not None and self._root.verified.holds(self._root.files.fetch(name), sha256)
            except OSError as error:
                raise SignatureError(f"{self._root}/{name} cannot be read ({error.strerror}).") from None
            if not sound:
                raise SignatureError(f"{self._root}/{name} is not the file that was signed. Do not use it.")


def _stored(root: Root, name: str) -> bytes:
    try:
        stored = root.files.read(name)
    except OSError:
        stored = None
    if stored is None:
        raise SignatureError(
            f"{root} is not signed ({name} is missing). Export it with `lookalike export --sign KEYFILE`, or "
            "open it without `verify_key` if you trust where it comes from."
        )
    return stored


def _require() -> None:
    import importlib.util

    if importlib.util.find_spec("cryptography") is None:
        raise InputError("Signatures need the package cryptography. Run `pip install 'lookalike[sign]'`.")
