"""``python -m recsys.cli``: the same as ``recsys``."""

from recsys.cli.main import main

main()
