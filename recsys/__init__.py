"""Self-hosted topic analysis and recommendation over scholarly abstracts."""

__version__ = "0.1.0"
