"""Why scores are low: what is wrong with corpora, configs and runs, with evidence and remedies."""
