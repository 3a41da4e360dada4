"""The bidirectional language model of ELMo: characters, highway layers, projected LSTMs.

Peters et al. (2018) after Józefowicz et al. (2016).  With x_t what a layer reads, h the state and
c the memory, a direction of a layer computes

    i, j, f, o = W [x_t; h_{t-1}] + b
    c_t = clip(sigmoid(f + 1) c_{t-1} + sigmoid(i) tanh(j))
    h_t = clip(P (sigmoid(o) tanh(c_t)))

and puts out h_t, or x_t + h_t above the first layer.  Both start from zero in every sentence.

Sentences are packed: all their tokens stand in one row, the first tokens of all sentences first,
then the second ones, and so on, longest sentence first.  So the sentences that have a token left
at a step are a slice, and there is no padding to compute or to leak.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from dovetail.encoders.elmo_files import (
    NUM_CHARACTERS,
    CharacterOptions,
    ElmoOptions,
    LstmOptions,
    lstm_cell,
)

_ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}

# Bounds on the memory.  In the largest model, a filter of width 7 gives 1024 numbers for each place
# in a word, and the input's projection 4 * 4096 numbers for each token.
_WORDS_AT_ONCE = 256
_TOKENS_AT_ONCE = 2048


class Highway(nn.Module):
    """Mixes its input with a transformation of it (Srivastava et al. 2015).

    The gate that the files call carry is that of the transformation: 1 - it carries the input.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.transform = nn.Linear(dim, dim)
        self.gate = nn.Linear(dim, dim)

    def forward(self, words: Float[Tensor, "words dim"]) -> Float[Tensor, "words dim"]:
        gate = torch.sigmoid(self.gate(words))
        return torch.lerp(words, torch.relu(self.transform(words)), gate)


class WordEncoder(nn.Module):
    """One vector for each word, from its characters alone (Kim et al. 2016)."""

    def __init__(self, options: CharacterOptions, *, output_dim: int) -> None:
        super().__init__()
        dim = options.embedding.dim
        self.embedding = nn.Embedding(NUM_CHARACTERS, dim)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(dim, number, width) for width, number in options.filters
        )
        self.activation = _ACTIVATIONS[options.activation]
        self.highways = nn.Sequential(
            *(Highway(options.num_filters) for _ in range(options.n_highway))
        )
        self.projection = nn.Linear(options.num_filters, output_dim)

    def forward(
        self, characters: Int[Tensor, "words characters"]
    ) -> Float[Tensor, "words output_dim"]:
        return torch.cat([self._vectors(some) for some in torch.split(characters, _WORDS_AT_ONCE)])

    def _vectors(self, characters: Tensor) -> Tensor:
        embedded = self.embedding(characters).transpose(1, 2)
        found = [convolution(embedded).amax(dim=2) for convolution in self.convolutions]
        return self.projection(self.highways(self.activation(torch.cat(found, dim=1))))


class ProjectedLstm(nn.Module):
    """One direction of one layer; the gates stand in the order i, j, f, o of the files."""

    def __init__(self, options: LstmOptions) -> None:
        super().__init__()
        dim, output_dim = options.dim, options.projection_dim
        self.input = nn.Linear(output_dim, 4 * dim)
        self.recurrent = nn.Linear(output_dim, 4 * dim, bias=False)
        self.projection = nn.Linear(dim, output_dim, bias=False)
        self.cell_clip, self.projection_clip = options.cell_clip, options.proj_clip

    def forward(
        self, tokens: Float[Tensor, "packed dim"], counts: Sequence[int]
    ) -> Float[Tensor, "packed dim"]:
        """The states of packed sentences, of which `counts` have a token left at each step."""
        state = tokens.new_zeros(counts[0], tokens.shape[1])
        # Sums over a whole sentence, so never less than single precision.
        memory = tokens.new_zeros(counts[0], self.projection.in_features, dtype=torch.float32)
        states = []
        for projected in self._projected(tokens, counts):
            size = len(projected)
            gates = projected + self.recurrent(state[:size])
            i, j, f, o = gates.float().chunk(4, dim=1)  # the bias of f has been raised by 1
            memory = torch.sigmoid(f) * memory[:size] + torch.sigmoid(i) * torch.tanh(j)
            memory = _clipped(memory, self.cell_clip)
            output = (torch.sigmoid(o) * torch.tanh(memory)).to(tokens.dtype)
            state = _clipped(self.projection(output), self.projection_clip)
            states.append(state)
        return torch.cat(states)

    def _projected(self, tokens: Tensor, counts: Sequence[int]) -> Iterator[Tensor]:
        """The input's part of the gates at each step, in products of bounded size."""
        for steps in _runs(counts, max_sum=_TOKENS_AT_ONCE):
            size = sum(steps)
            yield from torch.split(self.input(tokens[:size]), steps)
            tokens = tokens[size:]


