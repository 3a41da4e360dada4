"""`dovetail demo`: what the shipped models find in a few sentences of real prose."""

from __future__ import annotations

import typer

from dovetail.cli.waiting import Waiting

SENTENCES = {
    "news": (
        "Ada Lovelace, an English mathematician, lived in London, where she worked with Charles "
        "Babbage of the Royal Astronomical Society.",
        "The Boeing Company, based in Seattle, said Thursday that its spokesman Craig Martin will "
        "retire in June.",
        "Lee Harvey Oswald, who was born in New Orleans, killed President John F. Kennedy in "
        "Dallas, Texas, in 1963.",
    ),
    "adverse-effects": (
        "We report a case of acute liver failure in a patient treated with isoniazid.",
        "Lithium-induced tremor and weight gain resolved after the drug was withdrawn.",
    ),
}
"""A few sentences for each shipped model."""


def demo_command() -> None:
    """Extract with the models that come with the package, to see what to expect."""
    from rich.console import Console
    from rich.markup import escape

    from dovetail.extractor import Extractor
    from dovetail.showing.rendering import render_document

    console = Console(highlight=False)
    for name, sentences in SENTENCES.items():
        with Waiting() as tell:
            tell.stage(f"loading the model {name}")
            extractor = Extractor.load(name)
        schema = extractor.schema
        console.rule(f"[bold]{escape(name)}[/bold]")
        console.print(
            f"entities: {', '.join(schema.entity_types)}\n"
            f"relations: {', '.join(schema.relation_types)}\n",
            style="dim",
            markup=False,
        )
        for extraction in extractor.extract(list(sentences)):
            console.print(
                render_document(extraction.document, entity_types=schema.entity_types), "\n"
            )
    typer.echo('Next: dovetail extract news "Your own text."  or  dovetail --help')
