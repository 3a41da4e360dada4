"""Hold the size budgets: what grows beyond them wants to be two things.

Prints each offender as ``path:line: what is over``, and fails if there is one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FILE_LINES = 300
FUNCTION_LINES = 40
FORWARD_LINES = 25
PARAMETERS = 6
FORBIDDEN_NAMES = frozenset({"utils.py", "base.py", "types.py"})

NOT_COUNTED = frozenset({"self", "cls", "config"})
"""Parameters that come free: the receiver, and one config in which others are bundled."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Offence(NamedTuple):
    """Something over its budget; lines are counted from 1."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def offences_in_file(path: Path) -> Iterator[Offence]:
    """Yield what is over budget in a Python file."""
    if path.name in FORBIDDEN_NAMES:
        yield Offence(path, 1, f"a module is named after what it defines, not {path.name}")
    source = path.read_text(encoding="utf-8")
    num_lines = len(source.splitlines())
    if num_lines > FILE_LINES:
        yield Offence(path, FILE_LINES + 1, f"{num_lines} lines, at most {FILE_LINES}")
    for node in ast.walk(ast.parse(source, filename=str(path))):
        if isinstance(node, Function):
            yield from _offences_in_function(path, node)


def _offences_in_function(path: Path, function: Function) -> Iterator[Offence]:
    num_lines = count_lines(function)
    allowed = FORWARD_LINES if function.name == "forward" else FUNCTION_LINES
    if num_lines > allowed:
        yield Offence(
            path, function.lineno, f"{function.name} has {num_lines} lines, at most {allowed}"
        )
    num_parameters = count_parameters(function)
    # The parameters of a command are its options: its interface, which nobody passes on.
    if num_parameters > PARAMETERS and not function.name.endswith("_command"):
        yield Offence(
            path,
            function.lineno,
            f"{function.name} has {num_parameters} parameters, at most {PARAMETERS}",
        )


def count_lines(function: Function) -> int:
    """Lines of a function from its `def` to its end, without decorators and docstring."""
    end = function.end_lineno or function.lineno
    num_lines = end - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        num_lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return num_lines


def count_parameters(function: Function) -> int:
    """Parameters beside self, cls and config; a starred one counts once."""
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    starred = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return sum(argument.arg not in NOT_COUNTED for argument in plain) + len(starred)


def main(folders: list[str]) -> int:
    """Print the offenders of some folders; returns how many there are."""
    offences = [
        offence
        for folder in folders
        for path in sorted(Path(folder).rglob("*.py"))
        for offence in offences_in_file(path)
    ]
    for offence in offences:
        print(offence)
    return len(offences)


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
