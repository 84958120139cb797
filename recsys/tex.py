r"""One pass of TeX → Unicode over a text that may be no TeX at all (see :mod:`recsys.text`).

Every rule rewrites one complete construct, innermost first: an argument is taken only when it holds no brace
itself, so nested constructs resolve over several passes, nothing recurses and unbalanced braces simply stay.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any

__all__ = ["tex_to_unicode"]

_TRIGGER = re.compile(r"[\\{}$~]|``|--")

# Spans that are never looked into: mathematics, addresses, Windows paths.

# An opening dollar has text right behind it, a closing one text right before it and no digit behind:
# "$5 and $10" is money. A macro inside allows the digit ("77$\to$84"); a macro, ^ or _ allows padding.
_MATH = (
    r"(?<!\\)(?:\$\$(?!\$)[^$]+\$\$"
    r"|\$(?=[^\s$])(?:[^$\\]|\\.)*?(?<=\S)\$(?!\d)"
    r"|\$(?=[^\s\d$][^$]*\\[A-Za-z]|\\[A-Za-z])(?:[^$\\]|\\.)+?(?<=\S)\$"
    r"|\$(?=[^$]*[\\^_])(?:[^$\\]|\\.)+?\$(?!\d))"
)
_URL = r"\b(?:https?|ftp)://[^\s{}<>\\$]+"
_WINDOWS_PATH = r"(?<![A-Za-z0-9])[A-Za-z]:\\[^\s{}$]*|(?<!\\)\\\\[A-Za-z0-9][\w.-]*\\[^\s{}$]*"
_SHIELDED = re.compile(f"{_MATH}|{_URL}|{_WINDOWS_PATH}", re.DOTALL)
# Marks for the time of one pass; text.py removes these non-characters from every text first.
_MARK, _MARK_END, _BRACE, _BRACE_END = "\ufdd2", "\ufdd3", "\ufdd0", "\ufdd1"
_MARKED = re.compile(f"{_MARK}([0-9]+){_MARK_END}")
_INLINE_MATH = re.compile(r"(?<!\\)\\\((.{1,2000}?)(?<!\\)\\\)|(?<!\\)\\\[(.{1,2000}?)(?<!\\)\\\]", re.DOTALL)

# Constructs.

_ACCENT = (
    r"\\['\"`^~=.](?:\{(?:[A-Za-z]|\\[ij])\}|\\[ij](?![A-Za-z])|[A-Za-z])"
    r"|\\[cvHukrdbt]\s*\{(?:[A-Za-z]{1,2}|\\[ij])\}"
    r"|\\[cvHuk] [A-Za-z]"
)
_ACCENTS = re.compile(rf"\{{\s*(?:{_ACCENT})\s*\}}|{_ACCENT}")
_ESCAPED_APOSTROPHE = re.compile(r"(?<=[A-Za-z])\\'(?=(?:s|re|ll|m|ve|d|t)\b)")
_LETTER_NAMES = "ss|aa|AA|ae|AE|oe|OE|dh|DH|dj|DJ|th|TH|ng|NG|o|O|l|L|i|j"
# A macro of a letter swallows the space behind it, as in TeX: Stra\ss e.
_LETTER = re.compile(
    rf"\{{\s*\\({_LETTER_NAMES})\s*\}}|\\({_LETTER_NAMES})(?:\{{\}}| (?=[a-z])|(?![A-Za-z]))"
)
_SYMBOL = re.compile(r"\{\s*\\([A-Za-z]{2,})\s*\}|\\([A-Za-z]{2,})(?![A-Za-z*])(?:\{\}|(?!\s*[{\[]))")
_OWN_SYMBOLS = {
    "LaTeX": "LaTeX", "TeX": "TeX", "BibTeX": "BibTeX", "ldots": "…", "dots": "…", "textellipsis": "…",
    "xspace": "", "noindent": "", "protect": "", "centering": "", "par": " ", "newline": " ",
    "linebreak": " ", "quad": " ", "qquad": " ", "textquotesingle": "'",
    "textquotedbl": '"', "textunderscore": "_",
    "textless": "<", "textgreater": ">", "textbar": "|", "textasciicircum": "^", "textasciitilde": "~",
    "slash": "/", "textbullet": "•", "texttrademark": "™", "copyright": "©", "pounds": "£",
}  # fmt: skip

_STYLE = re.compile(
    r"\\(?:text(?:bf|it|rm|sc|sf|sl|tt|up|md|normal|superscript|subscript)?|emph|uline|underline|sout|mbox|hbox|url"
    r"|path|nolinkurl|uppercase|MakeUppercase|lowercase|enquote|math(?:rm|bf|it|sf|tt|cal|bb))\*?\s*\{([^{}]*)\}"
)
_LINK = re.compile(r"\\(?:href|textcolor)\s*\{[^{}]*\}\s*\{([^{}]*)\}")
_FOOTNOTE = re.compile(r"\s*\\(?:footnote|thanks)\s*\{([^{}]*)\}")
_ENSURE_MATH = re.compile(r"\\ensuremath\s*\{([^{}]*)\}")
_REFERENCE = re.compile(
    r"[~\s]{0,3}\\(?:cite[a-zA-Z]*|(?:auto|eq|page|name|[cCvV])?ref|label|footnotemark|[hv]space)\*?(?:\[[^\[\]{}]*\]){0,2}\s*\{[^{}]*\}"
)
_DECLARATION = re.compile(
    r"\{\s*\\(?:em|it|bf|tt|sc|sf|sl|rm|(?:it|sl|sc|up)shape|(?:bf|md)series|(?:rm|sf|tt)family|small|large|tiny"
    r"|footnotesize|normalsize)(?![A-Za-z])\s*([^{}]*)\}"
)
# A bare group: not the argument of a macro that was not understood, nor of another argument.
_GROUP = re.compile(r"(?<![\\}\]A-Za-z*])\{([^{}]*)\}|(?<![\\A-Za-z])([A-Za-z]+)\{([^{}]*)\}")

_ESCAPED = re.compile(r"\{\\([&%$#_])\}|\\([&%$#_])")
_LINE_BREAK = re.compile(r"(?<!\\)\\\\(?:\[[^\[\]]*\])?(?=\s|$)")
_CONTROL_SPACE = re.compile(r"(?<=[^\s\\])\\[ ,](?=\S)")
_MAX_DEPTH = 20
_HYPHENATION = re.compile(r"(?<=[A-Za-z])\\-(?=[a-z])")
_TIE = re.compile(rf"(?:(?<=[A-Za-z][A-Za-z])|(?<=[.)]))~(?=[0-9A-Z({_MARK}])")
_QUOTED = re.compile(r"(?<!`)``(?=[^`\s'\"])([^`]*?)(?<=\S)(?:''|\")")
_EM_DASH = re.compile(r"(?:(?<=[\w)\]”])|(?<=\s))(?<!-)---(?!-)(?:(?=[\w(\[“])|(?=\s))")
_EN_DASH = re.compile(r"(?:(?<=[\w)\]”])--(?=[\w(\[“])|(?<=\s)--(?=\s))")


def tex_to_unicode(text: str, *, groups: bool = False) -> str:
    """One pass over `text`; with `groups`, all bare pairs of braces are taken off, nested ones too."""
    if not _TRIGGER.search(text):
        return text
    shielded: list[str] = []

    def shield(match: re.Match[str]) -> str:
        shielded.append(match[0])
        return f"{_MARK}{len(shielded) - 1}{_MARK_END}"

    text = _INLINE_MATH.sub(lambda match: f"${(match[1] or match[2]).strip()}$", text)
    text = _SHIELDED.sub(shield, text)
    text = text.replace("\\{", _BRACE).replace("\\}", _BRACE_END)
    text = _without_groups(text) if groups else _macros(text)
    text = _punctuation(text)
    text = text.replace(_BRACE, "{").replace(_BRACE_END, "}")
    return _MARKED.sub(lambda match: shielded[int(match[1])], text)


def _macros(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPED_APOSTROPHE.sub("'", text)
    text = text.replace("/\\~{}", "/~").replace("/\\~", "/~").replace("\\/", "/")
    text = _ACCENTS.sub(lambda match: _accent(match[0]), text)
    text = _LETTER.sub(lambda match: _printed().get(match[1] or match[2], match[0]), text)
    text = _SYMBOL.sub(_symbol_of, text)
    text = _REFERENCE.sub("", text)
    text = _LINK.sub(r"\1", text)
    text = _STYLE.sub(r"\1", text)
    text = _DECLARATION.sub(r"\1", text)
    text = _FOOTNOTE.sub(r" (\1)", text)
    text = _ENSURE_MATH.sub(r"$\1$", text)
    text = _LINE_BREAK.sub(" ", text)
    text = _ESCAPED.sub(lambda match: match[1] or match[2], text)
    text = _CONTROL_SPACE.sub(" ", text)
    return _HYPHENATION.sub("", text)


def _punctuation(text: str) -> str:
    text = _TIE.sub(" ", text)
    text = _QUOTED.sub(r"“\1”", text)
    text = _EM_DASH.sub("—", text)
    return _EN_DASH.sub("–", text)


def _without_groups(text: str) -> str:
    """Macros and bare groups resolved in turn from the inside out, to a depth no real text reaches."""
    for _ in range(_MAX_DEPTH):
        opened = _GROUP.sub(lambda match: match[1] or (match[2] or "") + (match[3] or ""), _macros(text))
        if opened == text:
            break
        text = opened
    return text


def _symbol_of(match: re.Match[str]) -> str:
    name = match[1] or match[2]
    # src\to\file: a short macro glued to a word is more likely no macro.
    glued = match.start() > 0 and match.string[match.start() - 1].isalpha()
    if glued and len(name) <= 3:
        return match[0]
    return _printed().get(name, match[0])


@cache
def _printed() -> dict[str, str]:
    """Macros that take no argument → what each prints, as pylatexenc has it."""
    from pylatexenc.latex2text import get_default_latex_context_db

    specs = get_default_latex_context_db().iter_macro_specs(["advanced-symbols", "latex-base"])
    known = {spec.macroname: spec.simplify_repl for spec in specs}
    symbols = {name: text for name, text in known.items() if isinstance(text, str) and "%" not in text}
    return {name: text for name, text in symbols.items() if text.strip() and name != "today"} | _OWN_SYMBOLS


@cache
def _converter() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(math_mode="verbatim", keep_comments=True)


@lru_cache(maxsize=4096)
def _accent(code: str) -> str:
    """The one letter that an accent macro prints; `code` itself where Unicode has no such letter."""
    inner = code[1:-1] if code.startswith("{") else code
    printed = unicodedata.normalize("NFC", _converter().latex_to_text(inner).strip())
    return printed if len(printed) == 1 and printed.isalpha() else code
