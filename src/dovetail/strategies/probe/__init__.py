"""Layers of one task, made sparse: how exits are found."""
