"""What every encoder that can be built of its defaults promises, those of other packages too."""

from __future__ import annotations

import json

import pytest
import torch

from dovetail.build import build_encoder
from dovetail.config import EncoderConfig
from dovetail.config.structure import KIND, kind_of
from dovetail.encoders import ConcatenatedEncoder, Encoder

SENTENCES = [["The", "wooden", "joints", "hold"], ["oak"]]
FROM_FILES = {"pretrained", "elmo", "static", "brown"}
"""They are built of files, and have tests of their own."""

KINDS = {
    str(kind_of(section)): section
    for section in EncoderConfig.choices()
    if kind_of(section) not in FROM_FILES
}


@pytest.fixture(params=KINDS)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    torch.manual_seed(0)
    section = KINDS[request.param].model_validate({KIND: request.param})
    return build_encoder(section, SENTENCES).eval()


def test_vectors_are_as_wide_as_declared_and_padding_has_no_say(encoder: Encoder) -> None:
    vectors = encoder(encoder.featurise(SENTENCES))
    assert vectors.shape == (2, 4, encoder.output_dim)
    alone = encoder(encoder.featurise(SENTENCES[1:]))
    torch.testing.assert_close(vectors[1, :1], alone[0])


def test_an_encoder_comes_back_from_what_is_saved(encoder: Encoder) -> None:
    whole = ConcatenatedEncoder([encoder])
    again = ConcatenatedEncoder.from_assets(json.loads(json.dumps(whole.assets())))
    again.load_stored_state(whole.stored_state())
    features = whole.featurise(SENTENCES)
    assert torch.equal(again.eval()(features), whole(features))
