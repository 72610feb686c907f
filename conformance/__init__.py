"""The same programs run with Dolmen and with JAX, and their results compared."""
