"""Context that tasks give each other, pair by pair."""
