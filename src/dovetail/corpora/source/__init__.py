"""From files to plain values: text, JSON, archives, and which format they are."""
