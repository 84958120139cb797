"""What a namer is asked, what it answers, and the check that its answers pass before anybody sees them."""

from __future__ import annotations

import math
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from recsys.errors import InvalidRequest
from recsys.records import title_key

__all__ = [
    "MAX_CHARACTERS",
    "MAX_WORDS",
    "Namer",
    "Names",
    "Naming",
    "Outcome",
    "Prices",
    "Progress",
    "Usage",
    "flaw",
    "signature",
    "tidy",
]

MAX_WORDS = 6
MAX_CHARACTERS = 60

#: Called with (topics done, topics in all).
Progress: TypeAlias = Callable[[int, int], None]

#: What a name may hold besides letters, marks, digits and single spaces. Nothing of this can open markup, quote,
#: or make an address that some page would turn into a link.
_PUNCTUATION = frozenset("-‐‑–/&+#,'’()")  # hyphen-minus, two typographic hyphens, en dash, …
_SAYING_NOTHING = """
general|misc|miscellaneous|n/a|name|none|null|other|others|papers|research|research topic|topic|unknown|unnamed|untitled|various
"""
_EMPTY_NAMES = frozenset(title_key(name) for name in _SAYING_NOTHING.split("|"))


@dataclass(frozen=True, slots=True)
class Naming:
    """One topic to be named.

    Attributes:
        topic: its id.
        level: 1 for the coarsest.
        name: the name it has without a namer, and keeps where the namer fails.
        terms: the most telling first.
        titles: of the papers at its centre, the most central first. Strangers wrote them.
        parent: the name of the topic that holds it, None at level 1.
        siblings: names of the topics beside it under the same parent.
        taken: names of any other topics; the topic's own may be among them.
    """

    topic: str
    level: int
    name: str
    terms: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    parent: str | None = None
    siblings: tuple[str, ...] = ()
    taken: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, in any one currency.

    Raises:
        InvalidRequest: a price is negative or no number.
    """

    prompt: float
    completion: float

    def __post_init__(self) -> None:
        for kind, price in (("prompt", self.prompt), ("completion", self.completion)):
            if not (math.isfinite(price) and price >= 0):
                raise InvalidRequest(
                    f"The price of a million {kind} tokens is {price}.",
                    hint="Give it as a number of 0 or more.",
                )

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """What naming used, or is expected to use.

    Attributes:
        requests: requests sent, repeated ones included.
        prompt_tokens: tokens read by the model.
        completion_tokens: tokens written by it, those of its reasoning included.
        cost: in the currency of the prices, None where no prices were given.
        estimated: some of the numbers are estimates, because nothing was sent yet or an answer did not say.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call: every topic asked for stands in exactly one of the two mappings.

    Attributes:
        names: topic id → new name, in the order asked. All passed the check of :class:`Names`.
        failures: topic id → why it keeps its offline name, in the order asked.
        usage: what the call used.
    """

    names: Mapping[str, str]
    failures: Mapping[str, str]
    usage: Usage


class Namer(Protocol):
    """Something that names topics."""

    @property
    def model(self) -> str:
        """What writes the names, such as the name of a language model."""
        ...

    @property
    def prompt(self) -> str:
        """Version of how it is asked."""
        ...

    def name(self, requests: Sequence[Naming], *, progress: Progress | None = None) -> Outcome:
        """Name topics; what cannot be named is in the outcome's failures, and nothing is raised for it.

        Args:
            requests: the topics, each once. The order decides who gets a name that two topics are given.
            progress: called now and then with (topics done, topics in all).

        Raises:
            InvalidRequest: a topic is asked for twice.
        """
        ...

    def estimate(self, requests: Sequence[Naming]) -> Usage:
        """What :meth:`name` would use if every request were answered at once. Nothing is sent."""
        ...


def signature(namer: Namer) -> str:
    """What to remember beside a name, to ask again when another model or another prompt would answer."""
    return f"{namer.model}@{namer.prompt}"


def tidy(name: str) -> str:
    """`name` in composed Unicode without white space or a full stop around it."""
    return unicodedata.normalize("NFC", name).strip().removesuffix(".").rstrip()


def flaw(name: str) -> str | None:
    """Why `name` is not fit to be a topic's, or None when it is: see :data:`MAX_WORDS` and the characters allowed.

    A full stop may stand between digits only ("Web 2.0"): elsewhere it ends a sentence or makes an address.
    """
    if not title_key(name):
        return "it holds no letter or digit"
    if len(name) > MAX_CHARACTERS:
        return f"it has {len(name):,} characters, more than {MAX_CHARACTERS}"
    strange = next((c for i, c in enumerate(name) if not _allowed(name, i)), None)
    if strange is not None:
        return f"it holds the character {strange!a}"
    if not name[0].isalnum():
        return f"it begins with {name[0]}"
    words = len(name.split(" "))
    if words > MAX_WORDS:
        return f"it has {words} words, more than {MAX_WORDS}"
    return "it says nothing" if title_key(name) in _EMPTY_NAMES else None


def _allowed(name: str, i: int) -> bool:
    """Whether the character at `i` may stand there."""
    c = name[i]
    if c == " ":
        return 0 < i < len(name) - 1 and name[i - 1] != " "
    if c == ".":
        return name[i - 1 : i].isdecimal() and name[i + 1 : i + 2].isdecimal()
    return c in _PUNCTUATION or unicodedata.category(c)[0] in "LMN"


class Names:
    """The names in use while topics are being named: none is ever held by two topics.

    Two names are the same if :func:`~recsys.records.title_key` says so: case, accents, punctuation and spacing do not
    make a name another. A topic holds its offline name until it is given a better one, so that whatever fails
    later, all names differ if they differed before.

    Raises:
        InvalidRequest: a topic is asked for twice.
    """

    def __init__(self, requests: Sequence[Naming]) -> None:
        self._holders: defaultdict[int, set[str]] = defaultdict(set)
        self._renamed: dict[int, str] = {}
        asked: set[str] = set()
        for request in requests:
            if request.topic in asked:
                raise InvalidRequest(
                    f"Topic {request.topic!r} is to be named twice.", hint="Ask for each topic once."
                )
            asked.add(request.topic)
            self._holders[title_key(request.name)].add(request.topic)
        for name in _mentioned(requests):
            holders = self._holders[title_key(name)]
            if not holders:
                holders.add("")  # a topic that is not being named, and so will not give it up

    def current(self, name: str) -> str:
        """`name`, or what the topic that had it at the start is called now."""
        return self._renamed.get(title_key(name), name)

    def take(self, request: Naming, name: str) -> str | None:
        """Give the topic of `request` this name if it is fit and free; otherwise say why not.

        Args:
            request: one of those the object was made for.
            name: as :func:`tidy` gives it.

        Returns:
            None when the topic has the name now, else the reason, to follow "the answer was refused because".
        """
        reason = flaw(name)
        if reason is not None:
            return reason
        before, after = title_key(request.name), title_key(name)
        if self._holders[after] - {request.topic}:
            return f"another topic is called {name}"
        self._holders[before].discard(request.topic)
        self._holders[after].add(request.topic)
        self._renamed[before] = name
        return None


def _mentioned(requests: Sequence[Naming]) -> list[str]:
    """Every name that the requests say is another topic's, once; the order does not matter to the caller."""
    names: set[str] = set()
    for request in requests:
        names.update(request.siblings, request.taken)
        if request.parent is not None:
            names.add(request.parent)
    return sorted(names)
