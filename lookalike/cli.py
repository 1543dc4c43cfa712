"""The `lookalike` command: registers the commands, and turns errors into a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from lookalike.commands import (
    complete,
    dashboard,
    demo,
    export,
    model,
    night,
    products,
    query,
    recommend,
    settings,
    status,
    stores,
    upkeep,
)
from storage.errors import InputError, LookalikeError
from storage.import_path import import_folders
from storage.startup import end_quickly

INTERRUPTED = 130
"""What a shell expects of a command ended by Ctrl-C (128 + SIGINT)."""

app = typer.Typer(
    name="lookalike",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="Crawls clothing stores every night and finds the products that look like a photo.",
)

PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Start": (demo.demo, settings.init),
    "The night": (night.crawl, night.embed, night.index, night.nightly, night.deploy),
    "Questions": (
        query.search,
        products.products,
        products.elsewhere,
        products.history,
        complete.complete,
        recommend.recommend,
        query.describe,
        query.garments,
        query.extract,
        dashboard.dashboard,
    ),
    "The encoder": (model.evaluate, model.train),
    "Upkeep": (
        status.status,
        upkeep.accept,
        upkeep.reject,
        upkeep.rollback,
        export.export,
        upkeep.maintain,
        upkeep.repair,
        recommend.purge,
    ),
}
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(stores.stores, name="stores", rich_help_panel="Start")

EXTRAS = {
    "crawl": ("bs4", "extruct", "imagehash", "parsel", "price_parser", "scrapy", "tldextract"),
    "browser": ("playwright", "psutil"),
    "flows": ("prefect", "fastapi", "sqlalchemy"),
    "recommend": ("implicit", "scipy"),
    "train": ("keras", "scipy", "skimage", "sklearn", "tensorflow"),
    "dashboard": ("streamlit",),
    "s3": ("obstore",),
    "sign": ("cryptography",),
}
"""The packages of each extra, for whoever installed less than a command needs."""


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(version("lookalike"))
        except PackageNotFoundError:
            typer.echo("unknown (not installed)")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    :param arguments: what stands after `lookalike`; the process's own where None.
    :return: the exit code: 0 done, 1 the work failed, 2 the input or settings are wrong, 130 interrupted.
    """
    # TensorFlow's start-up notes would drown our own lines; whoever wants them sets the level.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    end_quickly()
    sys.path[:] = import_folders()  # which loky's processes take over
    try:
        app(args=None if arguments is None else list(arguments), prog_name="lookalike")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except LookalikeError as error:
        sys.stderr.write(f"lookalike: {error}\n")
        return error.exit_code
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        extra = next((extra for extra, packages in EXTRAS.items() if missing in packages), None)
        if extra is None:
            raise
        sys.stderr.write(
            f"lookalike: This command needs {missing}, which is not installed. "
            f"Run `pip install 'lookalike[{extra}]'`.\n"
        )
        return 1
    except UnicodeEncodeError:
        given = sys.argv[1:] if arguments is None else arguments
        if not any("\ud800" <= char <= "\udfff" for text in given for char in text):
            raise
        sys.stderr.write("lookalike: An argument is not UTF-8 text. Write it as UTF-8.\n")
        return InputError.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("lookalike: interrupted.\n")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output (`| head`) has gone; Python must not try to flush it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
