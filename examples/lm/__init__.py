"""A byte-level language model, trained on the standard library's source files."""
