"""Dovetail beside spaCy, SpERT and GLiNER: speed, memory and start-up, on the same sentences.

    python benchmarks/rivals.py --work build/rivals --spert CHECKOUT

CHECKOUT is a folder of github.com/lavis-nlp/spert, which is no package; without it SpERT is left
out.  Each rival has an environment of its own in the work folder, made once with what
`rival_programs/NAME.txt` names, and a program there that answers what it is asked.  All programs
are started one after another, then asked for all sentences in turns, one thread each, so that
whatever else the machine does hits them alike.

    start-up      from the start of the process to its first answer
    sentences/s   median and best over the turns, by the clock, and the median by processor seconds
    memory        the most that the process had

What a rival predicts here says nothing of how good it is: SpERT and spaCy have learned just long
enough to find about as many entities as there are, and GLiNER nothing.  Scores are in
docs/results.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail.encoders.known_encoders import KNOWN

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "rival_programs"
DATA = Path(os.environ.get("DOVETAIL_DATA", HERE.parents[1] / "shared" / "data"))


class LeftOutError(Exception):
    """Why a rival is not measured."""


@dataclass(frozen=True)
class Rival:
    """A program that answers, and what it is told beside the sentences."""

    name: str
    program: str
    environment: str = ""
    """The name of its requirements and its environment; Dovetail's own where there is none."""
    told: dict[str, Any] = field(default_factory=dict)
    lacks: str = ""
    """What was not given that it needs."""

    def python(self, work: Path) -> Path:
        """The interpreter of its environment, which is made if it is not there.

        Raises:
            LeftOutError: if it cannot be made, or something is lacking.
        """
        if self.lacks:
            raise LeftOutError(self.lacks)
        if not self.environment:
            return Path(sys.executable)
        folder = work / self.environment / "environment"
        python, stamp = folder / "bin" / "python", folder / "installed"
        if stamp.is_file():
            return python
        print(f"{self.name}: making its environment", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        requirements = PROGRAMS / f"{self.environment}.txt"
        command = [str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise LeftOutError(f"its environment cannot be made: {last_line(done.stderr)}")
        stamp.touch()
        return python


class Program:
    """A rival that runs."""

    def __init__(self, rival: Rival, task: dict[str, Any], work: Path) -> None:
        folder = work / (rival.environment or "dovetail")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{rival.name.replace(' ', '-')}.json"
        path.write_text(json.dumps({**task, **rival.told, "folder": str(folder)}), "utf-8")
        self._command = [str(rival.python(work)), str(PROGRAMS / rival.program), str(path)]
        self._log = path.with_suffix(".log")
        self._outcomes: list[dict[str, Any]] = []
        self._prepare()
        began = time.perf_counter()
        self._process = self._started()
        self._about: dict[str, Any] = self._said()["ready"]
        self._start_seconds = time.perf_counter() - began

    def _prepare(self) -> None:
        """Start it once, so that what it learns or reads from the disk at first is no start-up."""
        self._process = self._started()
        self._said()
        self._peak_bytes()

    def _started(self) -> subprocess.Popen[str]:
        variables = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        with self._log.open("w", encoding="utf-8") as log:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **variables, "TOKENIZERS_PARALLELISM": "false"},
            )

    def _said(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self.close()
            raise LeftOutError(
                f"it ended with {self._process.returncode}: "
                f"{last_line(self._log.read_text('utf-8', 'replace'))} ({self._log})"
            )
        found: dict[str, Any] = json.loads(line)
        return found

    def turn(self, *, is_counted: bool) -> None:
        """Have it answer all sentences once."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        outcome = self._said()
        if is_counted:
            self._outcomes.append(outcome)

    def summary(self, number: int) -> dict[str, Any]:
        """End it; what its turns over so many sentences come to."""
        seconds = [own["seconds"] for own in self._outcomes]
        of_processor = [own["processor_seconds"] for own in self._outcomes]
        return {
            "start_seconds": self._start_seconds,
            "rate": number / statistics.median(seconds),
            "best_rate": number / min(seconds),
            "processor_rate": number / statistics.median(of_processor),
            "peak_bytes": self._peak_bytes(),
            "entities": self._outcomes[-1]["entities"],
            "relations": self._outcomes[-1]["relations"],
            "about": self._about,
        }

    def _peak_bytes(self) -> int:
        """End it, and the most memory that it had."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        peak: int = self._said()["peak_bytes"]
        self.close()
        return peak

    def close(self) -> None:
        """End it, whatever it does."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process.kill()
        self._process.wait()


def last_line(text: str) -> str:
    """The last line with something in it."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no word")


