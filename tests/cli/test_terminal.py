from __future__ import annotations

import io

from rich.table import Table
from rich.text import Text

from dovetail.cli.terminal import Terminal

HOSTILE = "a\x1b]0;owned\x07b\u202ec"


def printed(*things: object, is_terminal: bool = False) -> str:
    file = io.StringIO()
    Terminal(file=file, width=120, force_terminal=is_terminal, color_system=None).print(*things)
    return file.getvalue()


def test_texts_of_every_sort_are_shown_and_not_obeyed() -> None:
    table = Table(HOSTILE)
    table.add_row(HOSTILE)
    for thing in (HOSTILE, f"[bold]{HOSTILE}[/bold]", Text(HOSTILE), table):
        for is_terminal in (False, True):
            output = printed(thing, is_terminal=is_terminal)
            assert "\x1b]" not in output
            assert "\x07" not in output
            assert "\u202e" not in output
            assert "a\u241b]0;owned" in output


def test_cell_of_a_table_is_as_wide_as_what_is_shown() -> None:
    table = Table()
    table.add_column("type")
    table.add_row(HOSTILE)
    assert "a\u241b]0;owned\u2407b\\u202ec" in printed(table)
    assert len({len(line) for line in printed(table).splitlines()}) == 1


def test_styles_of_our_own_are_sent() -> None:
    file = io.StringIO()
    terminal = Terminal(file=file, force_terminal=True, color_system="standard")
    terminal.print("[red]no[/red]")
    assert "\x1b[31mno" in file.getvalue()
