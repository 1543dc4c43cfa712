import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from lookalike.cli import app, main

REPO = Path(__file__).parents[2]
DOCS = (REPO / "docs/commands.md").read_text(encoding="utf-8")
HEAVY = (
    "tensorflow",
    "keras",
    "prefect",
    "scrapy",
    "openvino",
    "pandas",
    "pyarrow",
    "deltalake",
    "streamlit",
)


def walk(command, path=()):
    """Every command of the command line with its words, groups left out."""
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from walk(child, (*path, name))
    else:
        yield path, command


COMMANDS = dict(walk(typer.main.get_command(app)))


def options(command):
    return [option for option in command.params if option.param_type_name == "option"]


def section(path):
    found = re.search(rf"^### `lookalike {' '.join(path)}\b.*?(?=^##|\Z)", DOCS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no section `lookalike {' '.join(path)}`"
    return found[0]


def test_the_commands_of_the_design_are_there():
    assert {" ".join(path) for path in COMMANDS} == {
        *("demo", "init", "stores add", "stores list", "stores remove", "crawl", "embed", "index", "nightly"),
        *(
            "deploy",
            "search",
            "complete",
            "recommend",
            "purge",
            "describe",
            "garments",
            "extract",
            "evaluate",
            "train",
            "status",
            "rollback",
            "export",
        ),
        *("maintain", "repair", "dashboard", "accept", "reject", "products", "elsewhere", "history"),
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_has_help_and_documentation(path):
    command = COMMANDS[path]
    assert command.help, "the command has no help"
    documented = section(path)
    for option in command.params:
        assert option.help, f"{option.name} has no help"
    for option in options(command):
        if option.opts[0] not in ("--help", "--config", "--data"):
            assert any(name in documented for name in (*option.opts, *option.secondary_opts)), option.opts


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_takes_config_and_data(path):
    assert {"--config", "--data"} <= {name for option in options(COMMANDS[path]) for name in option.opts}


def test_documentation_names_no_command_that_is_not_there():
    named = re.findall(r"^### `lookalike ([a-z]+(?: [a-z]+)?)", DOCS, re.MULTILINE)
    assert sorted(named) == sorted(" ".join(path) for path in COMMANDS)


def test_help_imports_nothing_heavy():
    seen = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from lookalike.cli import main; code = main(['--help']);"
            f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)",
        ],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stderr.strip() == "[]"
    assert "nightly" in seen.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["search"],
        ["search", "a.jpg", "-k", "0"],
        ["nightly", "--sideways"],
        ["crawl", "--config"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(arguments, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Error" in printed.err
    assert "Traceback" not in printed.err


def test_a_missing_package_is_one_sentence(tmp_path):
    (tmp_path / "lookalike.toml").write_text('[[stores]]\nname = "a"\nurl = "https://a.example"\n')
    without_prefect = (
        "import sys; sys.modules['prefect'] = None; from lookalike.cli import main;"
        "sys.exit(main(['nightly', '--config', sys.argv[1]]))"
    )
    seen = subprocess.run(
        [sys.executable, "-c", without_prefect, tmp_path / "lookalike.toml"],
        cwd=REPO,
        capture_output=True,
        text=True,
    )
    assert seen.returncode == 1
    assert seen.stderr.count("\n") == 1
    assert "pip install 'lookalike[flows]'" in seen.stderr


@pytest.mark.parametrize("name", ["https://shop.example", "shop.example:8501", "a b", "", "-"])
def test_a_host_that_is_no_name_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboard", "--allow-host", name]) == 2
    assert f"'{name}' is no host name" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["99999", "0", "-1", "http"])
def test_a_port_that_is_none_is_said(port: str, capsys) -> None:
    assert main(["dashboard", "--port", port]) == 2
    assert "--port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["train", "photos.parquet"], "photos.parquet does not exist"),
        (["train", "photos.parquet", "--encoder", "autoencoder"], "photos.parquet does not exist"),
        (["train", "there.parquet", "--teacher", "taught.parquet"], "taught.parquet does not exist"),
        (["train", "there.parquet", "--from", "mine.npz"], "There are no weights mine.npz"),
        (["train", "there.parquet", "--recipe", "none.toml"], "none.toml cannot be read"),
        (["train", "there.parquet", "--recipe", "recipe.toml"], "taught.parquet does not exist"),
        (["train", "there.parquet", "--batch", "1"], "A batch of 1"),
        (["train", "there.parquet", "--encoder", "autoencoder", "--batch", "0"], "A batch of 0"),
        (["train", "there.parquet", "--sizes", "a"], "--sizes a is no list of numbers"),
        (["train", "there.parquet", "--metric-loss", "hinge"], "The recipe's metric_loss is 'hinge'"),
        (["train", "there.parquet", "--encoder", "autoencoder", "--epochs", "1,2"], "no number of epochs"),
        (["train", "there.parquet", "--recipe", "auto.toml", "--epochs", "1.5"], "no number of epochs"),
        (["evaluate", "photos.parquet"], "photos.parquet does not exist"),
        (["evaluate", "there.parquet", "--gallery", "photos.parquet"], "photos.parquet does not exist"),
        (["evaluate", "there.parquet", "--encoder", "mine.npz"], "There are no weights mine.npz"),
        (["evaluate", "."], ". is a folder"),
    ],
)
def test_a_missing_file_is_said_before_tensorflow_is_imported(
    arguments: list[str], missing: str, tmp_path: Path
) -> None:
    (tmp_path / "there.parquet").touch()
    (tmp_path / "recipe.toml").write_text('teacher = "taught.parquet"')
    (tmp_path / "auto.toml").write_text('encoder = "autoencoder"')
    code = (
        "import sys; from lookalike.cli import main; code = main(sys.argv[1:]); "
        "assert not {'keras', 'tensorflow'} & set(sys.modules); sys.exit(code)"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert missing in done.stderr
