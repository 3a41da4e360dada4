"""Context for every ordered pair of tasks, above the layers of the tasks (after ATRC, 2021).

For each task t that reads any,

    h_t' = h_t + dropout(norm(W_t [ c_t1 ; c_t2 ; ... ]))

where c_ts is the context that t reads of s, and the scale and shift of the norm start at zero, so
that the context is nothing at first.  A task that reads none goes on with its own stream.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dovetail.strategies.block import SharingBlock
from dovetail.strategies.context.attention import (
    Attention,
    ClassAttention,
    GlobalAttention,
    LocalAttention,
    Read,
)
from dovetail.strategies.context.auxiliary import AuxiliaryHead, log_probabilities, note_of
from dovetail.strategies.context.config import Context
from dovetail.strategies.context.genotype import (
    LABELLED,
    Choices,
    Pair,
    labelled_by,
    schema_of,
)
from dovetail.strategies.context.joined import Joined
from dovetail.strategies.context.search import Search
from dovetail.strategies.streams import Streams

Shares = Mapping[Context, Tensor | None]
"""The contexts that a pair reads, and how much of each; all of it where that is None."""


class Sizes(NamedTuple):
    """The widths and numbers that contexts are made of.

    Args:
        dim: width of the context of a pair.
        window: tokens of local context.
        dropout: share of what is added to a stream that training sets to zero.
        classes: how many the auxiliary head of each task tells apart.
    """

    dim: int
    window: int
    dropout: float
    classes: Mapping[str, int]


class ContextBlock(SharingBlock):
    """What tasks read of each other: what a search chooses among, or one context for each pair.

    Args:
        input_dims: width of each task's stream, which stays as it is.
        contexts: what each pair may read; a single one without a search.
        sizes: of the networks.
        search: chooses among them.
    """

    def __init__(
        self,
        input_dims: Mapping[str, int],
        contexts: Choices,
        sizes: Sizes,
        search: Search | None = None,
    ) -> None:
        super().__init__()
        self.tasks = tuple(input_dims)
        self.output_dims = dict(input_dims)
        self.search = search
        self.contexts = {pair: tuple(own) for pair, own in contexts.items() if {*own} != {"none"}}
        self.pairs = nn.ModuleDict({target: nn.ModuleDict() for target in self.tasks})
        for (target, source), own in self.contexts.items():
            networks: dict[str, nn.Module] = {
                context: _attention(context, input_dims[target], input_dims[source], sizes)
                for context in own
                if context != "none"
            }
            self.pairs.get_submodule(target).add_module(source, nn.ModuleDict(networks))
        self.joined = nn.ModuleDict(
            {
                target: Joined(len(self.sources(target)), sizes.dim, width, dropout=sizes.dropout)
                for target, width in input_dims.items()
                if self.sources(target)
            }
        )
        labelled = _labelled(self.contexts)
        self.auxiliary = nn.ModuleDict(
            {
                task: AuxiliaryHead(width, sizes.dim, sizes.classes[task])
                for task, width in input_dims.items()
                if task in labelled
            }
        )

    def sources(self, target: str) -> list[str]:
        """The tasks of which a task may read context."""
        return [source for reader, source in self.contexts if reader == target]

    def genotype(self) -> dict[Pair, Context]:
        """What each pair reads, as far as that is decided."""
        chosen = (
            self.search.chosen() if self.search else {p: c[0] for p, c in self.contexts.items()}
        )
        return {(t, s): chosen.get((t, s), "none") for t in self.tasks for s in self.tasks}

    def _in_force(self) -> dict[Pair, Shares]:
        """What each pair reads now: a mixture in training, as long as the search is open."""
        open_shares = self.search.shares() if self.search and self.training else {}
        if open_shares.keys() == self.contexts.keys():
            return open_shares
        genotype = self.genotype()
        return {pair: open_shares.get(pair, {genotype[pair]: None}) for pair in self.contexts}

    @property
    def takes_some(self) -> bool:
        return all(schema_of(target) == schema_of(source) for target, source in self.contexts)

    def forward(self, streams: Streams) -> Streams:
        """The streams with their contexts, and what the auxiliary heads say as notes."""
        shares = {pair: own for pair, own in self._in_force().items() if pair[0] in streams.by_task}
        logits = {task: self.auxiliary[task](streams[task]) for task in _labelled(shares)}
        labels = {task: log_probabilities(own, task) for task, own in logits.items()}
        by_task = dict(streams.by_task)
        for target in (task for task in streams.by_task if task in self.joined):
            pairs = [(target, source) for source in self.sources(target)]
            contexts = [self._context(pair, shares[pair], streams, labels) for pair in pairs]
            joined = self.joined[target]
            by_task[target] = joined(streams[target], contexts)
        notes = {note_of(task): own for task, own in logits.items()}
        return Streams(by_task, streams.mask, notes={**streams.notes, **notes})

    def _context(
        self, pair: Pair, shares: Shares, streams: Streams, labels: Mapping[str, Tensor]
    ) -> Tensor | None:
        """The context of a pair; None where it reads nothing."""
        networks = self.pairs.get_submodule(".".join(pair))
        parts = []
        for context, share in shares.items():
            if context != "none":
                own = labels[labelled_by(context, pair)] if context in LABELLED else None
                read = Read(streams[pair[0]], streams[pair[1]], streams.mask, own)
                part = networks.get_submodule(context)(read)
                parts.append(part if share is None else share * part)
        return torch.stack(parts).sum(0) if len(parts) > 1 else next(iter(parts), None)

    def owners(self, parameter: str) -> frozenset[str]:
        """The task that reads, and of an auxiliary head the task whose labels it says."""
        part, *names = parameter.split(".")
        return frozenset({names[1] if part == "search" else names[0]})

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """A task reads those that it has context of, in training also what is still tried."""
        reads = {task: {task} for task in self.tasks}
        for (target, source), shares in self._in_force().items():
            if {*shares} != {"none"}:
                reads[target].add(source)
        return {task: frozenset(own) for task, own in reads.items()}

    def reached_by(self, task: str) -> frozenset[str]:
        """The task's networks that are in use, and the auxiliary heads whose labels these read.

        The labels of an auxiliary head get gradients, unlike what it reads.
        """
        parts = {*self._parts_in_use(task)}
        return frozenset(
            name
            for name, _ in self.named_parameters()
            if any(name == part or name.startswith(f"{part}.") for part in parts)
        )

    def _parts_in_use(self, task: str) -> Iterator[str]:
        shares = {pair: own for pair, own in self._in_force().items() if pair[0] == task}
        for (target, source), own in shares.items():
            used = [context for context in own if context != "none"]
            yield from (f"pairs.{target}.{source}.{context}" for context in used)
            if used:
                yield f"joined.{target}"
            if len(own) > 1:
                yield f"search.logits.{target}.{source}"
        yield from (f"auxiliary.{labelled}" for labelled in _labelled(shares))

    def penalties(self) -> Mapping[str, Tensor]:
        """The entropy of the search, as long as it is open."""
        penalty = self.search.penalty() if self.search else None
        return {} if penalty is None else {"context_entropy": penalty}

    def finalize(self) -> ContextBlock:
        """The block with what each pair reads, and nothing that was only tried."""
        if self.search is None:
            return self
        final = copy.deepcopy(self)
        chosen = {pair: context for pair, context in self.genotype().items() if context != "none"}
        for target in [*final.joined]:
            places = [(target, source) in chosen for source in self.sources(target)]
            if any(places):
                final.joined.get_submodule(target).keep(places)  # type: ignore[operator]
            else:
                del final.joined[target]
        for (target, source), own in self.contexts.items():
            sources = final.pairs.get_submodule(target)
            networks = sources.get_submodule(source)
            for context in own:
                if context not in ("none", chosen.get((target, source))):
                    delattr(networks, context)
            if (target, source) not in chosen:
                delattr(sources, source)
        final.contexts = {pair: (context,) for pair, context in chosen.items()}
        for task in final.auxiliary.keys() - _labelled(final.contexts):
            del final.auxiliary[task]
        final.search = None
        return final


def _labelled(contexts: Mapping[Pair, Shares] | Choices) -> list[str]:
    """The tasks whose labels are read, each once."""
    labelled = [
        labelled_by(context, pair)
        for pair, own in contexts.items()
        for context in own
        if context in LABELLED
    ]
    return list(dict.fromkeys(labelled))


def _attention(context: Context, target_dim: int, source_dim: int, sizes: Sizes) -> Attention:
    """The network of a context.

    Raises:
        ValueError: if there is no such context.
    """
    if context in LABELLED:
        return ClassAttention(target_dim, source_dim, sizes.dim)
    if context == "global":
        return GlobalAttention(target_dim, source_dim, sizes.dim)
    if context == "local":
        return LocalAttention(target_dim, source_dim, sizes.dim, window=sizes.window)
    raise ValueError(f"expected a sort of context, found {context!r}")
