"""Units of layers that are shared or a task's own."""
