"""The costs of a model: parameters trained, stored and used, and multiplications for a sentence.

Multiply-adds are counted while the model runs over real sentences, in all matrix products, those of
recurrent layers included; what is done element by element is left out, as is usual.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from dovetail.encoders import Features
from dovetail.extractor import Extractor
from dovetail.model.ensemble import Ensemble, members_of, num_stored
from dovetail.model.joint import JointModel
from dovetail.model.prediction import Predictor
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.reading import DEFAULT_READING, ModelReading
from dovetail.text.windowed import Windowed

COUNTED_SENTENCES = 8
"""Multiply-adds are the mean over so many dev sentences."""

_aten = torch.ops.aten


class OfSchema(NamedTuple):
    """Sentences, and the schema by which a model annotates them."""

    schema: str
    sentences: Sequence[Sentence]


def costs_of(
    model: Predictor, corpora: Sequence[OfSchema], reading: ModelReading = DEFAULT_READING
) -> dict[str, Any]:
    """Parameters, and mean multiply-adds for a sentence of these, in all of its windows.

    A sentence is annotated by the schema of its corpus; of several corpora it is the mean of their
    means.  ``multiply_adds_above_frozen`` leaves out what frozen encoders do.
    """
    found = [own for corpus in corpora if (own := _mean_multiply_adds(model, corpus, reading))]
    return {
        "stored_parameters": num_stored(model),
        "total_parameters": total_parameters(model),
        "multiply_adds": round(fmean(whole for whole, _ in found)) if found else None,
        "multiply_adds_above_frozen": round(fmean(own for _, own in found)) if found else None,
    }


def _mean_multiply_adds(
    model: Predictor, corpus: OfSchema, reading: ModelReading
) -> tuple[float, float] | None:
    """The mean for some sentences of a corpus; None if it has none."""
    chosen = windows_of(spread(corpus.sentences, COUNTED_SENTENCES), reading)
    for windows in chosen[:1]:  # what is computed once for all sentences is not counted
        multiply_adds(model, windows[0], corpus.schema)
    counts = [[multiply_adds(model, window, corpus.schema) for window in row] for row in chosen]
    sums = [tuple(map(sum, zip(*row, strict=True))) for row in counts]
    return (fmean(whole for whole, _ in sums), fmean(own for _, own in sums)) if sums else None


def total_parameters(model: Predictor) -> int:
    """All parameters that inference uses, frozen encoders among them; shared ones count once."""
    tensors = [tensor for own in members_of(model) for tensor in own.state_dict().values()]
    return sum({tensor.data_ptr(): tensor.numel() for tensor in tensors}.values())


def spread(sentences: Sequence[Sentence], number: int) -> list[Sentence]:
    """Some of the sentences, evenly spread over their lengths: the mean length is kept."""
    by_length = sorted(sentences, key=lambda sentence: len(sentence.tokens))
    if len(by_length) <= number:
        return by_length
    return [by_length[int((place + 0.5) * len(by_length) / number)] for place in range(number)]


def windows_of(sentences: Sequence[Sentence], reading: ModelReading) -> list[list[Sentence]]:
    """The units to read of each sentence: its windows, or itself if it fits into one."""
    rows = Windowed.of(sentences, reading).windows
    return [[window.sentence for window in row] for row in rows]


@torch.inference_mode()
def multiply_adds(model: Predictor, sentence: Sentence, schema: str = ONLY) -> tuple[int, int]:
    """Multiply-adds for a sentence alone: of all, and without what frozen encoders do."""
    batch = Batch.from_sentences([sentence.without_annotations()], model.featurise)
    batch = replace(batch, schema=schema)
    encoders = model.encoders if isinstance(model, Ensemble) else members_of(model)[0].encoder
    pairs = zip(encoders, batch.features, strict=True)
    ready: list[Features] = []  # so that what is frozen is computed once
    frozen = counted(lambda: ready.extend(encoder.with_states(own) for encoder, own in pairs))
    above = counted(lambda: model.predict(replace(batch, features=ready)))
    return frozen + above, above


@torch.inference_mode()
def multiply_adds_of_streams(model: JointModel, sentence: Sentence) -> int:
    """Multiply-adds up to the streams of the tasks, without what frozen encoders do.

    What the heads do depends on what they find, which says nothing before training.
    """
    batch = Batch.from_sentences([sentence.without_annotations()], model.featurise)
    ready = replace(batch, features=model.encoder.with_states(batch.features))
    return counted(lambda: model(ready))


def counted(compute: Callable[[], object]) -> int:
    """Multiply-adds of the matrix products in a computation."""
    with FlopCounterMode(display=False, custom_mapping=_UNKNOWN_TO_TORCH) as counter:
        compute()
    return int(counter.get_total_flops()) // 2  # torch counts an addition and a multiplication


def _flops_of_product_in_place(
    total: Sequence[int], left: Sequence[int], right: Sequence[int], **_: Any
) -> int:
    """Of ``total += left @ right``, as the recurrence in `layers.gru` has it at every step."""
    return 2 * prod(left) * right[-1]


def _flops_of_lstm(
    inputs: Sequence[int], states: Any, parameters: Sequence[Sequence[int]], *_: Any, **__: Any
) -> int:
    """Of one layer in one direction: at each token two products, with its two weights."""
    weights = [shape for shape in parameters if len(shape) == 2]
    return 2 * prod(inputs[:-1]) * sum(map(prod, weights))


def _flops_of_attention(
    query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any
) -> int:
    """Of all heads: products of queries and keys, and of their weights and values."""
    return 2 * prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


_UNKNOWN_TO_TORCH = {
    _aten.baddbmm_: _flops_of_product_in_place,
    _aten.addmm_: _flops_of_product_in_place,
    _aten._scaled_dot_product_flash_attention_for_cpu: _flops_of_attention,
    _aten.lstm: _flops_of_lstm,
    _aten.lstm.input: _flops_of_lstm,  # it is not taken apart, which bfloat16 would not survive
}
"""Matrix products that torch's own counter passes over."""


def sentences_per_second(
    model_folder: Path, sentences: Sequence[Sentence], *, rounds: int = 3
) -> float:
    """How fast a saved model annotates sentences on one thread: the median of some rounds."""
    extractor = Extractor.load(model_folder, threads=1)
    extractor.annotate(sentences[:32])  # the first calls compile kernels
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        extractor.annotate(sentences)
        seconds.append(time.perf_counter() - started)
    return len(sentences) / median(seconds)
