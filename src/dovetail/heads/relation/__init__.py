"""The relation head and what it knows of a pair."""