@contextlib.contextmanager
def told_in(row: dict[str, Any]) -> Iterator[None]:
    """Note in the row of a rival why it is left out, if it has to be."""
    try:
        yield
    except (LeftOutError, OSError) as error:
        row["left_out"] = str(error)


def measured(rivals: Sequence[Rival], task: dict[str, Any], work: Path, turns: int) -> list[Any]:
    """A row for each rival, with what was measured, or why it is left out."""
    rows: dict[str, dict[str, Any]] = {own.name: {"rival": own.name} for own in rivals}
    programs: dict[str, Program] = {}
    with contextlib.ExitStack() as stack:
        for rival in rivals:
            with told_in(rows[rival.name]):
                program = Program(rival, task, work)
                programs[rival.name] = stack.enter_context(contextlib.closing(program))
        for turn in range(turns + 1):
            for name, program in programs.items():
                if "left_out" not in rows[name]:
                    with told_in(rows[name]):
                        program.turn(is_counted=turn > 0)  # the first is a warm-up
        for name, program in programs.items():
            if "left_out" not in rows[name]:
                with told_in(rows[name]):
                    rows[name] |= program.summary(len(task["sentences"]))
    return list(rows.values())


def table(rows: Sequence[dict[str, Any]], task: dict[str, Any]) -> str:
    """The rows for a terminal."""
    lines = [
        f"{'':32}{'sentences/s':>12}{'best':>8}{'of the CPU':>12}{'start-up':>10}{'memory':>10}"
        f"{'entities':>10}{'relations':>11}"
    ]
    for row in rows:
        if "left_out" in row:
            lines.append(f"{row['rival']:32}left out: {row['left_out']}")
            continue
        lines.append(
            f"{row['rival']:32}{row['rate']:12.1f}{row['best_rate']:8.1f}"
            f"{row['processor_rate']:12.1f}{row['start_seconds']:8.1f} s"
            f"{row['peak_bytes'] / 1e6:7.0f} MB{row['entities']:10,}{row['relations']:11,}"
        )
    gold = [sum(own[name] for own in task["sentences"]) for name in ("entities", "relations")]
    lines.append(f"{'annotated':84}{gold[0]:10,}{gold[1]:11,}")
    return "\n".join(lines)


def all_rivals(spert: Path | None) -> list[Rival]:
    """Those that are compared."""
    checkout = {"spert": str(spert.resolve())} if spert else {}
    return [
        Rival("Dovetail news from tokens", "of_dovetail.py", told={"from": "tokens"}),
        Rival("Dovetail news from text", "of_dovetail.py", told={"from": "text"}),
        Rival("spaCy, entities alone", "of_spacy.py", "spacy"),
        Rival(
            "SpERT, all-MiniLM-L6-v2",
            *("of_spert.py", "spert", checkout),
            lacks="" if spert else "--spert names no checkout",
        ),
        Rival("GLiNER RelEx, large, untrained", "of_gliner.py", "gliner"),
    ]


def task_of(limit: int | None) -> dict[str, Any]:
    """What every program is told: the test sentences of CoNLL04, and where to learn."""
    rows = json.loads((DATA / "conll04" / "conll04_test.json").read_text("utf-8"))[:limit]
    return {
        "sentences": [
            {
                "tokens": own["tokens"],
                "text": " ".join(own["tokens"]),
                "entities": len(own["entities"]),
                "relations": len(own["relations"]),
            }
            for own in rows
        ],
        "train": str((DATA / "conll04" / "conll04_train.json").resolve()),
        "types": str((DATA / "conll04" / "conll04_types.json").resolve()),
        "encoder": str(KNOWN["minilm"].folder("minilm")),
        "model": "news",
    }


def main() -> None:
    """Measure all rivals in turns, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path("build/rivals"), help="environments")
    parser.add_argument("--spert", type=Path, help="a checkout of SpERT")
    parser.add_argument("--turns", type=int, default=3, help="how often all are asked")
    parser.add_argument("--limit", type=int, help="sentences at most")
    parser.add_argument("--json", type=Path, help="write the measurements to this file too")
    options = parser.parse_args()
    task = task_of(options.limit)
    rows = measured(all_rivals(options.spert), task, options.work.resolve(), options.turns)
    print(table(rows, task))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
