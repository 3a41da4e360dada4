"""A limit on the tensors that a program makes: a network is not built beyond what a file holds.

What a model's description asks for can be anything; what its weights hold is as large as their
file.  So the network is built under a limit that follows from the weights, and the first tensor
beyond it is refused before it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from math import prod
from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_MAKERS: frozenset[Callable[..., Tensor]] = frozenset(
    {
        torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.eye,
        torch.arange, torch.linspace, torch.empty_strided, torch.empty_like, torch.zeros_like,
        torch.ones_like, torch.full_like, torch.rand_like, torch.randn_like,
        Tensor.new_empty, Tensor.new_zeros, Tensor.new_ones, Tensor.new_full,
    }
)  # fmt: skip

_SPARE_BYTES, _SPARE_TENSORS = 1 << 28, 20_000
# Networks are larger while they are built: what is not stored, and what becomes its final form.
_TIMES = 8


class TooLargeError(Exception):
    """A tensor, or the number of tensors, is beyond the limit; the message says which."""


_innermost: ContextVar[AllocationLimit | None] = ContextVar("innermost", default=None)


class AllocationLimit(TorchFunctionMode):
    """Within it, tensors may be made up to a number and up to a size, all of them together.

    A limit within another one stands in its place: an encoder is held to its own weights.

    Args:
        max_bytes: of all that are made; those on the device ``meta`` have none.
        max_tensors: how many are made, on any device.
    """

    def __init__(self, *, max_bytes: int, max_tensors: int) -> None:
        super().__init__()
        self.max_bytes, self.max_tensors = max_bytes, max_tensors
        self._bytes = self._tensors = 0

    def __enter__(self) -> Self:
        self._outer = _innermost.set(self)
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        _innermost.reset(self._outer)

    @classmethod
    def for_shapes(
        cls, shapes: Iterable[tuple[int, ...]], *, spare_tensors: int = _SPARE_TENSORS
    ) -> AllocationLimit:
        """The limit for a network whose weights have these shapes."""
        sizes = [prod(shape) for shape in shapes]
        return cls(
            max_bytes=_SPARE_BYTES + _TIMES * 4 * sum(sizes),
            max_tensors=spare_tensors + _TIMES * len(sizes),
        )

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = dict(kwargs or {})
        if func in _MAKERS and _innermost.get() is self:
            self._count(func, args, options)
        return func(*args, **options)

    def _count(
        self, func: Callable[..., Tensor], args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        self._tensors += 1
        if self._tensors > self.max_tensors:
            raise TooLargeError(f"more than {self.max_tensors:,} tensors")
        device = options.get("device")
        if device is not None and torch.device(device).type == "meta":
            return
        try:
            planned = func(*args, **{**options, "device": "meta", "pin_memory": False})
        except RuntimeError as error:  # the number of bytes is no number of 64 bits
            raise TooLargeError(f"a tensor that no machine can hold ({error})") from None
        self._bytes += planned.numel() * planned.element_size()
        if self._bytes > self.max_bytes:
            raise TooLargeError(
                f"a tensor of {' x '.join(map(str, planned.shape))} numbers, and with it "
                f"{self._bytes:,} bytes"
            )
