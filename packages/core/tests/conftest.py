"""What all tests of core share."""

import dolmen.core as dc

# Before the first array: programs over several devices are tested on the CPU, too.
dc.config.update("num_cpu_devices", 8)
