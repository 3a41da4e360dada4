"""The formats in which a graph is written, each a function from a store to a file or a folder."""
