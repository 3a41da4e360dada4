from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim import AdamW

from dovetail.errors import TrainingError
from dovetail.training.checkpoint import (
    FILE,
    PARTS,
    Checkpoint,
    Progress,
    restore_optimiser,
    seed_epoch,
    tensors_from_optimiser,
)

PROGRESS = Progress(phase=1, phase_start=2, epoch=4, step=123, best_epoch=3, best_score=0.625)


def checkpoint(value: float = 1.0) -> Checkpoint:
    tensors = {"layer.weight": torch.full((2, 3), value), "layer.bias": torch.tensor([value, -0.0])}
    moments = {"0/exp_avg": torch.rand(2, 3), "0/step": torch.tensor(7.0)}
    best, owned = {"layer.weight": torch.ones(1)}, {"0.logits": torch.rand(3)}
    return Checkpoint(PROGRESS, tensors, best, moments, owned, data_digest="digest")


def test_saved_checkpoint_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    saved = checkpoint()
    saved.save(tmp_path / "checkpoint")
    loaded = Checkpoint.load(tmp_path / "checkpoint")
    assert loaded.progress == saved.progress
    assert loaded.data_digest == "digest"
    for part in PARTS:
        own, other = getattr(saved, part), getattr(loaded, part)
        assert own.keys() == other.keys()
        for name in own:
            assert own[name].numpy().tobytes() == other[name].numpy().tobytes()
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == [FILE]


def test_missing_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="start it without --resume"):
        Checkpoint.load(tmp_path)


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_damaged_checkpoint_is_refused(tmp_path: Path, kept: int) -> None:
    checkpoint().save(tmp_path)
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content[:kept])
    with pytest.raises(TrainingError, match="is damaged"):
        Checkpoint.load(tmp_path)


def test_checkpoint_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    checkpoint(1.0).save(tmp_path)
    (tmp_path / "in the way").mkdir()  # which cannot be unlinked, even by root
    with pytest.raises(TrainingError, match="The checkpoint before it is whole"):
        checkpoint(2.0).save(tmp_path)
    assert torch.equal(Checkpoint.load(tmp_path).model["layer.weight"], torch.ones(2, 3))


def test_first_checkpoint_that_cannot_be_written_has_none_before_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"could not write .* There is none before it"):
        checkpoint().save(tmp_path / "file" / "checkpoint")


def test_restored_optimiser_takes_the_same_step() -> None:
    def twin() -> tuple[nn.Linear, AdamW]:
        torch.manual_seed(3)
        layer = nn.Linear(3, 2)
        decayed = {"params": [layer.weight], "weight_decay": 0.1}
        return layer, AdamW([decayed, {"params": [layer.bias]}], lr=0.1)

    def step(layer: nn.Linear, optimiser: AdamW, scale: float) -> None:
        optimiser.zero_grad()
        (scale * layer(torch.ones(1, 3))).square().sum().backward()
        optimiser.step()

    first, optimiser = twin()
    for scale in (1.0, 2.0):
        step(first, optimiser, scale)
    second, other = twin()
    second.load_state_dict(first.state_dict())
    saved = {name: t.clone() for name, t in tensors_from_optimiser(optimiser).items()}
    restore_optimiser(other, saved)
    step(first, optimiser, 3.0)
    step(second, other, 3.0)
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(first.bias, second.bias)


def test_every_epoch_of_every_run_draws_its_own_numbers() -> None:
    seeds = {
        seed_epoch(seed, phase=phase, epoch=epoch)
        for seed in (0, 1, 2**32 - 1)
        for phase in (0, 1)
        for epoch in (0, 1, 2)
    }
    assert len(seeds) == 18
    seed_epoch(1, phase=0, epoch=2)
    first = torch.rand(3)
    seed_epoch(1, phase=0, epoch=2)
    assert torch.equal(first, torch.rand(3))
