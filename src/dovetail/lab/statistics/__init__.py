"""The outcome of an experiment: results, comparisons, tables, figures."""
