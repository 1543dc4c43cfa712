"""Processor time, which other work on the machine hardly changes."""

from __future__ import annotations

import os


def of_children() -> float:
    """Seconds that ended processes have taken which this one has started and waited for, and theirs."""
    spent = os.times()
    return spent.children_user + spent.children_system
