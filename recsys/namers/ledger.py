"""What a call to a paid, fallible server may use, what it used, and when it is time to stop."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from recsys.errors import InvalidRequest
from recsys.namers.base import Prices, Usage

__all__ = ["NO_TOKENS", "Ledger", "Limits", "Tokens"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How far one call of a namer may go.

    Attributes:
        max_cost: ceiling of the cost, in the currency of the prices, or None. A request is sent only if the longest
            answer that it allows would still be within it.
        max_requests: ceiling of the requests sent, repeated ones included, or None.
        max_seconds: no request is sent after so many seconds.
        max_failures: failures in a row after which the server is taken for dead.
        max_tokens: longest answer to one request, a model's reasoning included.
        timeout: seconds for one answer, from sending the request to its last byte.
        retries: how often a request is repeated that met a busy, failing or silent server.
        threads: requests under way at once, 1 to 4.
        batch: topics in one request.

    Raises:
        InvalidRequest: a value is out of range.
    """

    max_cost: float | None = None
    max_requests: int | None = None
    max_seconds: float = 900.0
    max_failures: int = 5
    max_tokens: int = 2_000
    timeout: float = 120.0
    retries: int = 3
    threads: int = 2
    batch: int = 10

    def __post_init__(self) -> None:
        self._between("max_cost", self.max_cost, 0, math.inf)
        self._between("max_requests", self.max_requests, 0, math.inf)
        self._between("max_seconds", self.max_seconds, 0, math.inf)
        self._between("max_failures", self.max_failures, 1, 1_000)
        self._between("max_tokens", self.max_tokens, 1, 1_000_000)
        self._between("timeout", self.timeout, 0.001, 3_600)
        self._between("retries", self.retries, 0, 10)
        self._between("threads", self.threads, 1, 4)
        self._between("batch", self.batch, 1, 50)

    @staticmethod
    def _between(name: str, value: float | None, low: float, high: float) -> None:
        if value is not None and not low <= value <= high:
            span = f"between {low} and {high}" if high < math.inf else f"of {low} or more"
            raise InvalidRequest(f"A namer's {name} is {value}.", hint=f"Give a number {span}.")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one request. `estimated` where the server did not count them."""

    prompt: int = 0
    completion: int = 0
    estimated: bool = False


NO_TOKENS = Tokens()


class Ledger:
    """The account of one call, shared by its threads.

    Args:
        limits: what may be used.
        prices: what tokens cost, or None when nobody said.
        clock: seconds, from any start.
    """

    def __init__(self, limits: Limits, prices: Prices | None, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._prices = prices
        self._clock = clock
        self._deadline = clock() + limits.max_seconds
        self._lock = threading.Lock()
        self._requests = 0
        self._used = NO_TOKENS
        self._reserved = NO_TOKENS
        self._failures = 0
        self._unfit = 0
        self._stopped: str | None = None

    @property
    def stopped(self) -> str | None:
        """Why nothing more may be sent; None while something may."""
        with self._lock:
            return self._stopped

    @property
    def usage(self) -> Usage:
        """What was used until now."""
        with self._lock:
            used = self._used
            return Usage(
                self._requests, used.prompt, used.completion, self._priced(used), estimated=used.estimated
            )

    def stop(self, reason: str) -> None:
        """Let nothing more be sent. The first reason stays."""
        with self._lock:
            self._stopped = self._stopped or reason

    def reserve(self, worst: Tokens) -> str | None:
        """Ask to send one request that may use as many as `worst`; None means yes, else the text says why not.

        Every yes is followed by one :meth:`settle`.
        """
        with self._lock:
            reason = self._stopped or self._exceeded(worst)
            if reason is None:
                self._requests += 1
                self._reserved = _sum(self._reserved, worst)
            return reason

    def settle(self, worst: Tokens, used: Tokens) -> None:
        """Enter what a request really used in place of what :meth:`reserve` set aside."""
        with self._lock:
            self._reserved = _sum(self._reserved, Tokens(-worst.prompt, -worst.completion))
            self._used = _sum(self._used, used)

    def failed(self, reason: str) -> None:
        """Count a failure; stop at the last that is allowed in a row."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._limits.max_failures and self._stopped is None:
                self._stopped = f"the server was given up after {self._failures} failures in a row, the last of them: {reason}"

    def succeeded(self) -> None:
        """A request was answered usefully: the failures before it no longer count."""
        with self._lock:
            self._failures = 0

    def judged(self, *, fit: bool) -> None:
        """Say whether an answer held a fit name; stop after as many in a row without one as of failures."""
        with self._lock:
            self._unfit = 0 if fit else self._unfit + 1
            if self._unfit >= self._limits.max_failures and self._stopped is None:
                self._stopped = (
                    f"the model was given up after {self._unfit} answers in a row without a fit name"
                )

    def _priced(self, tokens: Tokens) -> float | None:
        return None if self._prices is None else self._prices.cost(tokens.prompt, tokens.completion)

    def _exceeded(self, worst: Tokens) -> str | None:
        limits = self._limits
        if self._clock() >= self._deadline:
            return f"the time for naming, {limits.max_seconds:g} seconds, was over"
        if limits.max_requests is not None and self._requests >= limits.max_requests:
            return f"the limit of {limits.max_requests:,} requests was reached"
        ahead = self._priced(_sum(_sum(self._used, self._reserved), worst))
        if limits.max_cost is not None and ahead is not None and ahead > limits.max_cost:
            return f"the next request might have taken the cost above the limit of {limits.max_cost:g}"
        return None


def _sum(a: Tokens, b: Tokens) -> Tokens:
    return Tokens(a.prompt + b.prompt, a.completion + b.completion, a.estimated or b.estimated)
