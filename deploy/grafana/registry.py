"""Registry: what is published and promoted, and whether the blobs are sound."""

from deploy.grafana.panels import INSTANCE, OUTCOME_COLOURS, Dashboard, Panel, Query, quantiles, rate

REGISTRY = Dashboard(
    uid="nettailor-registry",
    title="NetTailor: registry",
    help="Operations on versions, aliases and blobs.",
    variables=("instance",),
    panels=(
        Panel(
            title="Operations a second",
            help="By this instance, through HTTP or as a library.",
            unit="ops",
            queries=(rate("nettailor_registry_operations_total", INSTANCE, "operation"),),
        ),
        Panel(
            title="What came of them",
            help="refused: the caller's fault, or a policy; failed: ours.",
            unit="ops",
            colours=OUTCOME_COLOURS,
            queries=(rate("nettailor_registry_operations_total", INSTANCE, "outcome"),),
        ),
        Panel(
            title="Time of an operation, p95",
            help="Over the last minutes.",
            unit="s",
            queries=quantiles("nettailor_registry_operation_seconds", INSTANCE, "operation", shares=(0.95,)),
        ),
        Panel(
            title="Blobs in quarantine",
            help="Files that no longer hold what their name promises. Above zero: see the runbook.",
            kind="number",
            queries=(Query(expr=f"max(nettailor_blobs_quarantined_total{{{INSTANCE}}})", legend="blobs"),),
        ),
    ),
)
