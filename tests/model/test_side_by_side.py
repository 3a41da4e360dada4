from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.corpus import SENTENCES
from tests.networks import talkative_model, tiny_config, tiny_model

from dovetail.extractor import Extractor
from dovetail.model.side_by_side import MOST_AT_ONCE, side_by_side
from dovetail.remembering import Remembering
from dovetail.running.locks import ProcessLock
from dovetail.strategies import GatesSharingConfig

WAIT = 60.0
"""Seconds within which a thread that runs comes to the next line, on any machine."""


@pytest.fixture
def threads() -> Iterator[None]:
    """Leaves the threads of torch as they were."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def in_order(items: list[int], count: int) -> list[int]:
    return list(side_by_side(lambda item: item**2, items, threads=count, turn=ProcessLock()))


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("length", [0, 1, 2, 7, 50])
def test_results_come_in_the_order_of_their_items(count: int, length: int) -> None:
    assert in_order(list(range(length)), count) == [item**2 for item in range(length)]


def test_so_many_items_are_under_way_at_once_and_each_on_one_core() -> None:
    together = threading.Barrier(2)

    def meet(item: int) -> tuple[str, int]:
        together.wait(WAIT)  # passes only if another item is under way
        return threading.current_thread().name, torch.get_num_threads()

    met = list(side_by_side(meet, range(6), threads=2, turn=ProcessLock()))
    assert len({name for name, _ in met}) == 2
    assert {count for _, count in met} == {1}


def test_threads_that_ask_keep_their_own_cores_and_so_do_later_ones(threads: None) -> None:
    torch.set_num_threads(3)
    in_order([1, 2], 3)
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert (torch.get_num_threads(), later) == (3, [3])


def test_one_thread_takes_its_turn_for_each_item_and_not_between_them() -> None:
    turn = ProcessLock()
    steps = side_by_side(lambda item: threading.current_thread(), [1, 2], threads=1, turn=turn)
    assert next(steps) is threading.main_thread()
    free: list[bool] = []

    def take() -> None:
        with turn:
            free.append(True)

    other = threading.Thread(target=take)
    other.start()
    other.join(WAIT)
    assert free == [True]


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_comes_in_its_items_place_and_no_more_are_begun(count: int) -> None:
    begun: list[int] = []

    def fail_at_three(item: int) -> int:
        begun.append(item)
        if item == 3:
            raise ValueError("three")
        return item

    steps = side_by_side(fail_at_three, range(100), threads=count, turn=ProcessLock())
    assert [next(steps) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(steps)
    assert len(begun) <= 4 + count
    assert in_order([1, 2, 3], count) == [1, 4, 9]  # the threads go on for others


def test_whoever_leaves_waits_for_what_is_under_way() -> None:
    begun, ended = threading.Semaphore(0), []
    release = threading.Event()

    def hold(item: int) -> int:
        begun.release()
        if item:
            assert release.wait(WAIT)
            ended.append(item)
        return item

    steps = side_by_side(hold, range(100), threads=2, turn=ProcessLock())
    assert next(steps) == 0
    for _ in range(3):  # items 0, 1 and 2
        assert begun.acquire(timeout=WAIT)
    threading.Timer(0.1, release.set).start()
    steps.close()
    assert ended
    assert set(ended) <= {1, 2, 3}


def test_several_threads_find_what_one_finds(threads: None) -> None:
    extractor = Extractor(talkative_model())
    sentences = [*SENTENCES] * 40  # several batches
    torch.set_num_threads(1)
    expected = extractor.annotate(sentences)
    assert any(sentence.relations for sentence in expected)
    torch.set_num_threads(3)
    assert extractor.model.at_once == 3
    assert extractor.annotate(sentences) == expected
    assert Remembering.of(extractor).annotate(sentences) == expected


def test_layers_that_borrow_weights_predict_one_batch_at_a_time(threads: None) -> None:
    torch.set_num_threads(2)
    model = tiny_model(tiny_config(sharing=GatesSharingConfig(hidden_dim=6, dropout=0.1)))
    assert model.at_once == 1
    assert model.finalize().at_once == 2
    torch.set_num_threads(MOST_AT_ONCE + 1)
    assert model.finalize().at_once == MOST_AT_ONCE


# In a process of its own, because one that forks must not have threads that a test left.
FORKING = """
import json, os, signal, sys, threading
import torch
from dovetail import Extractor
from dovetail.text.document import Sentence

extractor = Extractor.load(sys.argv[1], threads=2)
sentences = [Sentence.from_tokens(tokens) for tokens in json.loads(sys.argv[2])] * 200
expected = extractor.annotate(sentences[:200])
going = threading.Event()

def annotate():
    for _ in extractor.annotating(sentences):
        going.set()

thread = threading.Thread(target=annotate)
thread.start()
going.wait()
for _ in range(5):
    child = os.fork()
    if not child:
        signal.alarm(300)
        os._exit(extractor.annotate(sentences[:200]) != expected)
    assert os.waitpid(child, 0)[1] == 0
thread.join()
assert extractor.annotate(sentences[:200]) == expected
"""


def test_a_process_that_is_forked_while_batches_are_under_way_extracts(trained_model: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux forks safely")
    tokens = json.dumps([sentence.tokens for sentence in SENTENCES])
    subprocess.run(
        [sys.executable, "-c", FORKING, str(trained_model), tokens],
        check=True,
        timeout=900,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
    )
