"""A report as a web page, and as a trace for the viewers of browsers."""

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._report import Part, Report

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Input pipeline</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ padding: .2em .6em; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; font-family: monospace; }}
.bar {{ background: #4a7fb5; height: .8em; display: block; }}
.most .bar {{ background: #c0504d; }}
</style></head><body>
<h1>Input pipeline</h1>
<p>{summary}</p>
<table><tr><th>part</th><th>elements</th><th>µs/record</th><th>busy</th><th>waits</th>
<th style="width:30%">share</th></tr>
{rows}
</table>
{mixtures}
<p><strong>{advice}</strong></p>
</body></html>
"""


def to_html(report: "Report") -> str:
    """A page that needs nothing but itself."""
    rate = report.records / report.seconds if report.seconds else 0.0
    summary = (
        f"{report.steps} elements of {report.records} records in {report.seconds:.2f} "
        f"s: {rate:,.0f} records/s. Whoever used them waited for "
        f"{report.share_waited:.0%} of the time."
    )
    rows = "\n".join(_row(part, part is report.bottleneck) for part in report.parts)
    mixtures = "\n".join(
        f"<p>{html.escape(str(mixture))}</p>" for mixture in report.mixtures
    )
    return _PAGE.format(
        summary=html.escape(summary),
        rows=rows,
        mixtures=mixtures,
        advice=html.escape(report.advice),
    )


def to_chrome_trace(report: "Report") -> dict[str, Any]:
    """The calls of all parts as complete events, a line for each thread."""
    threads = sorted({call.thread for call in report.calls})
    numbers = {name: number for number, name in enumerate(threads)}
    names = [
        {
            "name": "thread_name",
            "ph": "M",
            "pid": 0,
            "tid": number,
            "args": {"name": name},
        }
        for name, number in numbers.items()
    ]
    events = [
        {
            "name": call.name,
            "ph": "X",
            "pid": 0,
            "tid": numbers[call.thread],
            "ts": call.start / 1000,
            "dur": (call.stop - call.start) / 1000,
            "args": {"elements": call.elements},
        }
        for call in report.calls
    ]
    return {"traceEvents": names + events, "displayTimeUnit": "ms"}


def _row(part: "Part", is_most: bool) -> str:
    indent = "&nbsp;" * (2 * part.depth)
    waits = f"{part.waited_us:.2f}" if part.waited_us else "–"
    return (
        f"<tr{' class=most' if is_most else ''}><td>{indent}{html.escape(part.name)}"
        f"</td><td>{part.elements}</td><td>{part.self_us:.2f}</td>"
        f"<td>{part.busy_us:.2f}</td><td>{waits}</td>"
        f'<td><span class="bar" style="width:{part.share:.0%}"></span></td></tr>'
    )
