"""A frozen bank of filters that each task modulates (after RCM, Kanakis et al. 2020).

A matrix W of a trained layer, of each gate for itself, becomes

    W_t = U_t B,    B = V' W

where the columns of V are the principal directions of the responses W x to some sentences, all of
them or the first few, and the modulator U_t starts at V: with all directions the task starts with
the function of the trained layer (response initialisation).  B is frozen.  Each row of U_t is a
direction and a gain (normalised feature fusion).  What few directions lose of the mean response is
added to the task's own bias at the start.

Ours: blocks of gates in place of convolutions, as 3 x 3 filters make a modulator cheap and gates do
not; matrices that are wider than high are modulated at their outputs, the others at their inputs;
the final form holds no bank, but what each task multiplies the trained weights with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.layers.matrices import Matrix, inputs_of_matrices, matrices_of
from dovetail.strategies.added.block import (
    IncrementalLayers,
    NamedWeights,
    Override,
    names_of_norms,
)

Batches = Iterable[tuple[Tensor, Tensor]]
"""Token vectors (batch, tokens, dim) and the masks of real tokens, of any number of batches."""


class Modulator(nn.Module):
    """The bank of one matrix, and a task's modulator of it, of all gates.

    At first both directions are drawn at random, and know nothing of each other.

    Args:
        matrix: which weights of the layer these are.
        layer: as it was trained.
        rank: share of the directions that are kept, at least one.
    """

    basis: Tensor

    def __init__(self, matrix: Matrix, layer: nn.Module, *, rank: float) -> None:
        super().__init__()
        self.matrix = matrix
        blocks, units, _ = matrix.rows(layer.get_parameter(matrix.weights[0])).shape
        kept = max(1, round(rank * units))
        self.register_buffer("basis", _orthogonal(blocks, units)[:, :, :kept])
        for number, bank in enumerate(self._banks(layer)):
            self.register_buffer(f"bank{number}", bank)
        self.direction = nn.Parameter(_orthogonal(blocks, units)[:, :, :kept])
        # A vector, which weight decay leaves alone.
        self.gain = nn.Parameter(self.direction.detach().norm(dim=2).flatten())
        self.biases = NamedWeights({name: layer.get_parameter(name) for name in matrix.biases})

    def _banks(self, layer: nn.Module) -> list[Float[Tensor, "blocks kept others"]]:
        rows = (self.matrix.rows(layer.get_parameter(name)) for name in self.matrix.weights)
        return [self.basis.transpose(1, 2) @ own.detach() for own in rows]

    @torch.no_grad()
    def start(self, layer: nn.Module, inputs: Mapping[str, Tensor]) -> None:
        """Take the principal directions of the responses, as many as are kept.

        Where there is a bias to make good for the mean, they are those around it.
        """
        responses = self.matrix.responses(layer, inputs).double()
        if self.matrix.biases:
            responses = responses - responses.mean(1, keepdim=True)
        _, directions = torch.linalg.eigh(responses.transpose(1, 2) @ responses)
        kept = self.basis.shape[2]
        self.basis.copy_(directions.flip(2)[:, :, :kept])
        for number, bank in enumerate(self._banks(layer)):
            self.get_buffer(f"bank{number}").copy_(bank)
        self.direction.copy_(self.basis)
        self.gain.copy_(self.basis.norm(dim=2).flatten())
        weights, biases = self.weights(), self.biases.by_name()
        for name, bias in zip(self.matrix.weights, self.matrix.biases, strict=False):
            lost = layer.get_parameter(name) - weights[name]
            biases[bias].copy_(layer.get_parameter(bias) + lost @ inputs[name].mean(0))

    def modulator(self) -> Float[Tensor, "blocks units kept"]:
        """A row for each unit: its direction at the length of its gain."""
        gain = self.gain.view(*self.direction.shape[:2], 1)
        return gain * nn.functional.normalize(self.direction, dim=2)

    def weights(self) -> dict[str, Tensor]:
        """The task's matrix and biases, by their names in the layer."""
        modulator = self.modulator()
        banks = (self.get_buffer(f"bank{number}") for number in range(len(self.matrix.weights)))
        folded = {
            name: self.matrix.weight(modulator @ bank)
            for name, bank in zip(self.matrix.weights, banks, strict=True)
        }
        return folded | self.biases.by_name()


