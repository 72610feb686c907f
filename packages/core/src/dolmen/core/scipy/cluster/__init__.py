"""Clusters of observations."""

from . import vq as vq
