import pytest

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


def test_progress_outside_a_terminal_is_a_line_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "LINE_EVERY_S", 0)
    with terminal.progress() as advance:
        advance("train at 96 px, loss 1.234", 3, 12)
        advance("crawl shop.example", 7, None)
    printed = capsys.readouterr()
    assert printed.err.splitlines() == ["train at 96 px, loss 1.234: 3 of 12", "crawl shop.example: 7"]
    assert printed.out == ""
