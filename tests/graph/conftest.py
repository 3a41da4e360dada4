"""What looks at the page of a graph in a browser."""

from tests.report.conftest import look

__all__ = ["look"]
