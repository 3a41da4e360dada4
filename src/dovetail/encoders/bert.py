"""BERT, the layers of the usual small encoders, written here for the speed of the path.

Most runs of Dovetail are short commands, and importing the transformers library takes longer than
what they do.  Parameters have the names of the published files, and states are those of the
library's ``BertModel``, so either can stand in the place of the other.  Devlin et al. 2019,
https://aclanthology.org/N19-1423/
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, Self

import torch
from jaxtyping import Bool, Float, Int
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn
from torch.nn import functional

Size = Annotated[int, Field(gt=0)]
Probability = Annotated[float, Field(ge=0, lt=1)]


class BertConfig(BaseModel):
    """What a ``config.json`` says of a BERT; of others it cannot be made.

    Attributes that are not listed change nothing of the states.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    model_type: Literal["bert"]
    vocab_size: Size = 30522
    hidden_size: Size = 768
    num_hidden_layers: Size = 12
    num_attention_heads: Size = 12
    intermediate_size: Size = 3072
    hidden_act: Literal["gelu"] = "gelu"
    hidden_dropout_prob: Probability = 0.1
    attention_probs_dropout_prob: Probability = 0.1
    max_position_embeddings: Size = 512
    type_vocab_size: Size = 2
    layer_norm_eps: Annotated[float, Field(gt=0)] = 1e-12
    pad_token_id: int | None = 0
    position_embedding_type: Literal["absolute"] = "absolute"
    is_decoder: Literal[False] = False
    is_encoder_decoder: Literal[False] = False
    add_cross_attention: Literal[False] = False

    @classmethod
    def of(cls, values: object) -> Self | None:
        """The config of a BERT, or None if these are the values of something else."""
        try:
            config = cls.model_validate(values)
        except ValidationError:
            return None
        return None if config.hidden_size % config.num_attention_heads else config


class BertStates(NamedTuple):
    """The states of all layers, that of the embeddings first, and of the last one."""

    hidden_states: tuple[Float[Tensor, "windows pieces dim"], ...]
    last_hidden_state: Float[Tensor, "windows pieces dim"]


class BertEncoder(nn.Module):
    """The embeddings and the layers; there is no pooler, which makes one vector of a sentence."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        self.encoder = _Layers(config)

    def forward(
        self,
        input_ids: Int[Tensor, "windows pieces"],
        attention_mask: Int[Tensor, "windows pieces"] | None = None,
        *,
        output_hidden_states: bool = True,
    ) -> BertStates:
        """The states of pieces; what stands where the mask is 0 means nothing."""
        mask = None if attention_mask is None else attention_mask.bool()
        states: list[Tensor] = [self.embeddings(input_ids)]
        for layer in self.encoder.layer:
            following = layer(states[-1], mask)
            states = [*states, following] if output_hidden_states else [following]
        return BertStates(tuple(states), states[-1])


class _Table(nn.Embedding):
    def reset_parameters(self) -> None:
        """Leave the vectors as they are: they are read from a file.

        On the device ``meta``, where the encoder is built, to draw them imports torch's compiler,
        which takes a second.
        """


class _Embeddings(nn.Module):
    """Pieces and their places; all are of the first segment."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width, padding = config.hidden_size, config.pad_token_id
        self.word_embeddings = _Table(config.vocab_size, width, padding_idx=padding)
        self.position_embeddings = _Table(config.max_position_embeddings, width)
        self.token_type_embeddings = _Table(config.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self, input_ids: Int[Tensor, "windows pieces"]
    ) -> Float[Tensor, "windows pieces dim"]:
        states = self.word_embeddings(input_ids) + self.token_type_embeddings.weight[0]
        states = states + self.position_embeddings.weight[: input_ids.shape[1]]
        normed: Tensor = self.dropout(self.LayerNorm(states))
        return normed


class _Layers(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(BertLayer(config) for _ in range(config.num_hidden_layers))


class BertLayer(nn.Module):
    """Self-attention and a feed-forward network, each added to what it reads and normed."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = _Attention(config)
        self.intermediate = _Inner(config)
        self.output = _Added(config.intermediate_size, config)

    def forward(
        self,
        states: Float[Tensor, "windows pieces dim"],
        attention_mask: Bool[Tensor, "windows pieces"] | None = None,
    ) -> Float[Tensor, "windows pieces dim"]:
        """States in context; `attention_mask` tells the real pieces, None that all are."""
        attended = self.attention(states, attention_mask)
        after: Tensor = self.output(self.intermediate(attended), attended)
        return after


class _Inner(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)

    def forward(self, states: Tensor) -> Tensor:
        return functional.gelu(self.dense(states))


class _Attention(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.self = _SelfAttention(config)
        self.output = _Added(config.hidden_size, config)

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        added: Tensor = self.output(self.self(states, mask), states)
        return added


class _SelfAttention(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.num_heads = config.num_attention_heads
        self.dropout = config.attention_probs_dropout_prob

    def forward(
        self,
        states: Float[Tensor, "windows pieces dim"],
        mask: Bool[Tensor, "windows pieces"] | None,
    ) -> Float[Tensor, "windows pieces dim"]:
        query, key, value = (
            part(states).unflatten(2, (self.num_heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        attends = None if mask is None else mask[:, None, None]
        dropout = self.dropout if self.training else 0.0
        in_bfloat16 = query.dtype == torch.bfloat16 and query.device.type == "cpu"
        attend = _attended if in_bfloat16 else functional.scaled_dot_product_attention
        vectors: Tensor = attend(query, key, value, attends, dropout_p=dropout)
        return vectors.transpose(1, 2).flatten(2)


def _attended(
    query: Float[Tensor, "windows heads pieces dim"],
    key: Float[Tensor, "windows heads pieces dim"],
    value: Float[Tensor, "windows heads pieces dim"],
    attends: Bool[Tensor, "windows 1 1 pieces"] | None,
    *,
    dropout_p: float,
) -> Float[Tensor, "windows heads pieces dim"]:
    """What `scaled_dot_product_attention` computes, by two products.

    Its own kernel takes twice as long for bfloat16 on processors; in float32 it is the faster one.
    """
    windows, heads, pieces, dim = query.shape
    query, key, value = (part.reshape(-1, pieces, dim) for part in (query, key, value))
    scores = torch.baddbmm(query.new_zeros(1), query, key.mT, beta=0, alpha=dim**-0.5)
    if attends is not None:
        by_window = scores.view(windows, -1, pieces)
        by_window.masked_fill_(~attends[:, 0], -torch.inf)
    shares = torch.softmax(scores, 2, dtype=torch.float32).to(value.dtype)
    shares = functional.dropout(shares, dropout_p, training=dropout_p > 0)
    return (shares @ value).view(windows, heads, pieces, dim)


class _Added(nn.Module):
    """A linear layer whose result is added to other states, and normed."""

    def __init__(self, input_dim: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(input_dim, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, inner: Tensor, states: Tensor) -> Tensor:
        normed: Tensor = self.LayerNorm(self.dropout(self.dense(inner)) + states)
        return normed
