"""GLiNER's model of entities and relations, of the size of gliner-relex-large-v1.0, untrained.

Its encoder is DeBERTa-v3-large (24 layers of 1,024; GLiNER cuts the vocabulary to that of the
tokenizer), every pair of entities is scored, and it is asked for CoNLL04's types.  Weights are
random, since the computation of a span is the same; but which spans are entities is not, and where
most are, their pairs take more memory than there is.  So it takes none: this is what it needs at
least, without relations.  The pieces of words are those of the tokenizer that is at hand.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from answering import Counts, Sentence, answer, task
from gliner import GLiNER

ENTITIES = ["person", "organization", "location", "other"]
RELATIONS = ["works for", "kills", "is based in", "lives in", "is located in"]
LARGE = {
    "model_type": "deberta-v2",
    "vocab_size": 128_100,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "relative_attention": True,
    "position_buckets": 256,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "max_relative_positions": -1,
    "position_biased_input": False,
    "type_vocab_size": 0,
    "layer_norm_eps": 1e-7,
}


def built(asked: dict[str, object]) -> GLiNER:
    """The model, with the tokenizer of the encoder that the task names."""
    folder = Path(str(asked["folder"])) / "tokenizer"
    folder.mkdir(exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        if (Path(str(asked["encoder"])) / name).is_file():
            shutil.copyfile(Path(str(asked["encoder"])) / name, folder / name)
    torch.manual_seed(1)
    config = {
        "model_type": "gliner_uni_encoder_span_relex",
        "model_name": str(folder),
        "encoder_config": dict(LARGE),
        "hidden_size": 1024,
        "relations_layer": "none",
        "span_mode": "markerV0",
    }
    return GLiNER.from_config(config, backbone_from_pretrained=False)


def main() -> None:
    """Build the model."""
    asked = task()
    torch.set_num_threads(1)
    model = built(asked)

    def find(some: Sequence[Sentence]) -> Counts:
        texts = [own["text"] for own in some]
        entities, relations = model.inference(texts, ENTITIES, RELATIONS, threshold=1.0)
        return sum(map(len, entities)), sum(map(len, relations))

    parameters = sum(own.numel() for own in model.model.parameters())
    answer(find, asked["sentences"], parameters=parameters)


if __name__ == "__main__":
    main()
