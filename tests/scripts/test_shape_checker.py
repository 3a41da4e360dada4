from typing import Self

import pytest
import torch
from jaxtyping import Float, TypeCheckError, jaxtyped
from shape_checker import checked
from torch import Tensor

from dovetail.layers.crf import ConditionalRandomField


@jaxtyped(typechecker=checked)
def add(left: Float[Tensor, "batch dim"], right: Float[Tensor, "batch dim"]) -> Tensor:
    return left + right


def test_shapes_that_agree_pass():
    assert add(torch.ones(2, 3), torch.ones(2, 3)).sum() == 12


@pytest.mark.parametrize("other", [torch.ones(3), torch.ones(2, 1), torch.ones(2, 3, dtype=int)])
def test_rank_size_and_type_that_do_not_agree_are_refused(other):
    with pytest.raises(TypeCheckError):
        add(torch.ones(2, 3), other)


def test_method_may_promise_self():
    class Chain:
        @jaxtyped(typechecker=checked)
        def then(self, number: int) -> Self:
            return self

    chain = Chain()
    assert chain.then(1) is chain
    with pytest.raises(TypeCheckError):
        chain.then("one")


def test_networks_are_checked_in_this_test_run():
    crf = ConditionalRandomField(
        may_follow=[[True]], may_start=[True], may_end=[True], continues=[[False]]
    )
    tags, mask = torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 3, dtype=torch.bool)
    assert crf.log_likelihood(torch.zeros(2, 3, 1), tags, mask).shape == (2,)
    with pytest.raises(TypeCheckError, match="batch tokens tags"):
        crf.log_likelihood(torch.zeros(2, 3), tags, mask)
