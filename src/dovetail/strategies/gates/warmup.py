"""The phases before the gates of layers decide: all tasks together, or each of them alone.

* start = "shared": all units are shared, and the tasks' layers become copies of the shared ones.
* start = "alone": after the same, all gates are held open in a phase for each task, in which its
  own layers and heads are trained by its loss alone, and the best epoch is that of its own score.
  These are the tasks' single models, as those that the paper (InterroGate, 2024) starts from.  The
  gates start open, so the last phase begins with these models.
* start = "mean": without the first phase; the shared layers become the mean of the tasks' own.

The paper's networks all come from one pretrained network, so that their units correspond; here all
layers of a level start as the same random one.  There is one encoder for all tasks: what is trained
of it, is so in the first phase and stays as it is in those of other tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dovetail.strategies.curriculum import Curriculum, Model, Phase
from dovetail.strategies.gates.block import GatedLayers
from dovetail.strategies.gates.config import GatesSharingConfig
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.named_schemas import kind_of_task

_SHARING, _ENCODER, _SEVERAL = "sharing.", "encoder.", "several"

_HEADS = {"entity_head": ENTITY_TASK, "link": RELATION_TASK, "relation_head": RELATION_TASK}
"""The parts of the heads and the tasks that they serve.  In a phase of one task there is no batch
of another schema, so that the heads of others of its kind are not reached."""


def with_warmup(joint: Phase, section: GatesSharingConfig) -> Curriculum:
    """The phase in which the gates decide, and before it those of `start`.

    Without epochs there is no phase before it.
    """
    before = replace(joint, epochs=section.warmup_epochs)
    if not section.warmup_epochs:
        return (joint,)
    if section.start == "shared":
        together = replace(before, name="shared", trains=_trains_when_shared, begin=_begin_shared)
        return (together, replace(joint, begin=_begin_copied))
    phases = []
    if section.start == "alone":
        begin = _begin_shared_as_all
        phases += [replace(before, name="shared", trains=_trains_when_shared, begin=begin)]
    for task in joint.tasks:
        phases.append(
            replace(
                before,
                name=f"{task} alone",
                only=task,
                trains=_trained_alone(task, encoder=not phases),
                begin=_begin_alone if phases else _begin_alone_as_all,
            )
        )
    begin = _begin_gated if section.start == "alone" else _begin_gated_from_mean
    return (*phases, replace(joint, begin=begin))


def _trains_when_shared(parameter: str) -> bool:
    inside = parameter.removeprefix(_SHARING)
    return inside == parameter or GatedLayers.learned_when_shared(inside)


def _trained_alone(task: str, *, encoder: bool) -> Callable[[str], bool]:
    """What a task trains that is alone, with or without the encoder."""

    def trains(parameter: str) -> bool:
        if parameter.startswith(_SHARING):
            return GatedLayers.is_own(parameter.removeprefix(_SHARING), task)
        if parameter.startswith(_ENCODER):
            return encoder
        parts = parameter.split(".")
        return _HEADS[parts[2] if parts[0] == _SEVERAL else parts[0]] == kind_of_task(task)

    return trains


def _begin_shared(model: Model) -> None:
    gated_layers(model).hold(False)


def _begin_shared_as_all(model: Model) -> None:
    gated_layers(model).branch_off()
    _begin_shared(model)


def _begin_alone(model: Model) -> None:
    gated_layers(model).hold(True)


def _begin_alone_as_all(model: Model) -> None:
    gated_layers(model).branch_off()
    _begin_alone(model)


def _begin_copied(model: Model) -> None:
    _begin_gated(model)
    gated_layers(model).branch_off()


def _begin_gated(model: Model) -> None:
    gated_layers(model).hold(None)


def _begin_gated_from_mean(model: Model) -> None:
    gated_layers(model).join()
    _begin_gated(model)


def gated_layers(model: Model) -> GatedLayers:
    """The gated layers of a model.

    Raises:
        TypeError: if it shares in another way.
    """
    if not isinstance(model.sharing, GatedLayers):
        raise TypeError(f"expected gated layers, found {type(model.sharing).__name__}")
    return model.sharing
