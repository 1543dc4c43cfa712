"""The names that a data root's files say: each is one component of a path, and so leads nowhere else.

A manifest may come from somebody else, and what it names is opened, copied and, with the last generation
that names it, deleted. So a name is checked by its type wherever it is read.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, StringConstraints

_COMPONENT = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"

GENERATION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")
"""The UTC time a generation was built at, and the beginning of its manifest's sha256."""

ModelName = Annotated[str, StringConstraints(pattern=r"^\w[\w .+()'@=-]{0,99}$")]
"""An encoder's, which names a folder of `encoders/`; it begins with the name of a file of weights."""

FileName = Annotated[str, StringConstraints(pattern=_COMPONENT)]
"""A file's in the folder that the name stands in."""

ShardName = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{20}$")]
"""A shard's of thumbnails: the beginning of its sha256."""

StoreName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,252}$")]

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

Text = Annotated[str, StringConstraints(max_length=200)]
"""A word or two that is shown and compared, never used as a path."""

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""Rows, bytes of a row and the like: what Annoy and Arrow number by int32."""

Size = Annotated[int, Field(ge=0, le=2**44)]
"""Bytes of a file, 16 TiB at most."""
