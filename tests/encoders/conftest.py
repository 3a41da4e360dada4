"""Tiny pretrained encoders with random weights, in the files that real ones come in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from tests.encoders.elmo_restated import save_elmo
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModel,
    BertConfig,
    BertModel,
    DebertaV2Config,
    MPNetConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

WINDOW_PIECES = 24
"""How many pieces the tiny encoders read, two special ones included."""

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "wood", "##en", "##work", "joint", "##s", "the", "."]


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of 3 layers of 16, whose tokenizer has truncation and padding set."""
    return save_tiny_bert(tmp_path_factory.mktemp("tiny-bert"))


def save_tiny_bert(folder: Path) -> Path:
    """Write that BERT's files into a folder."""
    index_by_piece = {piece: index for index, piece in enumerate(PIECES)}
    tokenizer = Tokenizer(models.WordPiece(index_by_piece, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]"
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(PIECES),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=WINDOW_PIECES,
        initializer_range=0.5,  # so that context matters
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_deberta(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model whose layers do not run apart."""
    folder = tmp_path_factory.mktemp("tiny-deberta")
    return save_tiny(
        DebertaV2Config(**TINY, max_position_embeddings=WINDOW_PIECES, relative_attention=True),
        tiny_bert,
        folder,
    )


TINY = {
    "vocab_size": len(PIECES),
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "pad_token_id": 0,
}
"""The sizes of a model that has one number of layers and reads the pieces of `tiny_bert`."""


def save_tiny_mpnet(tiny_bert: Path, folder: Path) -> Path:
    """Write an MPNet, whose layers are handed the bias of positions beside the states."""
    sizes = {**TINY, "max_position_embeddings": WINDOW_PIECES + 2}
    return save_tiny(MPNetConfig(**sizes, initializer_range=0.5), tiny_bert, folder)


def save_tiny(config: PreTrainedConfig, tiny_bert: Path, folder: Path) -> Path:
    """Write a model with random weights and the tokenizer of another into a folder."""
    shutil.copytree(tiny_bert, folder, dirs_exist_ok=True)
    torch.manual_seed(1)
    model = AutoModel.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.5)  # so that context matters
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a byte-level RoBERTa, which counts positions from behind the padding."""
    folder = tmp_path_factory.mktemp("tiny-roberta")
    symbols = ["<s>", "<pad>", "</s>", "<unk>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    index_by_piece = {piece: index for index, piece in enumerate(symbols)}
    index_by_piece["Ġo"] = len(symbols)
    tokenizer = Tokenizer(models.BPE(index_by_piece, [("Ġ", "o")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", model_max_length=512
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = RobertaConfig(
        vocab_size=len(index_by_piece),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=WINDOW_PIECES + 2,
        pad_token_id=1,
    )
    RobertaModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_elmo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an ELMo of 2 layers of 2 * 4: ``options.json`` and ``weights.hdf5``."""
    return save_elmo(tmp_path_factory.mktemp("tiny-elmo"))
