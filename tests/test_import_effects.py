"""Importing Dovetail, and asking for its public names, changes nothing in the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import dovetail
from dovetail.threads import FEW_KERNELS, SETTINGS

# What a process has that an import may change, in a form that can be compared.
STATE = """
import importlib, json, logging, os, signal, sys, threading, warnings

def state():
    torch = sys.modules.get("torch")
    return {
        "environment": dict(os.environ),
        "threads": threading.active_count(),
        "of torch": torch and [torch.get_num_threads(), torch.get_num_interop_threads()],
        "precision": torch and torch.get_float32_matmul_precision(),
        "dtype": torch and repr(torch.get_default_dtype()),
        "random": torch and torch.get_rng_state().tolist()[:64],
        "warnings": list(map(repr, warnings.filters)),
        "logging": [repr(logging.root.handlers), logging.root.level, repr(logging.lastResort)],
        "loggers": {
            name: [repr(logger.handlers), logger.level]
            for name, logger in logging.root.manager.loggerDict.items()
            if isinstance(logger, logging.Logger) and name.startswith("dovetail")
            and (logger.handlers or logger.level)
        },
        "signals": [repr(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "hooks": [repr(hook) for hook in (sys.excepthook, sys.displayhook, threading.excepthook)],
        "recursion": sys.getrecursionlimit(),
        "streams": [sys.stdin.encoding, sys.stdout.encoding, sys.stdout.line_buffering],
        "folder": os.getcwd(),
    }
"""
ASK = "import dovetail\nfor name in dovetail.__all__: getattr(dovetail, name)\n"


def run(program: str, **environment: str) -> str:
    chosen = (*SETTINGS, "TOKENIZERS_PARALLELISM")
    kept = {name: value for name, value in os.environ.items() if name not in chosen}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_importing_dovetail_changes_nothing() -> None:
    program = f"{STATE}\nbefore = state()\nimport dovetail\nprint(before == state())"
    assert run(program).split() == ["True"]


def test_asking_for_the_public_names_changes_nothing_but_what_other_libraries_do() -> None:
    loaded = json.loads(run(f"{ASK}import json, sys\nprint(json.dumps(sorted(sys.modules)))"))
    others = [name for name in loaded if name.split(".")[0] not in ("dovetail", "__main__")]
    assert "torch" in others
    program = f"""{STATE}
for name in {others!r}:
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # one that only its package can import
before = state()
{ASK}
after = state()
print(json.dumps([name for name in before if before[name] != after[name]]))
"""
    assert json.loads(run(program)) == []


LOAD = """
import os
before = dict(os.environ)
import torch
torch.set_num_threads(3)
from dovetail import Extractor
Extractor.load("news", threads={})
# Over a transformer: its tokenizer would warn of every fork.
assert os.environ.pop("TOKENIZERS_PARALLELISM") == "false"
os.environ.pop("TORCHINDUCTOR_CACHE_DIR", None)  # torch sets it by itself
print(torch.get_num_threads(), sorted(set(os.environ.items()) - set(before.items())))
"""


def test_loading_sets_what_it_says_and_nothing_at_all_if_that_is_asked() -> None:
    assert run(LOAD.format(None)) == "3 []\n"
    assert run(LOAD.format(2)) == f"2 {sorted(FEW_KERNELS.items())}\n"


def test_the_command_line_prepares_its_own_process() -> None:
    program = (
        "import os, sys\nfrom dovetail.cli import main\nsys.argv = ['dovetail', '--version']\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print({SETTINGS!r}.items() <= os.environ.items())"
    )
    assert run(program) == f"dovetail {dovetail.__version__}\nTrue\n"
