"""The sections that every config may have; a strategy brings its own."""
