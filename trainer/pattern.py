"""Regular expressions of strangers, matched in a time that is bounded by their length times that of the text.

The standard library's engine can take years over a pattern of ten characters. This one remembers which of its states
have failed at which place of the text, and so visits none twice. It knows literals, ``.``, ``[...]``, ``\\d \\w \\s``
and their opposites, ``^ $``, groups, ``|``, and ``* + ? {m,n}``, greedy or with ``?`` behind; what it finds is what the
standard library would find.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trainer.errors import OptionsInvalid

MOST_CHARACTERS = 200
_MOST_STEPS = 1000  # of a program, in which counted repetitions are written out
_MOST_REPEATS = 100
_MOST_DEPTH = 20

_Test = Callable[[str], bool]
_CLASSES: dict[str, _Test] = {
    "d": str.isdecimal,
    "w": lambda sign: sign.isalnum() or sign == "_",
    "s": str.isspace,
    "D": lambda sign: not sign.isdecimal(),
    "W": lambda sign: not (sign.isalnum() or sign == "_"),
    "S": lambda sign: not sign.isspace(),
}
_QUANTIFIER = re.compile(r"(?:([*+?])|\{(\d{1,3})(,?)(\d{0,3})\})(\??)")
_QUANTIFIERS: Mapping[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class PatternInvalid(ValueError):
    """Its text is the reason."""


@dataclass(frozen=True, kw_only=True)
class _Step:
    """An instruction, at one place of the text: what must hold there, and how many instructions to go on by.

    ``test`` takes the sign there, ``edge`` asks for the start (0) or the end (-1) of the text, ``save`` notes where it
    is. ``other`` is where to go on if ``next`` leads to nothing.
    """

    test: _Test | None = None
    edge: int | None = None
    save: int | None = None
    next: int = 1
    other: int | None = None


_Program = list[_Step]


@dataclass(frozen=True, kw_only=True)
class Match:
    text: str
    # None for a group that took no part
    groups: tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True)
class _Saved:
    """Places that were noted on the way, the latest first."""

    slot: int
    at: int
    before: "_Saved | None"


class Pattern:
    """A compiled pattern. Raises PatternInvalid."""

    def __init__(self, source: str) -> None:
        if len(source) > MOST_CHARACTERS:
            raise PatternInvalid(f"it is longer than {MOST_CHARACTERS} characters")
        parser = _Parser(source)
        self._program = parser.parse()
        self._groups = parser.groups
        self.steps_taken = 0  # over all searches: what they cost

    def search(self, text: str) -> Match | None:
        """The first match, as `re.search` finds it."""
        failed: set[tuple[int, int]] = set()
        for start in range(len(text) + 1):
            found, saved = self._run(text, start, failed)
            if found is not None:
                spans = _spans(saved, self._groups)
                groups = tuple(None if span is None else text[slice(*span)] for span in spans)
                self.steps_taken += len(failed)
                return Match(text=text[start:found], groups=groups)
        self.steps_taken += len(failed)
        return None

    def _run(self, text: str, start: int, failed: set[tuple[int, int]]) -> tuple[int | None, _Saved | None]:
        """Where the match that starts here ends, or None. ``failed`` are states that need no second visit."""
        waiting: list[tuple[int, int, _Saved | None]] = [(0, start, None)]
        while waiting:
            number, at, saved = waiting.pop()
            if number == len(self._program):
                return at, saved
            if (number, at) in failed:
                continue
            failed.add((number, at))
            step = self._program[number]
            if step.other is not None:
                waiting.append((number + step.other, at, saved))
            if step.edge is not None and at != (0 if step.edge == 0 else len(text)):
                continue
            if step.save is not None:
                saved = _Saved(slot=step.save, at=at, before=saved)
            if step.test is None:
                waiting.append((number + step.next, at, saved))
            elif at < len(text) and step.test(text[at]):
                waiting.append((number + step.next, at + 1, saved))
        return None, None


def _spans(saved: _Saved | None, groups: int) -> list[tuple[int, int] | None]:
    """Start and end of each group: of several, those of its last round."""
    places: dict[int, int] = {}
    while saved is not None:
        places.setdefault(saved.slot, saved.at)
        saved = saved.before
    return [(places[2 * group], places[2 * group + 1]) if 2 * group + 1 in places else None for group in range(groups)]


def compiled(option: str, source: str) -> Pattern:
    """The pattern that an option holds. Raises OptionsInvalid."""
    try:
        return Pattern(source)
    except PatternInvalid as fault:
        raise OptionsInvalid(option, f"no pattern that is known here: {fault}") from None


class _Parser:
    """From the text of a pattern to instructions, by recursive descent."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._depth = 0
        self.groups = 0

    def parse(self) -> _Program:
        program = self._alternatives()
        if self._at < len(self._source):
            raise PatternInvalid(f"a ')' too many at character {self._at + 1}")
        return program

    def _alternatives(self) -> _Program:
        first = self._sequence()
        if not self._takes("|"):
            return first
        second = self._alternatives()
        return [_Step(other=len(first) + 2), *first, _Step(next=len(second) + 1), *second]

    def _sequence(self) -> _Program:
        program: _Program = []
        while self._at < len(self._source) and self._source[self._at] not in "|)":
            program += self._quantified(self._atom())
            if len(program) > _MOST_STEPS:
                raise PatternInvalid("it repeats too much")
        return program

    def _atom(self) -> _Program:
        sign = self._take()
        if sign == "(":
            return self._group()
        if sign == "[":
            return [_Step(test=self._set())]
        if sign in "^$":
            return [_Step(edge=0 if sign == "^" else -1)]
        if sign in "*+?{":
            raise PatternInvalid(f"nothing to repeat at character {self._at}")
        return [_Step(test=self._one_of(sign))]

    def _group(self) -> _Program:
        number = None
        if not self._takes("?:"):
            named = re.match(r"\?P<\w+>", self._source[self._at :])
            if named is not None:
                self._at += named.end()
            elif self._takes("?"):
                raise PatternInvalid("of the groups that start with (? only (?: and (?P<name> are known")
            number = self.groups
            self.groups += 1
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise PatternInvalid(f"more than {_MOST_DEPTH} groups in each other")
        inner = self._alternatives()
        self._depth -= 1
        if not self._takes(")"):
            raise PatternInvalid("a ')' is missing")
        return inner if number is None else [_Step(save=2 * number), *inner, _Step(save=2 * number + 1)]

    def _quantified(self, atom: _Program) -> _Program:
        found = _QUANTIFIER.match(self._source, self._at)
        if found is None:
            return atom
        self._at = found.end()
        sign, least_told, comma, most_told, lazy = found.groups()
        least, most = _QUANTIFIERS[sign] if sign else _counts(least_told, comma, most_told)
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            raise PatternInvalid(f"a repetition is not from 0 to {_MOST_REPEATS}, or ends before it starts")
        if _QUANTIFIER.match(self._source, self._at):
            raise PatternInvalid(f"a repetition of a repetition at character {self._at + 1}")
        if _may_be_empty(atom):
            raise PatternInvalid("what is repeated may be empty")
        return _repeated(atom, least, most, is_lazy=bool(lazy))

    def _set(self) -> _Test:
        is_negated = self._takes("^")
        tests: list[_Test] = []
        while not tests or not self._takes("]"):
            first = self._take()
            test = self._one_of(first, in_set=True)
            if re.match(r"-[^]]", self._source[self._at :]):
                self._at += 1
                test = _between(first, self._take())
            tests.append(test)
        if is_negated:
            return lambda sign: not any(test(sign) for test in tests)
        return lambda sign: any(test(sign) for test in tests)

    def _one_of(self, sign: str, *, in_set: bool = False) -> _Test:
        if sign == "." and not in_set:
            return lambda other: other != "\n"
        if sign != "\\":
            return sign.__eq__
        escaped = self._take()
        if escaped in _CLASSES:
            return _CLASSES[escaped]
        if escaped.isalnum():
            raise PatternInvalid(f"\\{escaped} is not known")
        return escaped.__eq__

    def _take(self) -> str:
        if self._at == len(self._source):
            raise PatternInvalid("it ends too early")
        self._at += 1
        return self._source[self._at - 1]

    def _takes(self, text: str) -> bool:
        if not self._source.startswith(text, self._at):
            return False
        self._at += len(text)
        return True


