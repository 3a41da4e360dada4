"""Two corpora of one schema: one annotated for entities, one for relations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config

from dovetail.config import Config, parse_config

HALF = len(TRAIN) // 2


@pytest.fixture(scope="session")
def halves(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The halves of the tiny corpus as a config lists them."""
    folder = tmp_path_factory.mktemp("halves")
    dev = str(save_corpus(DEV, folder / "dev.jsonl"))
    parts = {"entity": TRAIN[:HALF], "relation": TRAIN[HALF:]}
    return [
        {
            "name": f"half-{task}",
            "schema_name": "tiny",
            "train": str(save_corpus(own, folder / f"{task}.jsonl")),
            "dev": dev,
            "tasks": [task],
        }
        for task, own in parts.items()
    ]


@pytest.fixture(scope="session")
def coupled(halves: list[dict[str, Any]]) -> Callable[..., Config]:
    """A config of the two halves with the given couplings and other sections."""

    def config(*couplings: dict[str, Any], **sections: Any) -> Config:
        values = tiny_config().model_dump(mode="json", exclude_none=True)
        del values["data"]
        for name, section in sections.items():
            of_another_kind = "kind" in section
            values[name] = section if of_another_kind else {**values.get(name, {}), **section}
        return parse_config({**values, "corpora": halves, "couplings": list(couplings)})

    return config
