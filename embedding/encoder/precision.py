"""The precision that Keras layers are made in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Sets the dtype policy, such as `mixed_bfloat16`, of Keras layers made in this context."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
