from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dovetail.training.features_file import FeaturesFile

CPU = torch.device("cpu")
TENSORS = st.tuples(
    st.sampled_from([torch.float16, torch.bfloat16, torch.int64, torch.bool]),
    st.lists(st.integers(0, 3), max_size=3),
).map(lambda drawn: torch.randint(0, 2, tuple(drawn[1])).to(drawn[0]))
ROWS = st.lists(st.dictionaries(st.sampled_from(["states", "pieces"]), TENSORS), max_size=5)


@given(ROWS, st.randoms(use_true_random=False))
def test_what_is_written_is_read_in_any_order(rows, chance) -> None:
    file = FeaturesFile(CPU)
    file.extend(rows[:2])
    file.extend(rows[2:])
    places = list(range(len(rows)))
    chance.shuffle(places)
    assert len(file) == len(rows)
    for place in places:
        own = file[place]
        assert own.keys() == rows[place].keys()
        for name, tensor in own.items():
            assert tensor.dtype == rows[place][name].dtype
            assert torch.equal(tensor, rows[place][name])
            tensor.zero_()  # a tensor that is read can be written to


FULL = """
import resource, torch
from dovetail.errors import OutputError
from dovetail.training.features_file import FeaturesFile

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
file = FeaturesFile(torch.device("cpu"))
try:
    for _ in range(10):
        file.extend([{"states": torch.zeros(10_000, dtype=torch.float16)}])
except OutputError as error:
    print(error)
"""


def test_a_full_disk_is_told_and_nothing_stays(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", FULL],
        env={"TMPDIR": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"cannot write what the encoder computes into {tmp_path} after")
    assert "set TMPDIR" in done.stdout
    assert not list(tmp_path.iterdir())
