from __future__ import annotations

import torch

from dovetail.encoders.precision import dtype_of_precision, fast_bfloat16


def test_precision_that_is_named_is_taken() -> None:
    assert dtype_of_precision("fp32") == torch.float32
    assert dtype_of_precision("bf16") == torch.bfloat16


def test_auto_is_bf16_exactly_where_it_is_fast() -> None:
    assert (dtype_of_precision("auto") == torch.bfloat16) == fast_bfloat16()


def test_processors_without_wide_registers_are_not_fast() -> None:
    if torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2"):
        assert not fast_bfloat16()
