"""How work runs: in steps that tell of themselves, and beside forks."""
