"""Tables in long form: reader and writer."""
