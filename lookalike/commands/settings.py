"""`lookalike init`: writes the settings file."""

from __future__ import annotations

from pathlib import Path

from lookalike.commands import terminal
from lookalike.commands.options import ConfigOption, DataOption


def init(config: ConfigOption = None, data: DataOption = None) -> None:
    """Write a commented lookalike.toml, and a prefect.yaml that deploys it on your Prefect server."""
    from flows.config import CONFIG_NAME
    from flows.edit import write_example, write_prefect_yaml

    file = settings_file(config)
    write_example(file, data=data)
    if file.name == CONFIG_NAME:
        write_prefect_yaml(file.parent)
    terminal.say(f"{file} is written. Add a store with `lookalike stores add URL`.")


def settings_file(config: Path | None) -> Path:
    """The path of the settings file; `./lookalike.toml` by default."""
    from flows.config import CONFIG_NAME

    return (config or Path(CONFIG_NAME)).absolute()
