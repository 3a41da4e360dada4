"""Fixed operations that tasks recombine."""
