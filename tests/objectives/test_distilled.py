from __future__ import annotations

import pytest
import torch
from tests.corpus import TRAIN
from tests.heads.test_distillation import taught_by
from tests.networks import batch_of, talkative_model

from dovetail.objectives import Distilled


def test_terms_are_the_heads_losses_against_the_teacher_times_their_weights() -> None:
    model = talkative_model()
    batch = taught_by(talkative_model(seed=1), batch_of(TRAIN[:4], model), 1.0)
    outputs = model.outputs(batch)
    terms = Distilled({"entity": 0.5, "relation": 2.0})(outputs, batch, 0)
    assert list(terms) == ["taught_entity", "taught_relation"]
    torch.testing.assert_close(terms["taught_entity"], 0.5 * outputs.taught["entity"])
    torch.testing.assert_close(terms["taught_relation"], 2.0 * outputs.taught["relation"])


def test_batch_without_a_teacher_is_refused() -> None:
    model = talkative_model()
    batch = batch_of(TRAIN[:2], model)
    with pytest.raises(ValueError, match="what the teacher says is missing"):
        Distilled({"entity": 1.0, "relation": 1.0})(model.outputs(batch), batch, 0)
