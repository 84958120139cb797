import os
import subprocess
import sys

import pytest

from recsys.build.lock import writing
from recsys.errors import LockHeld


def test_the_second_is_told_who_holds_the_lock(tmp_path):
    path = tmp_path / "recsys.lock"
    holding = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from recsys.build.lock import writing\n"
            "with writing(Path(sys.argv[1]), 'recsys build'): print('held', flush=True); sys.stdin.read()",
            str(path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holding.stdout.readline() == b"held\n"
        said = rf"`recsys build`, process {holding.pid} on .*, since \d{{4}}-"
        with pytest.raises(LockHeld, match=said), writing(path, "recsys build"):
            pass
    finally:
        holding.kill()
        holding.communicate()
    with writing(path, "recsys ingest jsonl"):  # the kernel let go of it
        assert str(os.getpid()) in (tmp_path / "recsys.lock.holder").read_text()
    assert not (tmp_path / "recsys.lock.holder").exists()
