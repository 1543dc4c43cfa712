import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from lookalike import cli
from lookalike.commands import terminal

LINK = "https://shop.example/products/a-linen-dress-with-a-very-long-name-that-no-table-has-room-for"
ROWS = [("1", "A linen dress", LINK), ("2", "Another [red]one[/red]", LINK + "-2")]


@pytest.fixture
def in_a_terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    return lambda columns: monkeypatch.setenv("COLUMNS", str(columns))


@pytest.mark.parametrize("columns", [80, 200])
def test_links_are_whole_in_a_terminal_of_any_width(in_a_terminal, capsys, columns):
    in_a_terminal(columns)
    terminal.print_rows(("", "title", "link"), ROWS)
    printed = capsys.readouterr().out
    assert LINK in printed
    assert f"{LINK}-2" in printed
    assert "[red]" in printed
    assert "title" in printed


def test_outside_a_terminal_a_row_is_a_line(capsys):
    terminal.print_rows(("", "title", "link"), ROWS)
    assert capsys.readouterr().out.splitlines() == ["\t".join(row) for row in ROWS]


def test_a_stores_text_cannot_steer_the_terminal(in_a_terminal, capsys):
    hostile = "\x1b]0;owned\x07\x1b[2Jdress\tand\rmore"
    terminal.print_rows(("title",), [(hostile,)])
    in_a_terminal(100)
    terminal.print_rows(("title",), [(hostile,)])
    printed = capsys.readouterr().out
    for control in ("\x1b]0", "\x07", "\x1b[2J", "\r"):
        assert control not in printed
    assert "dress" in printed


STEERING = "\x1b]0;owned\x07red\x9b31m \u202egpj.exe" + chr(0xE0041) + "\udc80\nlookalike: done"


@pytest.mark.parametrize("columns", [None, 60])
@pytest.mark.parametrize("where", ["rows", "lines", "say", "json", "log", "progress"])
def test_nothing_that_is_printed_steers_the_terminal_or_its_reader(
    where, columns, monkeypatch, capsys, request
):
    if columns:
        request.getfixturevalue("in_a_terminal")(columns)
    match where:
        case "rows":
            terminal.print_rows(("title", "link"), [(STEERING, STEERING)])
        case "lines":
            terminal.print_lines([STEERING])
        case "say":
            terminal.say(STEERING)
        case "json":
            terminal.print_json({STEERING: [STEERING]})
        case "log":
            terminal.log_to_stderr()
            logging.getLogger("scrapers.crawl").warning("%s is refused", STEERING)
        case "progress":
            monkeypatch.setattr(terminal, "LINE_EVERY_S", 0)
            with terminal.progress() as advance:
                advance(f"crawl {STEERING}[bold", 1, 3)
    printed = "".join(capsys.readouterr())
    for char in ("\x1b]", "\x07", "\x9b", "\u202e", chr(0xE0041), "\udc80"):
        assert char not in printed, where
    assert "red" in printed
    assert "\nlookalike: done" not in printed or (where, columns) == ("rows", 60)  # a cell may have lines


def test_json_says_the_same_with_what_steers_escaped(capsys):
    document = {"title": STEERING, "more": ["Größe 👩\u200d👧", None, 1.5, {"a\u2066": "\U000e0041"}]}
    terminal.print_json(document)
    printed = capsys.readouterr().out
    assert json.loads(printed) == document
    assert "Größe 👩\u200d👧" in printed
    assert "\\u009b31m" in printed


def test_a_command_that_fails_says_so_in_one_safe_line(capsys, tmp_path):
    assert cli.main(["stores", "list", "--config", str(tmp_path / f"{STEERING[:-30]}x.toml")]) == 2
    printed = capsys.readouterr().err
    assert "\x1b" not in printed
    assert printed.startswith("lookalike: ")
    assert printed.count("\n") == 1


def test_progress_outside_a_terminal_is_a_line_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "LINE_EVERY_S", 0)
    with terminal.progress() as advance:
        advance("train at 96 px, loss 1.234", 3, 12)
        advance("crawl shop.example", 7, None)
    printed = capsys.readouterr()
    assert printed.err.splitlines() == ["train at 96 px, loss 1.234: 3 of 12", "crawl shop.example: 7"]
    assert printed.out == ""


def test_a_log_line_is_one_safe_line(capsys):
    terminal.log_to_stderr()
    logging.getLogger("scrapers.crawl").warning("%s is refused", "red\x9b31m \u202egpj.exe\nlookalike: done")
    assert capsys.readouterr().err.endswith("red 31m gpj.exe lookalike: done is refused\n")


def test_a_table_has_a_column_of_ages_only_if_a_row_is_old():
    now = datetime.now(UTC)
    head, rows = ("title", "link"), [("Shirt", "a"), ("Coat", "b"), ("Hat", "c")]
    young = [now, None, now - timedelta(hours=47)]
    assert terminal.with_ages(head, rows, young) == (head, rows)
    assert terminal.with_ages(head, rows, [now, None, now - timedelta(days=5)]) == (
        ("title", "seen", "link"),
        [("Shirt", "", "a"), ("Coat", "", "b"), ("Hat", "5 days ago", "c")],
    )
