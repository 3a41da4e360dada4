"""One self-contained HTML page on a run, an experiment, or predictions from anywhere.

    folder -> RunReport, ScoredCorpus (plain values) -> tables, cards, charts -> templates -> page

The page asks the network for nothing: style, script and drawings are in it.  It can be read without
its script, and whatever stands in a corpus is escaped.
"""
