"""Where papers come from: one module a source, each with fetching (network) apart from parsing (pure)."""

from recsys.sources.base import SOURCES, Progress, Record, Rejected, Source, make_paper, source

__all__ = ["SOURCES", "Progress", "Record", "Rejected", "Source", "make_paper", "source"]
