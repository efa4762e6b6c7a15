"""What `nettailor registry policy` prints."""

from rich.table import Table

from cli.render.table import minute, new_table
from cli.service.session import Json
from nettailor.printable import printable

_REQUIREMENTS = {
    "min_accuracy": "least accuracy on the test split",
    "max_drop": "most points below live on the same test split",
    "max_macs": "most MACs, of the whole backbone",
}


def policy_table(document: Json) -> Table:
    table = new_table(f"To go live as {document['task']}", "requirement", "value")
    policy = document["policy"]
    for field, words in _REQUIREMENTS.items():
        if policy is not None and policy[field] is not None:
            table.add_row(words, f"{policy[field]:.2%}")
    said = [] if table.row_count else ["no policy" if policy is None else "nothing is required"]
    if document["at"]:
        said.append(printable(f"last changed {minute(document['at'])} by {document['actor']}"))
    table.caption = "\n".join(said)
    return table
