"""Projections: the nearest point of a set."""
