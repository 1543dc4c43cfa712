"""Runs the steps of a night so that one that fails stops no other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from storage.errors import LookalikeError

_log = logging.getLogger(__name__)
Done = TypeVar("Done")


@dataclass(frozen=True)
class Steps:
    """Runs steps of a night each on its own: if one fails, the others run all the same.

    :ivar problems: gets a sentence for each step that fails.
    """

    problems: list[str]

    def run(self, name: str, step: Callable[[], Done]) -> Done | None:
        """The outcome of a step; None if it fails.

        :param name: of the step, as the subject of a sentence.
        """
        try:
            return step()
        except LookalikeError as error:
            self.problems.append(str(error))
        except Exception as error:
            # A bug in one step: what the others have done is stored, and the night's report must say so.
            _log.exception("%s failed", name)
            self.problems.append(f"{name} broke off ({type(error).__name__}: {error}). The log says where.")
        return None
