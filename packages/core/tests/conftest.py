"""What all tests of this package share."""

from dolmen.core import config

# Whoever reads a failure of these tests wants to see our frames.
config.update("traceback_filtering", "off")