def _counts(least: str, comma: str, most: str) -> tuple[int, int | None]:
    """Of ``{2}``, ``{2,}`` and ``{2,3}``."""
    if not comma:
        return int(least), int(least)
    return int(least), int(most) if most else None


def _between(first: str, last: str) -> _Test:
    if last < first or "\\" in (first, last):
        raise PatternInvalid(f"[{first}-{last}] is no range")
    return lambda sign: first <= sign <= last


def _repeated(atom: _Program, least: int, most: int | None, *, is_lazy: bool) -> _Program:
    program = atom * least
    if most is None:
        return [*program, _fork(len(atom) + 2, is_lazy), *atom, _Step(next=-len(atom) - 1)]
    optional: _Program = []
    for _ in range(most - least):
        optional = [_fork(len(atom) + len(optional) + 1, is_lazy), *atom, *optional]
    return program + optional


def _fork(other: int, is_lazy: bool) -> _Step:
    """Into what follows, or past it."""
    return _Step(next=other, other=1) if is_lazy else _Step(other=other)


def _may_be_empty(program: _Program) -> bool:
    """Whether the end can be reached without a sign."""
    seen, waiting = set[int](), [0]
    while waiting:
        number = waiting.pop()
        if number == len(program):
            return True
        if number not in seen and program[number].test is None:
            seen.add(number)
            step = program[number]
            waiting += [number + step.next, *([] if step.other is None else [number + step.other])]
    return False
