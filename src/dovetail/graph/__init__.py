"""One graph of all that was found in many texts: entities as nodes, relations as edges.

    lines of `dovetail extract` -> documents -> names -> store (SQLite) -> a file of some format

Memory does not grow with the number of relations: what is read goes into a database in a temporary
folder, is brought into order there, and streams out of it.  Nothing here needs torch.
"""

from dovetail.graph.aliases import Alias, Aliases, read_aliases
from dovetail.graph.naming import Linker, Mention, Naming
from dovetail.graph.rows import Totals
from dovetail.graph.writing import GraphOptions, write_graph

__all__ = [
    "Alias",
    "Aliases",
    "GraphOptions",
    "Linker",
    "Mention",
    "Naming",
    "Totals",
    "read_aliases",
    "write_graph",
]
