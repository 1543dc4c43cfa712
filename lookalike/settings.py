"""The settings file, where an app over this package reads it: the dashboard imports nothing of `flows`."""

from __future__ import annotations

from flows.config import Config, load_config

__all__ = ["Config", "load_config"]
