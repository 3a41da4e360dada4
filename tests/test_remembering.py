"""An extractor that remembers predicts the same, and encodes each batch once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.corpus import DEV, TRAIN
from tests.networks import ENCODERS, pretrained, tiny_config, tiny_model

from dovetail import remembering
from dovetail.extractor import Extractor
from dovetail.model.joint import JointModel
from dovetail.remembering import Remembering, num_bytes
from dovetail.running.steps import result_of


@pytest.fixture
def model(pretrained_folder: Path) -> JointModel:
    config = tiny_config(encoders=(pretrained(pretrained_folder), *ENCODERS))
    return tiny_model(config, sentences=TRAIN)


@pytest.fixture
def encoded(model: JointModel) -> list[torch.Size]:
    """The shapes of what the transformer has computed."""
    shapes: list[torch.Size] = []
    (transformer,) = (e.transformer for e in model.encoder if hasattr(e, "transformer"))
    transformer.register_forward_hook(lambda *own: shapes.append(own[2].shape))
    return shapes


def test_the_same_is_predicted_and_encoded_once(
    model: JointModel, encoded: list[torch.Size]
) -> None:
    plain = Extractor(model)
    wanted = [
        plain.annotate(TRAIN),
        plain.down_to(0.01).annotate(TRAIN),
        result_of(plain.annotating(TRAIN, given_entities=True)),
    ]
    times = len(encoded)
    extractor = Remembering.of(plain)
    encoded.clear()
    assert extractor.annotate(TRAIN) == wanted[0]
    assert len(encoded) == times / 3
    assert extractor.down_to(0.01).annotate(TRAIN) == wanted[1]
    assert result_of(extractor.annotating(TRAIN, given_entities=True)) == wanted[2]
    assert len(encoded) == times / 3


def test_what_was_made_first_is_forgotten_first(
    model: JointModel, encoded: list[torch.Size], monkeypatch: pytest.MonkeyPatch
) -> None:
    extractor = Remembering.of(Extractor(model))
    first, second = ([own.tokens for own in sentences] for sentences in (TRAIN[:3], DEV[:3]))
    room = num_bytes(extractor.featurise(first))
    monkeypatch.setattr(remembering, "MOST_BYTES", room)
    extractor.featurise(first)
    assert len(encoded) == 1
    extractor.featurise(second)
    extractor.featurise(first)
    assert len(encoded) == 3
