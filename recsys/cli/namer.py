"""The namer that the settings describe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from recsys.errors import InvalidRequest
from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.namers.base import Namer


@contextmanager
def namer(settings: Settings) -> Iterator[Namer | None]:
    """What names topics; None where no server is set.

    Raises:
        InvalidRequest: the settings contradict each other, or the address is none.
    """
    if settings.namer_url is None:
        yield None
        return
    if settings.namer_model is None:
        raise InvalidRequest(
            "namer_url is set and namer_model is not.",
            hint="Set RECSYS_NAMER_MODEL to a model of that server.",
        )
    prices = (settings.namer_price_in, settings.namer_price_out)
    if (prices[0] is None) != (prices[1] is None):
        raise InvalidRequest(
            f"namer_price_in is {prices[0]} and namer_price_out is {prices[1]}.", hint="Set both, or neither."
        )
    # httpx takes a tenth of a second to import
    import httpx

    from recsys.namers.base import Prices
    from recsys.namers.ledger import Limits
    from recsys.namers.openai import OpenAINamer

    limits = Limits(
        max_cost=settings.namer_max_cost,
        max_requests=settings.namer_max_requests,
        max_seconds=settings.namer_max_seconds,
        max_tokens=settings.namer_max_tokens,
        threads=settings.namer_threads,
    )
    key = None if settings.namer_key is None else settings.namer_key.get_secret_value()
    with httpx.Client() as client:
        yield OpenAINamer(
            client,
            settings.namer_url,
            settings.namer_model,
            key=key,
            prices=None if prices[0] is None or prices[1] is None else Prices(prices[0], prices[1]),
            limits=limits,
        )
