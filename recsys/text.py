r"""TeX and markup in titles and abstracts become readable Unicode; everything else stays as it was.

Plain prose is full of characters that mean something to TeX or HTML: ``50% of users``, ``a < b and c > d``,
``R&D``, ``C_max``, ``$5 million and $10``, ``C:\temp``. So nothing here parses a text as a TeX or HTML
document. Each rule looks for one construct that prose does not contain by accident (an accent macro, a
style macro with its balanced argument, a pair of known tags, an entity with its semicolon) and rewrites
only that; what is not recognised is left untouched, braces and dollars without a partner included.
``pylatexenc`` says what a macro means.

Mathematics between dollar signs is never looked into: it stays as TeX.

The rules run until nothing changes any more, which makes the cleaning idempotent.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter

from recsys.tex import tex_to_unicode

__all__ = ["clean_text", "squeeze"]

# Enough for real text, where two passes do (`&amp;lt;i&amp;gt;` takes four). Text that is still changing then
# was made to, and is returned as it came.
_MAX_PASSES = 8

# Invisible characters that carry no meaning: controls, soft hyphen, zero-width space, directional marks and
# embeddings, word joiner, byte order mark, interlinear marks, non-characters (which tex.py uses as its
# marks). The zero-width joiner and non-joiner stay: Persian and Indic spelling needs them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufdd0-\ufdef\ufff9-\ufffb]"
)
# Bytes of Windows-1252 read as Latin-1, which is how curly quotes become controls in many old records.
_WINDOWS_1252 = {
    code: text for code in range(0x80, 0xA0) if (text := bytes([code]).decode("cp1252", "ignore"))
}
_MISREAD = re.compile("[\x80-\x9f]")
# A text without any of these has nothing to convert. Apostrophes count only doubled, hyphens only doubled.
_SPECIAL = re.compile(r"[\\{}$<&~]|``|--")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

_ATTRIBUTES = r"(?:\s+[\w:-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>=]+))*"
_STYLE_TAGS = (
    "i|b|u|em|strong|italic|bold|underline|roman|monospace|sub|sup|inf|tt|sc|small|big|span|font|scp"
)
_BLOCK_TAGS = "p|div|title|sec|list|list-item|label|li|ul|ol"
# JATS and MathML elements carry a prefix that prose never has: each of them goes, even without its partner.
_PREFIXED_TAG = re.compile(rf"</?(?:jats|mml|m):([A-Za-z-]+){_ATTRIBUTES}\s*/?>")
_ABSTRACT_HEADING = re.compile(r"<jats:title>\s*(?:Abstract|Summary)\s*[.:]?\s*</jats:title>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(rf"<(/?)({_STYLE_TAGS}|{_BLOCK_TAGS}|a(?=\s|>)){_ATTRIBUTES}\s*>", re.IGNORECASE)
_BLOCKS = frozenset(_BLOCK_TAGS.split("|"))
_NUMBER = re.compile(r"[-−]?[0-9]+")


def squeeze(text: str) -> str:
    """Unicode NFC without invisible characters, every run of white space one space, none at the ends."""
    if not text.isascii() and _MISREAD.search(text):
        text = text.translate(_WINDOWS_1252)
    text = _INVISIBLE.sub("", text)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


def clean_text(text: str, *, tex: bool = False) -> str:
    r"""Readable Unicode of a title, an abstract, a name.

    Args:
        text: what the source gave; must be valid Unicode (no lone surrogates).
        tex: the text is known to be TeX (a BibTeX field, an arXiv title), where every bare pair of
            braces only groups and a literal brace is written ``\{``; otherwise ``{a, b}`` is taken for a set.

    Returns:
        The cleaned text; cleaning it again (with the default ``tex=False``) changes nothing. Empty if nothing
        readable was there.
    """
    start = squeeze(text)
    if not _SPECIAL.search(start):
        return start
    if tex:
        start = squeeze(tex_to_unicode(_entities(start), groups=True))
    current = start
    for _ in range(_MAX_PASSES):
        cleaned = _one_pass(current)
        if cleaned == current:
            return cleaned
        current = cleaned
    return start


def _one_pass(text: str) -> str:
    text = _entities(text)
    if "<" in text:
        text = _without_tags(text)
    return squeeze(tex_to_unicode(text))


def _entities(text: str) -> str:
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def _without_tags(text: str) -> str:
    text = _ABSTRACT_HEADING.sub(" ", text)
    text = _PREFIXED_TAG.sub(lambda match: " " if match[1].lower() in _BLOCKS else "", text)
    text = _BREAK.sub(" ", text)
    replacements = _paired_tags(text)
    if not replacements:
        return text
    pieces, end = [], 0
    for start, stop, replacement in sorted(replacements):
        pieces += [text[end:start], replacement]
        end = stop
    return "".join([*pieces, text[end:]])


def _paired_tags(text: str) -> list[tuple[int, int, str]]:
    """(start, end, replacement) of every known tag that has its partner; a lone one is text."""
    open_tags: list[tuple[str, re.Match[str]]] = []
    waiting: Counter[str] = Counter()
    found: list[tuple[int, int, str]] = []
    for tag in _TAG.finditer(text):
        closing, name = tag[1], tag[2].lower()
        if not closing:
            open_tags.append((name, tag))
            waiting[name] += 1
        elif waiting[name]:
            opened_name = ""
            while opened_name != name:  # tags left open within this pair stay as text
                opened_name, opened = open_tags.pop()
                waiting[opened_name] -= 1
            found.append((*opened.span(), _opening_replacement(name, text, opened, tag)))
            found.append((*tag.span(), " " if name in _BLOCKS else ""))
    return found


def _opening_replacement(name: str, text: str, opened: re.Match[str], closed: re.Match[str]) -> str:
    if name in _BLOCKS:
        return " "
    # 10<sup>6</sup> must not become 106; CO<sub>2</sub> and 2<sup>nd</sup> read well without a mark.
    inside = text[opened.end() : closed.start()].strip()
    after_digit = text[: opened.start()][-1:].isdigit()
    return "^" if name == "sup" and after_digit and _NUMBER.fullmatch(inside) else ""
