import pytest
import torch
from tests.networks import tiny_model

from dovetail.training.averaging import AveragedWeights


def averaged(kind, values, *, decay=0.9, first_step=0):
    weight = torch.nn.Parameter(torch.tensor([values[0]]))
    average = AveragedWeights({"w": weight}, kind=kind, decay=decay, first_step=first_step)
    for steps, value in enumerate(values[1:], start=1):
        with torch.no_grad():
            weight.fill_(value)
        average.update(steps)
    return weight, average


def test_ema_is_the_recursion_of_its_definition():
    values = [5.0, 1.0, 2.0, -3.0, 4.0, 0.5, 7.0]
    _, average = averaged("ema", values, decay=0.3)
    expected = values[0]
    for steps, value in enumerate(values[1:], start=1):
        decay = min(0.3, (1 + steps) / (10 + steps))
        expected = decay * expected + (1 - decay) * value
    assert average.state()["w"].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("first_step", "counted"), [(0, [1, 2, 3, 4, 5]), (3, [4, 5]), (9, [5])])
def test_swa_is_the_mean_of_the_weights_after_its_first_step(first_step, counted):
    values = [9.0, 1.0, -2.0, 3.0, 8.0, 0.25]
    _, average = averaged("swa", values, first_step=first_step)
    expected = sum(values[step] for step in counted) / len(counted)
    assert average.state()["w"].item() == pytest.approx(expected, rel=1e-5)


def test_average_is_in_force_inside_and_gone_outside():
    weight, average = averaged("swa", [1.0, 2.0, 4.0])
    with average.in_force():
        assert weight.item() == pytest.approx(3.0)
    assert weight.item() == 4.0
    assert average.state()["w"].item() == pytest.approx(3.0)


def test_weights_come_back_when_scoring_fails():
    weight, average = averaged("swa", [1.0, 2.0, 4.0])
    with pytest.raises(RuntimeError, match="scoring"), average.in_force():
        raise RuntimeError("scoring")
    assert weight.item() == 4.0


def test_nothing_is_kept_without_averaging():
    model = tiny_model()
    average = AveragedWeights(
        dict(model.trainable_parameters()), kind="none", decay=0.9, first_step=0
    )
    average.update(1)
    assert average.state() == {}


def test_an_average_goes_on_from_its_state():
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    _, whole = averaged("ema", values)
    weight, half = averaged("ema", values[:3])
    resumed = AveragedWeights({"w": weight}, kind="ema", decay=0.9, first_step=0)
    resumed.restore(half.state())
    for steps, value in enumerate(values[3:], start=3):
        with torch.no_grad():
            weight.fill_(value)
        resumed.update(steps)
    assert torch.equal(resumed.state()["w"], whole.state()["w"])
