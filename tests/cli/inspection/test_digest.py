"""What a look found, for people: whole, or with long lists shortened."""

import io

from cli.console import PlainConsole
from cli.inspection.digest import SHORT, WHOLE, Length, print_inspection
from trainer.intake.findings import Finding
from trainer.intake.inspection import Inspection
from trainer.intake.scanning.scan import Skipped


def shown(found: Inspection, length: Length) -> list[str]:
    target = io.StringIO()
    print_inspection(found, PlainConsole(file=target, width=120), length)
    return [" ".join(line.replace("│", " ").split()) for line in target.getvalue().splitlines()]


def inspection(*, classes: int, reasons: int, notes: int) -> Inspection:
    names = [f"class {number:02}" for number in range(classes)]
    return Inspection(
        layout="class folders",
        why="there are folders",
        classes={name: {"train": 6, "val": 2, "test": 2} for name in names},
        examples={name: (f"{name}/1.png",) for name in names},
        left_out=tuple(Skipped(file=f"{'x' * number}.md", reason="x" * number) for number in range(1, reasons + 1)),
        findings=tuple(Finding(weight="note", text=f"note {number}.") for number in range(notes)),
        error=None,
    )


def test_long_lists_are_shortened_and_say_so() -> None:
    found = inspection(classes=30, reasons=9, notes=12)
    short, whole = shown(found, SHORT), shown(found, WHOLE)
    assert "and 10 more classes, which `nettailor inspect` shows" in short
    assert "and 4 more reasons, which `nettailor inspect` shows" in short
    assert "and 2 more findings, which `nettailor inspect` shows" in short
    assert not [line for line in short if line.startswith("class 29")]
    assert "class 29 6 2 2 class 29/1.png" in whole
    assert "all 180 60 60" in set(whole) & set(short)
    assert {"note: note 9.", "note: note 11."} & set(short) == {"note: note 9."}
    assert "more" not in " ".join(whole)


def test_warnings_come_before_notes_and_errors_are_left_to_the_last_line() -> None:
    weights = ("note", "error", "warning")
    findings = tuple(Finding(weight=weight, text=f"a {weight}") for weight in weights)  # type: ignore[arg-type]  # words
    found = inspection(classes=0, reasons=0, notes=0)
    found = Inspection(**{**vars(found), "layout": None, "findings": findings, "error": "an error"})
    assert shown(found, WHOLE) == [
        "nothing was recognised that says what the images show",
        "warning: a warning",
        "note: a note",
    ]