class FinalModulator(nn.Module):
    """What a task multiplies a trained matrix with: one factor, or two where these are smaller."""

    def __init__(self, modulator: Modulator) -> None:
        super().__init__()
        self.matrix = modulator.matrix
        factors = [modulator.modulator(), modulator.basis.transpose(1, 2)]
        _, units, kept = factors[0].shape
        if 2 * kept >= units:
            factors = [factors[0] @ factors[1]]
        self.factors = nn.ParameterList([own.detach().clone() for own in factors])
        self.biases = NamedWeights(modulator.biases.by_name())

    def weights(self, layer: nn.Module) -> dict[str, Tensor]:
        """The task's matrix and biases, by their names in the layer."""
        folded = {}
        for name in self.matrix.weights:
            rows = self.matrix.rows(layer.get_parameter(name))
            for factor in reversed(list(self.factors)):
                rows = factor @ rows
            folded[name] = self.matrix.weight(rows)
        return folded | self.biases.by_name()


class Modulators(Override):
    """The modulators of all matrices of a layer for one task, and its own normalisations."""

    def __init__(self, layer: nn.Module, *, rank: float) -> None:
        super().__init__()
        weights = dict(layer.named_parameters())
        self.norms = NamedWeights({name: weights[name] for name in names_of_norms(layer)})
        self.parts = nn.ModuleList(
            Modulator(matrix, layer, rank=rank) for matrix in matrices_of(layer)
        )

    @property
    def modulators(self) -> list[Modulator]:
        """Those of the matrices, in the order of the layer."""
        return [own for own in self.parts if isinstance(own, Modulator)]

    def weights(self, layer: nn.Module) -> dict[str, Tensor]:
        """Modulators times banks, and the task's own vectors."""
        weights = self.norms.by_name()
        for own in self.modulators:
            weights |= own.weights()
        return weights

    def finalize(self, layer: nn.Module) -> Override:
        """The factors of the trained weights, without banks."""
        return FinalModulators(self)


class FinalModulators(Override):
    """What a task multiplies the matrices of a trained layer with, and its own vectors.

    Without gradients the products are made once, and again only if a factor has changed: they are
    as large as the layer, and would cost a short sentence more than the layer itself.
    """

    def __init__(self, modulators: Modulators) -> None:
        super().__init__()
        self._made: tuple[object, dict[str, Tensor]] | None = None
        self.norms = NamedWeights(modulators.norms.by_name())
        self.parts = nn.ModuleList(FinalModulator(own) for own in modulators.modulators)

    def weights(self, layer: nn.Module) -> dict[str, Tensor]:
        """The products, and the task's own vectors."""
        if torch.is_grad_enabled():
            return self._products(layer)
        state = [
            (own.data_ptr(), own.dtype, 0 if own.is_inference() else own._version)
            for own in (*self.parameters(), *layer.parameters())
        ]
        if self._made is None or self._made[0] != state:
            self._made = state, self._products(layer)
        return self._made[1]

    def _products(self, layer: nn.Module) -> dict[str, Tensor]:
        weights = self.norms.by_name()
        for own in self.parts:
            if isinstance(own, FinalModulator):
                weights |= own.weights(layer)
        return weights

    def finalize(self, layer: nn.Module) -> Override:
        """This, which is final."""
        return self


class LayersOverBank(IncrementalLayers):
    """Frozen layers as banks that the tasks which are added modulate.

    Until `start` is called the tasks' functions are random ones of the bank, which is the control
    of response initialisation.

    Args:
        paths: for each task the layers that it runs, as they were trained.
        added: the tasks that get modulators.
        input_dim: width of the vectors that come in.
        rank: share of the directions of each block that are kept, at least one.
    """

    def __init__(
        self,
        paths: Mapping[str, Sequence[nn.Module]],
        added: Iterable[str],
        *,
        input_dim: int,
        rank: float = 1.0,
    ) -> None:
        overrides = {
            task: [Modulators(layer, rank=rank) for layer in paths[task]] for task in added
        }
        super().__init__(paths, overrides, input_dim=input_dim)

    @torch.no_grad()
    def start(self, batches: Batches) -> None:
        """Begin every modulator with the responses of the trained layers to some sentences."""
        batches = list(batches)
        for task in self.overrides:
            tokens = [own for own, _ in batches]
            masks = [mask for _, mask in batches]
            for layer, own in zip(self.path(task), self.overrides_of(task), strict=True):
                pairs = zip(tokens, masks, strict=True)
                outputs = [inputs_of_matrices(layer, *pair) for pair in pairs]
                tokens = [output for output, _ in outputs]
                inputs = {
                    name: torch.cat([found[name] for _, found in outputs]) for name in outputs[0][1]
                }
                if isinstance(own, Modulators):
                    for modulator in own.modulators:
                        modulator.start(layer, inputs)


def _orthogonal(blocks: int, units: int) -> Float[Tensor, "blocks units units"]:
    """Random orthogonal matrices."""
    matrices, _ = torch.linalg.qr(torch.randn(blocks, units, units))
    return matrices
