import subprocess
import sys
from pathlib import Path

import budgets
import pytest

SCRIPT = Path(budgets.__file__)


def messages(folder, source, name="sample.py"):
    path = folder / name
    path.write_text(source, encoding="utf-8")
    return [str(offence).removeprefix(f"{path}:") for offence in budgets.offences_in_file(path)]


def function(num_lines, *, name="f", docstring_lines=0):
    """The source of a function with so many lines beside its docstring."""
    docstring = ['    """Say', *["    more"] * (docstring_lines - 2), '    """']
    return "\n".join(
        [
            f"def {name}():",
            *(docstring if docstring_lines else []),
            *["    pass"] * (num_lines - 1),
        ]
    )


def test_file_may_have_300_lines_and_no_more(tmp_path):
    assert messages(tmp_path, "x = 1\n" * 300) == []
    assert messages(tmp_path, "x = 1\n" * 301) == ["301: 301 lines, at most 300"]


@pytest.mark.parametrize(("name", "allowed"), [("f", 40), ("forward", 25)])
def test_function_may_have_its_lines_and_no_more(tmp_path, name, allowed):
    assert messages(tmp_path, function(allowed, name=name)) == []
    assert messages(tmp_path, "\n\n" + function(allowed + 1, name=name)) == [
        f"3: {name} has {allowed + 1} lines, at most {allowed}"
    ]


def test_docstring_is_not_counted(tmp_path):
    assert messages(tmp_path, function(40, docstring_lines=100)) == []
    assert len(messages(tmp_path, function(41, docstring_lines=100))) == 1


def test_methods_and_coroutines_are_held_too(tmp_path):
    body = "\n".join(["        pass"] * 40)
    assert messages(tmp_path, f"class C:\n    async def f(self):\n{body}\n") == [
        "2: f has 41 lines, at most 40"
    ]


@pytest.mark.parametrize(
    ("signature", "num_parameters"),
    [
        ("", 0),
        ("self, config, a, b, c, d, e, f", 6),
        ("a, b, /, c, *, d, e, f", 6),
        ("a, b, c, d, e, *f, **g", 7),
        ("self, a, b, c, d, e, f, *, g=1", 7),
    ],
)
def test_parameters_are_counted_beside_self_and_config(tmp_path, signature, num_parameters):
    expected = [f"1: f has {num_parameters} parameters, at most 6"] if num_parameters > 6 else []
    assert messages(tmp_path, f"def f({signature}): ...") == expected


@pytest.mark.parametrize("name", ["utils.py", "base.py", "types.py"])
def test_names_that_say_nothing_are_refused(tmp_path, name):
    assert messages(tmp_path, "", name=name) == [
        f"1: a module is named after what it defines, not {name}"
    ]


def test_script_lists_offenders_of_a_tree_and_fails(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "utils.py").write_text("")
    command = [sys.executable, str(SCRIPT), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout.count("\n")) == (1, 1)
    assert "utils.py:1:" in result.stdout
    (tmp_path / "inner" / "utils.py").unlink()
    assert subprocess.run(command, check=False).returncode == 0


def test_options_of_a_command_are_not_counted(tmp_path):
    signature = ", ".join(f"option_{number}" for number in range(9))
    assert messages(tmp_path, f"def train_command({signature}):\n    pass\n") == []
    assert messages(tmp_path, f"def train({signature}):\n    pass\n") != []
