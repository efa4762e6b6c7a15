"""Tailoring: jobs, their stages, the workers."""

from deploy.grafana.panels import INSTANCE, Dashboard, Panel, Query

# Every replica of the trainer shows the figures of the whole installation, so they are not added up.
TAILORING = Dashboard(
    uid="nettailor-tailoring",
    title="NetTailor: tailoring",
    help="Jobs that turn data sets into versions.",
    variables=("instance",),
    panels=(
        Panel(
            title="Jobs by state",
            help="Succeeded and failed ones stay until they are deleted.",
            queries=(Query(expr=f"max by (state) (nettailor_jobs{{{INSTANCE}}})", legend="{{state}}"),),
        ),
        Panel(
            title="Workers",
            help="Training workers that are alive.",
            queries=(Query(expr=f"max(nettailor_workers{{{INSTANCE}}})", legend="workers"),),
        ),
        Panel(
            title="Time in a stage",
            help="Mean over all jobs.",
            unit="s",
            queries=(
                Query(
                    expr=f'max by (stage) (nettailor_job_seconds_sum{{stage!="queued",{INSTANCE}}})'
                    f' / max by (stage) (nettailor_job_seconds_count{{stage!="queued",{INSTANCE}}})',
                    legend="{{stage}}",
                ),
            ),
        ),
        Panel(
            title="Waiting for a worker",
            help="From the upload until a worker took the job: mean over all jobs.",
            unit="s",
            queries=(
                Query(
                    expr=f'max(nettailor_job_seconds_sum{{stage="queued",{INSTANCE}}})'
                    f' / max(nettailor_job_seconds_count{{stage="queued",{INSTANCE}}})',
                    legend="mean",
                ),
            ),
        ),
        Panel(
            title="Training images a second",
            help="Augmented ones counted each time.",
            queries=(
                Query(expr=f"max(rate(nettailor_train_images_total{{{INSTANCE}}}[$__rate_interval]))", legend="images"),
            ),
        ),
        Panel(
            title="Failed jobs",
            help="By kind of error, since there are records.",
            queries=(Query(expr=f"max by (reason) (nettailor_job_failures_total{{{INSTANCE}}})", legend="{{reason}}"),),
        ),
    ),
)
