"""A language model behind an OpenAI-compatible address as a namer: OpenAI, vLLM, llama.cpp, Ollama, a gateway, ….

One request names up to ten topics of one level, siblings together. What a call may use is held by
:class:`~recsys.namers.ledger.Ledger`; how the model is asked is in :mod:`recsys.namers.prompt`. Requests go out in
waves, one for each thread, and their answers are taken in the order of the questions: a model that answers alike
gives the same names, however its answers overtake each other.

Sent to the server: names, terms and titles. Nothing else of the corpus, and nothing of its users.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import httpx

from recsys.errors import InvalidRequest
from recsys.namers import prompt
from recsys.namers.base import Names, Naming, Outcome, Prices, Progress, Usage, tidy
from recsys.namers.completions import Completion, Completions, Failure
from recsys.namers.ledger import Ledger, Limits, Tokens

__all__ = ["OpenAINamer"]

_FIRST_WAIT = 1.0  # seconds before the first repetition; doubled each time
_MAX_WAIT = 60.0  # however long the server asks to wait
#: Parameters that some servers refuse, and what to send in their place. OpenAI's newer models know only the newer name
#: of the first and no temperature but 1; Ollama and LM Studio only the older name, so that one is tried first.
_REPLACEMENTS = {"max_tokens": "max_completion_tokens", "temperature": None}


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a topic keeps its name."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Question:
    """One request to be sent: the topics, the messages about them, and the most tokens it may use."""

    topics: list[Naming]
    messages: list[dict[str, str]]
    worst: Tokens


class OpenAINamer:
    """Names topics with the chat model of an OpenAI-compatible server.

    Args:
        client: sends the requests; the caller closes it.
        url: base address as the server's documentation gives it, such as ``https://host/v1``.
        model: the model's name there.
        key: the API key, None or empty for a server that wants none. It is in no log, message or representation.
        prices: of a million tokens; without them the cost is unknown.
        limits: of each call of :meth:`name`.
        sleep: waits so many seconds.
        clock: seconds, from any start.

    Raises:
        InvalidRequest: the address, model or key cannot be one, or a cost limit stands without prices.
    """

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        model: str,
        *,
        key: str | None = None,
        prices: Prices | None = None,
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits or Limits()
        self._server = Completions(client, url, key=key, timeout=self._limits.timeout, clock=clock)
        self._model = model.strip()
        self._prices = prices
        self._sleep = sleep
        self._clock = clock
        self._refused: set[str] = set()  # parameters; it only grows, so threads may share it
        if not self._model:
            raise InvalidRequest("The namer's model is empty.", hint="Give the name of one the server has.")
        if self._limits.max_cost is not None and prices is None:
            raise InvalidRequest(
                f"A limit of the namer's cost, {self._limits.max_cost:g}, needs prices.",
                hint="Give the price of a million tokens, of the prompt and of the completion.",
            )

    def __repr__(self) -> str:
        return f"OpenAINamer(url={self._server.url!r}, model={self._model!r})"

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model

    @property
    def prompt(self) -> str:
        """Version of what the model is told."""
        return prompt.VERSION

    def estimate(self, requests: Sequence[Naming]) -> Usage:
        """See :meth:`recsys.namers.base.Namer.estimate`; the limits of cost, requests and time are not looked at.

        Tokens are guessed from the length of the text (:func:`recsys.namers.prompt.prompt_tokens`). A model that
        reasons before it answers writes more than this says.
        """
        names = Names(requests)
        parts = prompt.batches(requests, self._limits.batch)
        asked = sum(prompt.prompt_tokens(prompt.messages(part, names)) for part in parts)
        answered = sum(prompt.expected_tokens(len(part)) for part in parts)
        cost = None if self._prices is None else self._prices.cost(asked, answered)
        return Usage(len(parts), asked, answered, cost, estimated=True)

    def name(self, requests: Sequence[Naming], *, progress: Progress | None = None) -> Outcome:
        """See :meth:`recsys.namers.base.Namer.name`."""
        names = Names(requests)
        ledger = Ledger(self._limits, self._prices, self._clock)
        results: dict[str, str | _Refusal] = {}
        parts = prompt.batches(requests, self._limits.batch)
        with ThreadPoolExecutor(self._limits.threads, thread_name_prefix="namer") as pool:
            try:
                # A level is finished before the next begins: its new names are told to the model as parents' names.
                for _, level in groupby(parts, key=lambda part: part[0].level):
                    for question, reply in self._replies(list(level), names, ledger, pool):
                        results |= _taken(question.topics, reply, names, ledger)
                        if progress is not None:
                            progress(len(results), len(requests))
            except BaseException:
                ledger.stop("naming was interrupted")  # or the threads would go on repeating
                raise
        kept = _Refusal(ledger.stopped or "")  # those never asked for: something stopped the call
        ordered = [(request.topic, results.get(request.topic, kept)) for request in requests]
        return Outcome(
            names={topic: result for topic, result in ordered if isinstance(result, str)},
            failures={topic: result.reason for topic, result in ordered if isinstance(result, _Refusal)},
            usage=ledger.usage,
        )

    def _replies(
        self, waiting: list[list[Naming]], names: Names, ledger: Ledger, pool: Executor
    ) -> Iterator[tuple[_Question, dict[int, object] | Failure]]:
        """The answers about `waiting`, in its order, until nothing more may be sent."""
        while waiting and (wave := self._wave(waiting, names, ledger)):
            yield from zip(wave, pool.map(lambda question: self._ask(question, ledger), wave), strict=True)
            waiting = waiting[len(wave) :]

    def _wave(self, waiting: Sequence[list[Naming]], names: Names, ledger: Ledger) -> list[_Question]:
        """The next requests, as many as there are threads and the ledger grants; none if nothing may be sent."""
        wave: list[_Question] = []
        for part in waiting[: self._limits.threads]:
            asked = prompt.messages(part, names)
            worst = Tokens(prompt.prompt_tokens(asked), self._limits.max_tokens, estimated=True)
            reason = ledger.reserve(worst)
            if reason is not None:
                if not wave:  # nothing is under way that could give back what was set aside for it
                    ledger.stop(reason)
                break
            wave.append(_Question(part, asked, worst))
        return wave

    def _ask(self, question: _Question, ledger: Ledger) -> dict[int, object] | Failure:
        """Send what the ledger has granted, again where that may help. Runs on a thread.

        Returns:
            names as the model gave them, by the topics' numbers.
        """
        topics = len(question.topics)
        guess = Tokens(question.worst.prompt, prompt.expected_tokens(topics), estimated=True)
        repeated = 0
        while True:
            reply = self._server.post(self._payload(question.messages), guess)
            ledger.settle(question.worst, reply.used)
            if isinstance(reply, Completion):
                found = prompt.read_names(reply.text, topics)
                if found:
                    ledger.succeeded()
                    return found
                reply = Failure("the answer was cut off" if reply.cut else "the answer holds no names")
            if reply.hopeless:
                ledger.stop(reply.reason)
                return reply
            if reply.refused in _REPLACEMENTS:
                self._refused.add(reply.refused)
            else:
                last = not reply.repeat or repeated == self._limits.retries
                if last or reply.dead:  # a server that is only busy has its repetitions first
                    ledger.failed(reply.reason)
                if last or ledger.stopped is not None:
                    return reply
                self._sleep(min(_MAX_WAIT, _FIRST_WAIT * 2**repeated if reply.wait is None else reply.wait))
                repeated += 1
            if ledger.reserve(question.worst) is not None:
                return reply

    def _payload(self, messages: list[dict[str, str]]) -> dict[str, object]:
        """A request's body, without the parameters that the server has refused."""
        parameters: dict[str, object] = {"max_tokens": self._limits.max_tokens, "temperature": 0}
        for name, replacement in _REPLACEMENTS.items():
            if name in self._refused:
                value = parameters.pop(name)
                if replacement is not None:
                    parameters[replacement] = value
        return {"model": self._model, "messages": messages, **parameters}


def _taken(
    topics: Sequence[Naming], reply: dict[int, object] | Failure, names: Names, ledger: Ledger
) -> dict[str, str | _Refusal]:
    """Every one of `topics` with its new name, which it holds from now on, or with why it has none."""
    if isinstance(reply, Failure):
        return {request.topic: _Refusal(reply.reason) for request in topics}
    results: dict[str, str | _Refusal] = {}
    for n, request in enumerate(topics, start=1):
        answer = reply.get(n)
        name = tidy(answer) if isinstance(answer, str) else ""
        flaw = names.take(request, name) if name else "it has no name for this topic"
        results[request.topic] = name if flaw is None else _Refusal(f"the answer was refused: {flaw}")
    ledger.judged(fit=any(isinstance(result, str) for result in results.values()))
    return results
