"""The runtime's recorder of what happens when, in Python, in XLA and on devices."""

import warnings
from typing import Any

import jaxlib._profile_data as _profile_data
import jaxlib._profiler as _profiler

from ._client import client as client
from ._devices import devices

# jaxlib says nothing about their types.
ProfileData: Any = _profile_data.ProfileData
ProfileEvent = _profile_data.ProfileEvent
ProfileLine = _profile_data.ProfileLine
ProfileOptions = _profiler.ProfileOptions
ProfilePlane = _profile_data.ProfilePlane
TraceMe = _profiler.TraceMe
register_subprocess = _profiler.register_subprocess
start_server = _profiler.start_server


def _iterators() -> list[Any]:
    """One of each type that jaxlib iterates over recordings with.

    It makes these types at first use, and again when Python has collected them. Python
    warns of that, and where warnings are errors the process would abort.
    """
    text = "planes { lines { events { metadata_id: 1 stats { metadata_id: 1 } } } }"
    found: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        planes = ProfileData.from_text_proto(text).planes
        for plane in planes:
            found += [plane.stats, plane.lines]
            for line in plane.lines:
                found.append(line.events)
                found += [event.stats for event in line.events]
    return [planes, *found]


_kept = _iterators()


def start_session(options: Any = None) -> Any:
    """Begin to record; there can be one recording at a time."""
    client()  # a device that starts later would not be recorded
    return _profiler.ProfilerSession(ProfileOptions() if options is None else options)


def heap_profile(backend: str | None = None) -> bytes:
    """What is held on the devices, by where it was made, in the format of pprof."""
    return devices(backend)[0].client.heap_profile()
