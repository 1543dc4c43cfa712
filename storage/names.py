"""Types of the names in a data root's files: each is one path component, so it cannot lead elsewhere.

A manifest may be untrusted, and the files that it names are opened, copied and, with the last generation that
names them, deleted. So names are validated by their types wherever they are read.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, StringConstraints

_COMPONENT = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"

GENERATION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")
"""A generation's name: the UTC time it was built at, and the beginning of its manifest's sha256."""

ModelName = Annotated[str, StringConstraints(pattern=r"^\w[\w .+()'@=-]{0,99}$")]
"""An encoder's name, which is a folder of `encoders/` and begins with the name of its weights."""

FileName = Annotated[str, StringConstraints(pattern=_COMPONENT)]
"""The name of a file in the same folder."""

ShardName = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{20}$")]
"""The name of a thumbnail shard: the beginning of its sha256."""

STORE = re.compile(r"[a-z0-9][a-z0-9.-]{0,252}")
"""A store's name, which is a folder of staged crawls."""

StoreName = Annotated[str, StringConstraints(pattern=f"^{STORE.pattern}$")]

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

Text = Annotated[str, StringConstraints(max_length=200)]
"""A word or two that is shown and compared, never used as a path."""

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""Rows and the like, which Annoy and Arrow number by int32."""

Size = Annotated[int, Field(ge=0, le=2**44)]
"""Bytes of a file, 16 TiB at most."""
