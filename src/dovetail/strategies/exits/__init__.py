"""A shared stack that every task leaves at a layer of its own."""
