"""Where the golden numbers are found, and on how many devices tests run."""

import sys
from pathlib import Path

import dolmen.core as dc

sys.path.insert(0, str(Path(__file__).parent))

# Before the first array: states spread over several devices are tested on the CPU, too.
dc.config.update("num_cpu_devices", 8)
