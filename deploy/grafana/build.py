"""`python -m deploy.grafana.build`: write the dashboards' JSON for Grafana's provisioning."""

from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import ScaleDistribution
from grafana_foundation_sdk.models.dashboard import DataSourceRef, DynamicConfigValue, VariableRefresh
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.panels import INSTANCE, Dashboard, Panel
from deploy.grafana.registry import REGISTRY
from deploy.grafana.serving import SERVING
from deploy.grafana.switching import SWITCHING
from deploy.grafana.tailoring import TAILORING
from hosting.processes.usage import take_no_options

DASHBOARDS = (SWITCHING, SERVING, TAILORING, REGISTRY)
FOLDER = Path(__file__).parent / "dashboards"
_SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")  # of provisioning/datasources
_KINDS: dict[str, Any] = {
    "lines": timeseries.Panel,
    "heatmap": heatmap.Panel,
    "number": stat.Panel,
    "timeline": statetimeline.Panel,
}
_VARIABLES = {
    "device": "label_values(nettailor_server_info, device)",
    "instance": "label_values(up, instance)",
    "task": f"label_values(nettailor_switches_total{{{INSTANCE}}}, task)",
}
_HEIGHT = 8


def dashboard_json(spec: Dashboard) -> str:
    """The file of a dashboard."""
    built = dashboard.Dashboard(spec.title).uid(spec.uid).description(spec.help).tags(["nettailor"])
    built = built.editable().refresh("10s").time("now-1h", "now").timezone("browser")
    for name in spec.variables:
        built = built.with_variable(_variable(name, spec))
    for panel in spec.panels:
        built = built.with_panel(_panel(panel))
    encoded: str = JSONEncoder(sort_keys=True, indent=2).encode(built.build())
    return f"{encoded}\n"


def _variable(name: str, spec: Dashboard) -> Any:
    query = _VARIABLES[name]
    if name == "instance" and "device" in spec.variables:  # a device chosen first leaves the instances that have it
        query = 'label_values(nettailor_server_info{device=~"$device"}, instance)'
    variable = dashboard.QueryVariable(name).label(name.capitalize()).query(query).datasource(_SOURCE)
    return variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).multi(True).include_all(True).all_value(".*")


def _panel(panel: Panel) -> Any:
    built = _KINDS[panel.kind]().title(panel.title).description(panel.help).datasource(_SOURCE)
    built = built.unit(panel.unit).span(panel.width).height(_HEIGHT)
    if panel.kind == "lines":
        built = _axis(built.fill_opacity(8).line_width(2), panel)
        for colour in reversed(panel.colours):  # with Grafana, the last that matches counts
            fixed = {"mode": "shades", "fixedColor": colour.name}
            built = built.override_by_regexp(f"^({colour.series})$", [DynamicConfigValue(id_val="color", value=fixed)])
    if panel.kind == "heatmap":
        built = built.calculate(False)
    for index, query in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + index))
        if panel.kind == "heatmap":
            target = target.format(PromQueryFormat.HEATMAP)
        built = built.with_target(target)
    return built


def _axis(built: Any, panel: Panel) -> Any:
    if panel.logarithmic:  # such an axis has no beginning
        scale = common.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10)
        return built.scale_distribution(scale)
    return built.min(panel.least)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for spec in DASHBOARDS:
        (FOLDER / f"{spec.uid}.json").write_text(dashboard_json(spec))


if __name__ == "__main__":
    take_no_options("deploy.grafana.build", __doc__, settings=False)
    main()
