"""What spaCy calls to make the component, by its entry point.

spaCy reads the types of the arguments while the program runs, so here they are no strings.
"""

from typing import TYPE_CHECKING, Literal

from spacy.language import Language

if TYPE_CHECKING:
    from dovetail.spacy_component.component import DovetailComponent


@Language.factory(
    "dovetail",
    assigns=["doc.ents", "doc.spans", "token.ent_iob", "token.ent_type"],
    default_config={"ents": "add", "spans_key": "dovetail", "threads": 0},
)
def make_component(
    nlp: Language,
    name: str,
    model: str,
    ents: Literal["add", "overwrite", "leave"],
    spans_key: str,
    threads: int | None,
) -> "DovetailComponent":
    """Make the component of a pipeline, from the settings in its config."""
    from dovetail.spacy_component.component import DovetailComponent

    return DovetailComponent(model, name=name, ents=ents, spans_key=spans_key, threads=threads)
