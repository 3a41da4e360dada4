"""The page of a graph: what of it is drawn, where, and the evidence in words."""
