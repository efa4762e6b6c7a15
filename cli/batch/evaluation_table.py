"""What `nettailor evaluate` prints."""

from rich.table import Table

from cli.batch.evaluation import Evaluation
from cli.render.table import new_table, number
from nettailor.accuracy import counted, in_words
from nettailor.printable import printable

_SHOWN = 20  # classes, the worst first; `--json` has all


def evaluation_table(found: Evaluation) -> Table:
    figures = (number("images"), number("right"))
    table = new_table(f"{found.task} version {found.version}", "class", *figures, "most often taken for")
    worst = sorted(found.classes, key=lambda one: (one.right / one.images, one.label))
    for one in worst[:_SHOWN]:
        shown = in_words(one.right / one.images, one.images)
        table.add_row(one.label, str(one.images), shown, one.mistaken or "")
    lines = [f"accuracy: {counted(found.accuracy, found.images)}; in brackets: 95% intervals"]
    if len(worst) > _SHOWN:
        lines.append(f"the {_SHOWN} worst of {len(worst)} classes; --json has all")
    if found.split is not None:
        lines.append(f"on the images of its split {found.split}")
    if found.unread:
        unread = found.unread[0]
        lines.append(printable(f"files left out: {len(found.unread)}, such as {unread.file}: {unread.error}"))
    table.caption = "\n".join(lines)
    return table
