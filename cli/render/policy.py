"""What `nettailor registry policy` prints."""

from rich.table import Table

from cli.render.table import minute, new_table, number
from nettailor.printable import printable
from nettailor_client.answers.tasks import TaskPolicy

_REQUIREMENTS = {
    "min_accuracy": "least accuracy on the test split",
    "max_drop": "most points below live on the same test split",
    "max_macs": "most MACs, of the whole backbone",
    "max_int8_drop": "most points that int8 may cost, for int8 to serve it",
}


def policy_table(document: TaskPolicy) -> Table:
    table = new_table(f"To go live as {document.task}", "requirement", number("value"))
    policy = document.policy
    required = {} if policy is None else policy.as_json()
    for field, words in _REQUIREMENTS.items():
        if required.get(field) is not None:
            table.add_row(words, f"{required[field]:.2%}")
    if policy is not None and not policy.allow_int8:
        table.add_row("int8", "forbidden")
    said = [] if table.row_count else ["no policy" if policy is None else "nothing is required"]
    if document.at:
        said.append(printable(f"last changed {minute(document.at)} by {document.actor}"))
    table.caption = "\n".join(said)
    return table
