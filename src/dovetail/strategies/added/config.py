"""Tasks that are added to a trained model, which stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from dovetail.config.section import Contradiction
from dovetail.config.sections.several_corpora import CorpusName
from dovetail.config.values import FolderOrName, Layers, Text
from dovetail.strategies.layers_config import LayersConfig
from dovetail.text.document import RELATION_TASK, TASKS
from dovetail.text.named_schemas import ONLY, named


class IncrementalSharingConfig(LayersConfig):
    """Fields of a run that adds tasks to a base.

    Of the fields that all layers have, only dropout is a choice: the others are the base's, and a
    run writes them into its config.
    """

    needs: ClassVar[str] = "a trained model of the kind depth or exits (--base)"
    no_auxiliary: ClassVar[str] = "all that the tasks share is frozen, so they would teach nothing"

    base: FolderOrName | None = None
    """The trained model that tasks are added to: a folder, or the name of a shipped model.
    `dovetail train --base` sets it. Its sharing is `depth` or `exits`."""

    base_sha256: Text | None = None
    """SHA-256 of the base; a run writes it into its own config. Where it is given, another base is
    refused."""

    add_tasks: tuple[Literal["entity", "relation"], ...] = ()
    """The tasks that are added, which `dovetail train --add-task` sets: `["relation"]` keeps the
    base's entities as they are, `["entity", "relation"]` learns both of another corpus."""

    add_corpus: CorpusName | None = None
    """The name of the schema of the corpus, which `dovetail train --add-corpus` sets: the base's
    schema stays in the model beside it, and the tasks of both are told apart by these names."""

    base_schema: CorpusName | None = None
    """With `add_corpus`, what the base's schema is called; by default as the base."""

    cell: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """Kind of every layer of the base; a run writes it. The layers of a base of the cell
    `pretrained` are copies of its encoder's own top layers."""

    shared_layers: Layers = 0
    """Layers of the base that both tasks run; a run writes it."""

    entity_layers: Layers = 0
    """Layers above them that the entity task runs; a run writes it."""

    relation_layers: Layers = 0
    """Layers above them that the relation task runs; a run writes it. A base that was not trained
    for relations has none: there the relation task runs the layers of the entity task."""

    def added(self, tasks: Sequence[str]) -> tuple[str, ...]:
        """The tasks of a model that are added to its base, of all that it has."""
        added = {named(self.add_corpus or ONLY, task) for task in self.add_tasks}
        return tuple(task for task in tasks if task in added)

    def asks_for(self, task: str) -> Iterator[str]:
        if self.add_corpus is None and task == RELATION_TASK and task in self.add_tasks:
            yield f'sharing.add_tasks with "{task}"'

    def contradictions(self) -> Iterator[Contradiction]:
        if self.base is None:
            yield Contradiction(
                "base",
                "this strategy adds tasks to a trained model, and none is named; name one by "
                "--base MODEL --add-task relation, or train one with another kind of sharing",
            )
        elif not self.add_tasks:
            yield Contradiction(
                "add_tasks",
                'no task would be added to the base; set ["relation"] (--add-task relation), or '
                '["entity", "relation"] for another corpus',
            )
        elif self.add_corpus is not None and len(self.add_tasks) < len(TASKS):
            yield Contradiction(
                "add_tasks", 'all tasks of a corpus are added; set ["entity", "relation"]'
            )
        elif self.base_schema is not None and self.base_schema == self.add_corpus:
            yield Contradiction(
                "base_schema", "the corpus that is added has this name too; take another for one"
            )
        elif "relation" not in self.add_tasks:
            yield Contradiction(
                "add_tasks",
                "the base's relation task reads which entities its entity task finds, so new "
                "entities under it would change what it says; add both tasks (--add-task entity "
                "--add-task relation)",
            )
