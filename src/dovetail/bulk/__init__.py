"""Extraction from more text than one process should read: exactly once, whatever is killed.

The inputs are one stream of records, which a plan cuts into units.  A unit makes one shard, and a
shard is a function of the unit, the model and the options alone.  Whoever does a unit, and however
often it was begun, the shard has the same bytes; only the process that runs the whole writes it.
"""

from dovetail.bulk.options import BulkOptions, Running
from dovetail.bulk.run import run_bulk
from dovetail.bulk.summary import Summary

__all__ = ["BulkOptions", "Running", "Summary", "run_bulk"]
