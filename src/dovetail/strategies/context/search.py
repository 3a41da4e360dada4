"""The search for the context of each pair: probabilities that become a choice, pair by pair.

Each pair has a logit for each context that it may read, zero at first.  In training it reads a
mixture of them all, weighted by a sample of the Gumbel-softmax distribution (Jang et al. 2017)
whose temperature falls, so that the mixture turns into single contexts.  Their entropy is rewarded
at first and costs something in the end.  A pair whose best context leads far enough is frozen: from
then on it reads that one alone, and nothing opens it again.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.strategies.context.config import Context
from dovetail.strategies.context.genotype import Choices, Pair

SPEED = 10.0
"""The optimiser moves all parameters by steps of about the learning rate, and a logit has a longer
way to go than a weight.  So it learns a tenth of what it stands for."""

FIRST_TEMPERATURE, LAST_TEMPERATURE = 1.0, 0.05

OPEN = -1
"""The place of the choice of a pair that is not frozen."""


class Search(nn.Module):
    """The probabilities of the contexts of all pairs, and what is frozen of them.

    Args:
        choices: what each pair may read.
        freeze_lead: the lead in probability at which a pair is frozen.
        entropy_weight: of the entropy at the end; at the start it is minus a third of that.
    """

    def __init__(self, choices: Choices, *, freeze_lead: float, entropy_weight: float) -> None:
        super().__init__()
        self.choices = {pair: tuple(allowed) for pair, allowed in choices.items()}
        self.freeze_lead, self.entropy_weight = freeze_lead, entropy_weight
        # Vectors, which are not decayed.
        self.logits = nn.ModuleDict(
            {
                target: nn.ParameterDict(
                    {
                        source: nn.Parameter(torch.zeros(len(allowed)))
                        for (reader, source), allowed in self.choices.items()
                        if reader == target
                    }
                )
                for target, _ in self.choices
            }
        )
        frozen = [OPEN if len(allowed) > 1 else 0 for allowed in self.choices.values()]
        self.register_buffer("frozen", torch.tensor(frozen))
        self.temperature = FIRST_TEMPERATURE
        self.weight_now = self._weight_at(0.0)
        self.noise: dict[Pair, Tensor] = {}

    def begin_step(self, done: float) -> None:
        """Draw the noise of a step, given the share of the search that is done."""
        self.temperature = FIRST_TEMPERATURE + done * (LAST_TEMPERATURE - FIRST_TEMPERATURE)
        self.weight_now = self._weight_at(done)
        # Drawn for frozen pairs too: what the others draw does not depend on which these are.
        self.noise = {
            pair: -torch.empty(len(allowed)).exponential_().log()
            for pair, allowed in self.choices.items()
        }

    def _weight_at(self, done: float) -> float:
        """Linear from minus a third to the whole, so that it is zero after a quarter."""
        return self.entropy_weight * (4 * done - 1) / 3

    def logits_of(self, pair: Pair) -> Float[Tensor, " contexts"]:
        """The logits of the contexts that a pair may read."""
        target, source = pair
        return SPEED * self.logits.get_submodule(target).get_parameter(source)

    def shares(self) -> dict[Pair, Mapping[Context, Tensor | None]]:
        """How much each open pair reads of each context."""
        found: dict[Pair, Mapping[Context, Tensor | None]] = {}
        for pair in self.open_pairs():
            logits = self.logits_of(pair)
            if pair in self.noise:
                logits = logits + self.noise[pair].to(logits)
            shares = (logits / self.temperature).softmax(0)
            found[pair] = dict(zip(self.choices[pair], shares.unbind(), strict=True))
        return found

    def open_pairs(self) -> list[Pair]:
        """The pairs that are not frozen."""
        places = self._frozen_places()
        return [pair for pair, place in zip(self.choices, places, strict=True) if place == OPEN]

    def _frozen_places(self) -> list[int]:
        places: list[int] = self.get_buffer("frozen").tolist()
        return places

    def chosen(self) -> dict[Pair, Context]:
        """What each pair reads: what it is frozen at, else the most probable."""
        found: dict[Pair, Context] = {}
        for (pair, allowed), place in zip(self.choices.items(), self._frozen_places(), strict=True):
            best = int(self.logits_of(pair).argmax()) if place == OPEN else place
            found[pair] = allowed[best]
        return found

    def freeze_leaders(self) -> None:
        """Freeze the open pairs whose best context leads the second by enough."""
        for place, pair in enumerate(self.choices):
            if self.get_buffer("frozen")[place] == OPEN:
                best, second = self.logits_of(pair).softmax(0).topk(2)[0].tolist()
                if best - second >= self.freeze_lead:
                    self._freeze(place, pair)

    def freeze_all(self) -> None:
        """End the search: freeze every open pair at its most probable context."""
        for place, pair in enumerate(self.choices):
            if self.get_buffer("frozen")[place] == OPEN:
                self._freeze(place, pair)

    def _freeze(self, place: int, pair: Pair) -> None:
        self.get_buffer("frozen")[place] = int(self.logits_of(pair).argmax())

    def penalty(self) -> Tensor | None:
        """The mean entropy of the open pairs, times its weight now; None if none is open."""
        pairs = self.open_pairs()
        if not pairs:
            return None
        log_shares = [self.logits_of(pair).log_softmax(0) for pair in pairs]
        entropies = torch.stack([-(own.exp() * own).sum() for own in log_shares])
        return self.weight_now * entropies.mean()