class BidirectionalLanguageModel(nn.Module):
    """The states of all layers: that of the words twice, then both directions side by side.

    Begin and end of a sentence are tokens like all others here.
    """

    def __init__(self, options: ElmoOptions) -> None:
        super().__init__()
        lstm = options.lstm
        self.words = WordEncoder(options.char_cnn, output_dim=lstm.projection_dim)
        self.ahead = nn.ModuleList(ProjectedLstm(lstm) for _ in range(lstm.n_layers))
        self.behind = nn.ModuleList(ProjectedLstm(lstm) for _ in range(lstm.n_layers))
        self.use_skip_connections = lstm.use_skip_connections
        self.num_layers = lstm.n_layers + 1
        self.output_dim = 2 * lstm.projection_dim

    def forward(
        self,
        characters: Int[Tensor, "words characters"],
        words: Int[Tensor, " packed"],
        reversal: Int[Tensor, " packed"],
        counts: Sequence[int],
    ) -> Float[Tensor, "packed layers output_dim"]:
        """Run both directions over packed sentences.

        Args:
            characters: the spelling of each distinct word.
            words: the row of each token's word in `characters`.
            reversal: the place of the token that stands where this one does from the other end.
            counts: how many sentences have a token at each step.
        """
        tokens = self.words(characters)[words]
        ahead = self._layers(self.ahead, tokens, counts)
        behind = self._layers(self.behind, tokens[reversal], counts)
        pairs = [(a, b[reversal]) for a, b in zip(ahead, behind, strict=True)]
        return torch.stack([torch.cat(pair, dim=1) for pair in pairs], dim=1)

    def _layers(self, layers: nn.ModuleList, tokens: Tensor, counts: Sequence[int]) -> list[Tensor]:
        """The input of the first layer, and the output of each."""
        outputs = [tokens]
        for layer in layers:
            states = layer(outputs[-1], counts)
            skips = self.use_skip_connections and len(outputs) > 1
            outputs.append(outputs[-1] + states if skips else states)
        return outputs


def language_model(
    options: ElmoOptions, weights: Mapping[str, NDArray[np.float32]], *, dtype: torch.dtype
) -> BidirectionalLanguageModel:
    """The frozen network, of weights in the names and shapes of `ElmoOptions.shapes`."""
    with torch.device("meta"):  # draws no random numbers, and needs no memory
        model = BidirectionalLanguageModel(options)
    tensors = {
        name: torch.from_numpy(weight).to(dtype, memory_format=torch.contiguous_format)
        for name, weight in _own_weights(options, weights)
    }
    model.load_state_dict(tensors, assign=True)
    return model.requires_grad_(False)


def _own_weights(
    options: ElmoOptions, weights: Mapping[str, NDArray[np.float32]]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Our names, and our order of axes: torch multiplies by the transpose."""
    yield "words.embedding.weight", weights["char_embed"]
    for index in range(len(options.char_cnn.filters)):
        own = f"words.convolutions.{index}"
        yield f"{own}.weight", weights[f"CNN/W_cnn_{index}"][0].transpose(2, 1, 0)
        yield f"{own}.bias", weights[f"CNN/b_cnn_{index}"]
    for index in range(options.char_cnn.n_highway):
        for own, published in (("gate", "carry"), ("transform", "transform")):
            own = f"words.highways.{index}.{own}"
            yield f"{own}.weight", weights[f"CNN_high_{index}/W_{published}"].T
            yield f"{own}.bias", weights[f"CNN_high_{index}/b_{published}"]
    yield "words.projection.weight", weights["CNN_proj/W_proj"].T
    yield "words.projection.bias", weights["CNN_proj/b_proj"]
    dim = options.lstm.dim
    for direction, name in enumerate(("ahead", "behind")):
        for layer in range(options.lstm.n_layers):
            own, cell = f"{name}.{layer}", lstm_cell(direction, layer)
            of_input, of_state = np.split(weights[f"{cell}/W_0"], 2)
            bias = weights[f"{cell}/B"].copy()
            bias[2 * dim : 3 * dim] += 1  # tensorflow adds it to f when it runs
            yield f"{own}.input.weight", of_input.T
            yield f"{own}.input.bias", bias
            yield f"{own}.recurrent.weight", of_state.T
            yield f"{own}.projection.weight", weights[f"{cell}/W_P_0"].T


def _runs(sizes: Sequence[int], *, max_sum: int) -> Iterator[list[int]]:
    """Cut sizes into runs of a bounded sum; a single size may exceed it."""
    run: list[int] = []
    for size in sizes:
        if run and sum(run) + size > max_sum:
            yield run
            run = []
        run.append(size)
    yield run


def _clipped(values: Tensor, limit: float | None) -> Tensor:
    return values if limit is None else values.clamp_(-limit, limit)
