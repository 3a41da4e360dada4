"""The common parts of writers: which annotations can be written, and how."""
