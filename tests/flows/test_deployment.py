"""How catalogues are named on a Prefect server, and what the server that Lookalike starts is told."""

import socket

import pytest

from flows.config import load_config
from flows.deployment import choose_name, parameters
from flows.server import DATABASE_VARIABLE, catalogue_name, choose_port, server_environment
from storage.errors import InputError


def catalogue(folder, text="", name="lookalike.toml"):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text)
    return load_config(file, environ={})


def test_without_a_name_it_is_nightly_or_the_folders(tmp_path):
    one, two = catalogue(tmp_path / "one"), catalogue(tmp_path / "two")
    assert choose_name(one, {}) == "nightly"
    assert choose_name(two, {"nightly": parameters(one)}) == "two"
    assert choose_name(one, {"nightly": parameters(one), "two": parameters(two)}) == "nightly"
    # The first one is gone; the second keeps the place that it has.
    assert choose_name(two, {"two": parameters(two)}) == "two"


def test_a_name_in_the_settings_decides(tmp_path):
    assert choose_name(catalogue(tmp_path, 'name = "shop"'), {"nightly": {}}) == "shop"


def test_another_catalogues_deployment_is_never_taken(tmp_path):
    one = catalogue(tmp_path / "a" / "shop")
    for other in (
        catalogue(tmp_path / "b" / "shop"),
        catalogue(tmp_path / "c", 'name = "shop"'),
        one.model_copy(update={"data": tmp_path / "elsewhere", "name": "shop"}),
    ):
        with pytest.raises(InputError, match=f"nightly/shop.*{one.file}.*`name` of its own") as caught:
            choose_name(other, {"nightly": {}, "shop": parameters(one)})
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("folder", "file", "name"),
    [
        ("Second Shop", "lookalike.toml", "second-shop"),
        ("shop.example", "lookalike.toml", "shop.example"),
        ("_ü_", "lookalike.toml", "catalogue"),
        ("shop", "summer.toml", "summer"),
    ],
)
def test_a_folder_gives_a_name_that_may_be_one(tmp_path, folder, file, name):
    assert catalogue_name(catalogue(tmp_path / folder, name=file)) == name


def test_each_catalogue_has_a_database_of_its_own(tmp_path):
    one, two = (server_environment(catalogue(tmp_path, name=name), {}) for name in ("a.toml", "b.toml"))
    assert one[DATABASE_VARIABLE] == f"sqlite+aiosqlite:///{tmp_path}/.prefect/a.db"
    assert two[DATABASE_VARIABLE] != one[DATABASE_VARIABLE]


def test_the_databases_password_comes_from_the_environment(tmp_path):
    config = catalogue(tmp_path, '[prefect]\ndatabase = "postgresql://me:${SECRET}@db.example/prefect"')
    settings = server_environment(config, {"SECRET": "hunter2"})
    assert settings[DATABASE_VARIABLE] == "postgresql+asyncpg://me:hunter2@db.example/prefect"
    with pytest.raises(InputError, match="SECRET is not set"):
        server_environment(config, {})
    assert DATABASE_VARIABLE not in server_environment(config, {"SECRET": "x", DATABASE_VARIABLE: "mine"})


def test_history_is_kept_for_some_days(tmp_path):
    period = "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"
    assert server_environment(catalogue(tmp_path), {})[period] == str(60 * 24 * 3600)
    assert server_environment(catalogue(tmp_path, "[prefect]\nkeep_days = 7"), {})[period] == str(
        7 * 24 * 3600
    )


def test_a_port_that_is_taken_is_passed_over_unless_it_was_asked_for():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert choose_port("127.0.0.1", port, exactly=False) > port
        with pytest.raises(InputError, match=f"127.0.0.1:{port}.*--port"):
            choose_port("127.0.0.1", port, exactly=True)
