"""A text drawn with its entities and relations: one SVG, which needs no script, style or font."""
