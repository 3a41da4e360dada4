"""What a program of a rival and `benchmarks/rivals.py` say to each other, a JSON value a line.

It runs in the environment of the rival, so it needs the standard library and nothing else.

    program TASK         starts; TASK is a JSON file
    {"ready": …}         the first sentence is answered; what is said of the model
    go                   is asked for all sentences
    {"seconds": …, …}    wall and processor seconds, entities and relations that were found
    (end of the input)   nothing more is asked
    {"peak_bytes": …}    the most memory that the process ever had
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

_ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)  # what libraries print from now on is no answer

Sentence = dict[str, Any]
"""``tokens``, and the ``text`` that they are of."""

Counts = tuple[int, int]
"""Entities and relations that were found."""

Find = Callable[[Sequence[Sentence]], Counts]


def task() -> dict[str, Any]:
    """What is asked: ``sentences``, and where training sentences, an encoder and room are."""
    with open(sys.argv[1], encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


def answer(find: Find, sentences: Sequence[Sentence], **about: Any) -> None:
    """Answer one sentence, then all as often as is asked."""

    def say(value: dict[str, Any]) -> None:
        _ANSWERS.write(json.dumps(value) + "\n")
        _ANSWERS.flush()

    find(sentences[:1])
    say({"ready": about})
    for _ in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        entities, relations = find(sentences)
        say(
            {
                "seconds": time.perf_counter() - wall,
                "processor_seconds": time.process_time() - processor,
                "entities": entities,
                "relations": relations,
            }
        )
    say({"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})
