"""Task switching: how soon a task is ready, where it came from, and whether the tasks in use fit."""

from deploy.grafana.panels import INSTANCE, TASK, Colour, Dashboard, Panel, Query, quantiles, rate

_SWITCH = "nettailor_task_switch_seconds"
_DEVICE_SHARE = (
    f'sum(rate(nettailor_lookups_total{{tier="device",{INSTANCE}}}[$__rate_interval]))'
    f" / sum(rate(nettailor_lookups_total{{{INSTANCE}}}[$__rate_interval]))"
)
_SWITCHES = f"nettailor_switches_total{{{INSTANCE}}}"
# A task asked for the first time brings a series that begins at 1: `increase` sees nothing of it.
_WORKING_SET = (
    f"count(sum by (task) (increase({_SWITCHES}[5m])) > 0"
    f" or sum by (task) ({_SWITCHES} unless {_SWITCHES} offset 5m) > 0)"
)
# How many bundles of the mean size the device's budget holds.
_SLOTS = (
    f'sum(nettailor_budget_bytes{{tier="device",{INSTANCE}}})'
    f' / (sum(nettailor_resident_bytes{{tier="device",{INSTANCE}}})'
    f' / sum(nettailor_resident_tasks{{tier="device",{INSTANCE}}}))'
)


def _memory(title: str, help: str, tiers: str, *, log: bool = False) -> Panel:
    labels = f'{{tier=~"{tiers}",{INSTANCE}}}'
    return Panel(
        title=title,
        help=help,
        unit="bytes",
        logarithmic=log,
        queries=(
            Query(expr=f"sum by (tier) (nettailor_resident_bytes{labels})", legend="{{tier}}"),
            Query(expr=f"sum by (tier) (nettailor_budget_bytes{labels})", legend="{{tier}} budget"),
        ),
    )


SWITCHING = Dashboard(
    uid="nettailor-switching",
    title="NetTailor: task switching",
    help="From needing a task's bundle until it is ready to run, by the tier it came from.",
    panels=(
        Panel(
            title="Switch latency",
            help="How many switches took how long. Resident ones take microseconds, cold ones milliseconds and more.",
            kind="heatmap",
            unit="s",
            queries=(
                Query(
                    expr=f"sum by (le) (increase({_SWITCH}_bucket{{{INSTANCE}}}[$__rate_interval]))", legend="{{le}}"
                ),
            ),
        ),
        Panel(
            title="Switch latency by tier",
            help="device: the bundle was ready already.",
            unit="s",
            logarithmic=True,
            queries=quantiles(_SWITCH, INSTANCE, "tier"),
        ),
        Panel(
            title="Switches a second by task",
            help="Times a request needed the task's bundle.",
            unit="ops",
            queries=(rate("nettailor_switches_total", TASK, "task"),),
        ),
        Panel(
            title="Switches a second by tier",
            help="Where bundles were when they were needed.",
            unit="ops",
            queries=(rate("nettailor_lookups_total", INSTANCE, "tier"),),
        ),
        Panel(
            title="Resident tasks",
            help="Which tasks are ready on the device; a gap is a time in which the next request would have waited.",
            kind="timeline",
            queries=(
                Query(expr=f'max by (task) (nettailor_resident_task{{tier="device",{TASK}}})', legend="{{task}}"),
            ),
        ),
        Panel(
            title="Bundles in each tier",
            help="Idle ones stay until room is needed.",
            queries=(Query(expr=f"sum by (tier) (nettailor_resident_tasks{{{INSTANCE}}})", legend="{{tier}}"),),
        ),
        Panel(
            title="Evictions a second",
            help="Bundles that left a tier to make room. Steady evictions on the device are the way to the cliff.",
            unit="ops",
            queries=(rate("nettailor_evictions_total", INSTANCE, "tier"),),
        ),
        Panel(
            title="Hit ratio",
            help="Share of the requests whose bundle was ready on the device.",
            unit="percentunit",
            queries=(Query(expr=_DEVICE_SHARE, legend="on the device"),),
        ),
        Panel(
            title="Working set and slots",
            help="Tasks asked for in five minutes, beside how many bundles of the present mean size the device holds. "
            "Once the first passes the second, every request may be a load: the cliff.",
            queries=(Query(expr=_WORKING_SET, legend="tasks in use"), Query(expr=_SLOTS, legend="slots")),
        ),
        Panel(
            title="The cliff",
            help="Tasks in use over slots, and the share of requests that had to wait for a bundle.",
            unit="percentunit",
            queries=(
                Query(expr=f"({_WORKING_SET}) / ({_SLOTS})", legend="in use / slots"),
                Query(expr=f"1 - {_DEVICE_SHARE}", legend="not on the device"),
            ),
        ),
        _memory("Memory of bundles", "Measured bytes on the device and in host memory, and budgets.", "device|host"),
        _memory("Bundles on disk", "Measured bytes, and the budget, which is far larger.", "disk", log=True),
        Panel(
            title="Loads that failed",
            help="Bundles that could not be made ready, since the start. Each step is one, and clients got 424.",
            colours=(Colour(series=".*", name="red"),),
            queries=(
                Query(
                    expr=f"sum by (reason) (nettailor_bundle_load_failures_total{{{INSTANCE}}})", legend="{{reason}}"
                ),
            ),
        ),
        Panel(
            title="Shared network",
            help="Bytes of the frozen blocks that all tasks share.",
            unit="bytes",
            kind="number",
            queries=(Query(expr=f"sum(nettailor_backbone_bytes{{{INSTANCE}}})", legend="backbone"),),
        ),
    ),
)
