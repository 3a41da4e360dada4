from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from dovetail.encoders import BrownEncoder, read_brown_paths
from dovetail.errors import ConfigError, CorpusFormatError

PATHS = {
    "the": "0010",
    "The": "0011",
    "joint": "01",
    "oak": "110100",
    "ash": "110111",
    "elm": "110",
}


@pytest.fixture
def encoder() -> BrownEncoder:
    torch.manual_seed(1)
    return BrownEncoder(PATHS, prefixes=(2, 4), embedding_dim=3)


def vectors_of(encoder: BrownEncoder, *words: str) -> torch.Tensor:
    return encoder(encoder.featurise([words]))[0].detach()


def test_words_share_the_tables_of_the_prefixes_they_share(encoder: BrownEncoder) -> None:
    oak, ash, elm = vectors_of(encoder, "oak", "ash", "elm")
    assert oak.shape == (9,)  # 2 prefixes and the whole path
    assert torch.equal(oak[:6], ash[:6])
    assert not torch.equal(oak[6:], ash[6:])
    assert torch.equal(oak[:3], elm[:3])
    assert not torch.equal(oak[3:6], elm[3:6])  # a path of 3 bits is its own prefix of 4


def test_case_falls_back_to_lower(encoder: BrownEncoder) -> None:
    the, capital, oak, shouted = vectors_of(encoder, "the", "The", "oak", "OAK")
    assert not torch.equal(the, capital)
    assert torch.equal(oak, shouted)


def test_unknown_words_have_a_vector_of_their_own(encoder: BrownEncoder) -> None:
    zebra, yak, *known = vectors_of(encoder, "zebra", "yak", *PATHS)
    assert torch.equal(zebra, yak)
    assert not any(torch.equal(zebra, vector) for vector in known)


@pytest.mark.parametrize("whole_path", [True, False])
def test_every_table_learns(whole_path: bool) -> None:
    encoder = BrownEncoder(PATHS, prefixes=(2, 4), whole_path=whole_path, embedding_dim=3)
    assert encoder.output_dim == (9 if whole_path else 6)
    encoder(encoder.featurise([["oak", "zebra"], ["the"]])).sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_a_longer_neighbour_changes_nothing(encoder: BrownEncoder) -> None:
    together = encoder(encoder.featurise([["oak"], ["the", "joint", "elm"], []]))
    assert together.shape == (3, 3, 9)
    assert torch.equal(together[0, :1], vectors_of(encoder, "oak"))


def test_saved_encoder_gives_the_same_vectors(encoder: BrownEncoder) -> None:
    again = BrownEncoder.from_assets(json.loads(json.dumps(encoder.assets())))
    again.load_stored_state(encoder.stored_state())
    words = [*PATHS, "zebra"]
    assert torch.equal(vectors_of(again, *words), vectors_of(encoder, *words))


def test_encoder_without_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        BrownEncoder(PATHS, prefixes=(), whole_path=False)


def test_paths_are_read_with_and_without_counts(tmp_path: Path) -> None:
    path = tmp_path / "paths"
    path.write_text("0010\tthe\t120\n01\tjoint\n0\tthe\n110\t\u2028\n", encoding="utf-8")
    assert read_brown_paths(path) == {"the": "0010", "joint": "01", "\u2028": "110"}


@pytest.mark.parametrize("line", ["0012\tthe", "the\t0010", "0010 the", "0\ta\t1\tb", ""])
def test_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "paths"
    path.write_text(f"01\tjoint\n{line}\n", encoding="utf-8")
    with pytest.raises(CorpusFormatError, match=r"paths:2: expected a path of 0 and 1"):
        read_brown_paths(path)


def test_missing_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        read_brown_paths(tmp_path / "nowhere")
    (tmp_path / "empty").touch()
    with pytest.raises(CorpusFormatError, match="empty"):
        read_brown_paths(tmp_path / "empty")


def test_clusters_of_newswire_know_most_words_of_a_news_corpus(data_folder: Path) -> None:
    path_by_word = read_brown_paths(data_folder / "vectors" / "brown_rcv1_c1000" / "paths.tsv")
    assert len(path_by_word) == 247_339
    encoder = BrownEncoder(path_by_word)
    with (data_folder / "conll04" / "conll04_train.json").open(encoding="utf-8") as file:
        clusters = [encoder.featurise([row["tokens"]])["clusters"] for row in json.load(file)]
    known = torch.cat(clusters, dim=1) > 0
    assert known.float().mean() == pytest.approx(0.950, abs=0.001)
