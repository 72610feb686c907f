"""Integrals of sampled functions."""

from ..numpy import trapezoid as trapezoid

__all__ = ["trapezoid"]
