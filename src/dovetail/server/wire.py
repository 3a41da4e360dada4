"""What goes over the wire: requests and answers, as OpenAPI describes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from dovetail.text.tokenization import SURROGATE

LOWEST_CANDIDATE = 0.001
"""The lowest probability from which relations can be asked for: below it there are too many."""

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
ProbabilityOfRelation = Annotated[float, Field(ge=LOWEST_CANDIDATE, le=1, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _whole(text: object) -> object:
    """Refuse what no encoding can hold, and so no answer."""
    if isinstance(text, str) and SURROGATE.search(text):
        raise ValueError("it has half a surrogate pair; decode it again from its bytes")
    return text


def _as_item(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


def _as_items(value: object) -> object:
    if isinstance(value, list):
        return [_as_item(own) for own in value]
    return [_as_item(value)] if isinstance(value, str) else value


Whole = Annotated[str, BeforeValidator(_whole)]


class TextItem(_Strict):
    """A text with a name, which its document gets."""

    text: Whole
    id: Whole = Field(default="", max_length=1000, description="The name of the document.")


Item = Annotated[TextItem, BeforeValidator(_as_item)]
ITEM: TypeAdapter[TextItem] = TypeAdapter(Item)


class Thresholds(_Strict):
    """Probabilities from which types are taken, in the place of the model's."""

    entities: dict[str, Probability] = Field(
        default={}, description="By entity type; entities are found without a threshold."
    )
    relations: dict[str, ProbabilityOfRelation] = Field(
        default={}, description="By relation type; others keep the threshold of the model."
    )


class ExtractRequest(_Strict):
    """Texts, and what is to be found in them."""

    texts: Annotated[
        list[TextItem],
        BeforeValidator(_as_items, json_schema_input_type=str | list[str | TextItem]),
    ] = Field(description="One text or several, each a string or an object with an id.")
    model: str | None = Field(
        default=None, description="The name of a model in `/v1/models`; by default the first."
    )
    schema_: str | None = Field(
        default=None,
        alias="schema",
        description="Extract with this schema alone, where the model has several.",
    )
    thresholds: Thresholds = Thresholds()
    candidates: ProbabilityOfRelation | None = Field(
        default=None,
        description="Also give the relations that were not taken, from this probability on.",
    )


class FoundEntity(BaseModel):
    """An entity at half-open character positions."""

    start: int
    end: int
    fragments: list[list[int]] | None = Field(
        default=None, description="The positions of its pieces, if it has several."
    )
    type: str
    text: str
    confidence: float | None


class FoundRelation(BaseModel):
    """A relation between two entities, by their places in the list."""

    head: int
    tail: int
    type: str
    confidence: float | None


class SentenceOffsets(BaseModel):
    """A sentence: the character positions of its tokens."""

    id: str | None = None
    offsets: list[list[int]]


class FoundDocument(BaseModel):
    """A text with what was found in it: a document of the native corpus format."""

    id: str
    text: str
    entities: list[FoundEntity]
    relations: list[FoundRelation]
    sentences: list[SentenceOffsets]
    annotated: list[str] | None = None
    candidates: list[FoundRelation] | None = Field(
        default=None, description="Relations that were not taken, the most probable first."
    )


class Answer(BaseModel):
    """What was found in the texts, in their order."""

    model: str
    thresholds: dict[str, float] = Field(
        description="The probability from which each relation type was taken."
    )
    documents: list[FoundDocument]


class ServedSchema(BaseModel):
    """The types of a schema."""

    name: str = Field(description="Empty where the model has one schema without a name.")
    entity_types: list[str]
    relation_types: list[str]
    arguments: dict[str, list[list[str]]] = Field(
        description="The pairs of entity types that a relation links; any, if it is not listed."
    )
    symmetric: list[str]
    thresholds: dict[str, float]


class ServedModel(BaseModel):
    """A model that is served."""

    name: str
    default: bool = Field(description="Whether it answers requests that name none.")
    language: str
    unit: str = Field(description="What is read at once; relations are found within it.")
    schemas: list[ServedSchema]


class ModelList(BaseModel):
    """The models that are served."""

    dovetail: str = Field(description="The version of Dovetail.")
    models: list[ServedModel]


class Status(BaseModel):
    """How the server is."""

    status: Literal["ok", "ready"]


EXAMPLES: dict[str, Any] = {
    "one": {
        "summary": "One text",
        "value": {"texts": "Ada Lovelace lived in London."},
    },
    "several": {
        "summary": "Several texts with names, and other thresholds",
        "value": {
            "texts": [
                {"id": "a", "text": "Ada Lovelace lived in London."},
                {"id": "b", "text": "The Boeing Company is based in Seattle."},
            ],
            "candidates": 0.05,
        },
    },
}
"""Requests that OpenAPI shows."""
