"""The array API of NumPy."""
