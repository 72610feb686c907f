"""Complete programs, each in one directory, that show the packages together."""
