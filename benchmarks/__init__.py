"""Dolmen and its peers on the same workloads, side by side."""
