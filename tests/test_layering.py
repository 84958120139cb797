"""Who may import whom (ARCHITECTURE.md, "Layout"). Read from the source, so that no import escapes."""

import ast
from pathlib import Path

import pytest

import recsys

ROOT = Path(recsys.__file__).parent

# package or module → what of recsys it may import, besides itself
LEAVES = {"errors", "records", "text"}
ALLOWED = {
    "errors": set(),
    "text": {"tex"},
    "tex": set(),
    "records": {"errors"},
    "settings": {"errors"},
    "sample": set(),
    "sources": LEAVES,
    "store": LEAVES,
    "embedding": LEAVES,
    "index": LEAVES,
    "recommend": LEAVES,
    "topics": LEAVES,
    "namers": LEAVES,
    "build": LEAVES | {"sources", "store", "embedding", "index", "recommend", "topics", "namers"},
    "evaluation": LEAVES | {"service", "topics"},
    "service": LEAVES | {"store", "index", "embedding", "recommend", "topics"},
    "deployment": LEAVES | {"settings", "store", "index", "embedding", "service"},
    "api": LEAVES | {"settings", "service", "deployment", "store"},
    "cli": LEAVES
    | {
        "settings",
        "deployment",
        "build",
        "service",
        "api",
        "sources",
        "sample",
        "index",
        "embedding",
        "evaluation",
        "topics",
        "namers",
        "store",
    },
}


def imports(path: Path) -> set[str]:
    """The parts of recsys that a file imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    inside = [name.split(".") for name in found]
    return {
        parts[1] for parts in inside if parts[0] == "recsys" and len(parts) > 1 and parts[1] != "__version__"
    }


def part(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_what_its_layer_may(path):
    name = part(path)
    if name == "__init__":
        assert imports(path) == set()
        return
    assert imports(path) - {name} <= ALLOWED[name]
