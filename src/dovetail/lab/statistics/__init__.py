"""What came of an experiment: results, comparisons, tables, figures."""
