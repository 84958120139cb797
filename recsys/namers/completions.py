"""One request to an OpenAI-compatible server, and what its response means: text, or a failure and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import orjson

from recsys.errors import InvalidRequest
from recsys.namers.ledger import NO_TOKENS, Tokens

__all__ = ["Completion", "Completions", "Failure"]

_PATH = "/chat/completions"
_CONNECT_SECONDS = 10.0
_MAX_BODY = 1_000_000  # bytes
_MAX_SHOWN = 200  # characters of a stranger's message
#: Every further request would be answered alike: wrong key, no money, no such address or model.
_HOPELESS = frozenset({401, 402, 403, 404, 405})
_BUSY = frozenset({408, 425, 429})
#: How servers say that they do not know a parameter, or do not know it with this value.
_REFUSALS = ("support", "unrecogni", "unknown", "unexpected", "permitted")


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote, what it used, and whether it was cut off at the longest answer allowed."""

    text: str
    used: Tokens
    cut: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request brought nothing.

    Attributes:
        reason: in words, without the key.
        repeat: the same request may succeed later.
        dead: no response came at all.
        hopeless: no request of this kind can succeed.
        wait: seconds that the server asks to wait before repeating it, or None.
        refused: the parameter that the server does not know, or None.
        used: tokens that it may be charged with.
    """

    reason: str
    repeat: bool = False
    dead: bool = False
    hopeless: bool = False
    wait: float | None = None
    refused: str | None = None
    used: Tokens = NO_TOKENS


class Completions:
    """The ``chat/completions`` of one server.

    Args:
        client: sends the requests; the caller closes it.
        url: base address, such as ``https://host/v1``.
        key: the API key; None or empty for a server that wants none.
        timeout: seconds for one answer, from sending the request to its last byte.
        clock: seconds, from any start.

    Raises:
        InvalidRequest: the address or the key cannot be one.
    """

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        *,
        key: str | None = None,
        timeout: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self.url = _endpoint(url)
        self._auth = _bearer(key)
        self._timeout = timeout
        self._clock = clock

    def __repr__(self) -> str:
        return f"Completions({self.url!r})"

    def post(self, payload: Mapping[str, object], guess: Tokens) -> Completion | Failure:
        """Send one request. Nothing is raised for what the network or the server does.

        Args:
            payload: the request's body.
            guess: tokens to reckon with where the server does not count them.
        """
        until = self._clock() + self._timeout
        try:
            with self._client.stream(
                "POST",
                self.url,
                json=payload,
                auth=self._auth,
                follow_redirects=False,
                timeout=httpx.Timeout(self._timeout, connect=min(self._timeout, _CONNECT_SECONDS)),
            ) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > _MAX_BODY:
                        return Failure(f"the answer has more than {_MAX_BODY:,} bytes", used=guess)
                    if self._clock() > until:
                        raise httpx.ReadTimeout("the answer did not end")
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Failure(self._told(error), repeat=True, dead=True)
        except (
            httpx.RequestError
        ) as error:  # it was sent: the model may have worked, and that may be charged for
            return Failure(self._told(error), repeat=True, dead=True, used=guess)
        if response.is_success:
            return _completion(bytes(body), guess)
        return self._failure(response, bytes(body), payload)

    def _told(self, error: httpx.RequestError) -> str:
        """A transport's error in words."""
        what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        detail = self._shown(str(error))
        return f"{self.url} {what}" + (f" ({detail})" if detail else "")

    def _failure(self, response: httpx.Response, body: bytes, payload: Mapping[str, object]) -> Failure:
        """What a response other than a successful one says."""
        status = response.status_code
        message, code = _error(body)
        if response.has_redirect_location:
            message = f"moved to {response.headers['Location']}"
        detail = self._shown(message)
        reason = f"{self.url} answered {status}" + (f" ({detail})" if detail else "")
        if response.is_redirect or status in _HOPELESS or code == "insufficient_quota":
            return Failure(reason, hopeless=True)
        if status in _BUSY or response.is_server_error:
            return Failure(reason, repeat=True, wait=_retry_after(response.headers))
        said = message.lower()
        unknown = any(word in said for word in _REFUSALS)
        refused = (name for name in sorted(payload.keys() - {"model", "messages"}) if name in said)
        return Failure(reason, refused=next(refused, None) if unknown else None)

    def _shown(self, text: str) -> str:
        """A stranger's text in one printable line without the key."""
        redacted = text if self._auth is None else self._auth.redacted(text)
        line = " ".join("".join(c if c.isprintable() else " " for c in redacted).split())
        return line if len(line) <= _MAX_SHOWN else f"{line[: _MAX_SHOWN - 1]}…"


class _Bearer(httpx.Auth):
    """Holds the key, so that no request's arguments, and nothing printed of them, do."""

    def __init__(self, key: str) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key}"
        yield request

    def redacted(self, text: str) -> str:
        return text.replace(self._key, "***")


def _endpoint(url: str) -> str:
    """The address that requests go to.

    Raises:
        InvalidRequest: it is no plain address. What it holds is not repeated where it may be a secret.
    """
    hint = "Give the base address of the server's OpenAI-compatible interface, such as https://host/v1."
    try:
        parsed = httpx.URL(url.strip())
        parsed.host.encode("idna")  # what the socket will do
    except (httpx.InvalidURL, UnicodeError):
        raise InvalidRequest("The namer's address cannot be read.", hint=hint) from None
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise InvalidRequest(
            "The namer's address holds a user name, a query or a fragment, which would be logged.",
            hint="Give the address alone, and the key as RECSYS_NAMER_KEY.",
        )
    if parsed.scheme not in ("http", "https") or not parsed.host:
        begins = f"{parsed.scheme}:" if parsed.scheme else "no scheme"
        raise InvalidRequest(
            f"The namer's address begins with {begins} instead of http:// or https://.", hint=hint
        )
    if not 0 < (parsed.port or 443) < 65_536:
        raise InvalidRequest(f"The namer's address has the port {parsed.port}, and there is none.", hint=hint)
    path = parsed.path.rstrip("/")
    return str(parsed.copy_with(path=path if path.endswith(_PATH) else path + _PATH))


def _bearer(key: str | None) -> _Bearer | None:
    stripped = (key or "").strip()
    # Checked here because the HTTP library's own message repeats the header that it refuses.
    if not all("!" <= c <= "~" for c in stripped):
        raise InvalidRequest(
            "The namer's key holds a character that no key has.",
            hint="Set RECSYS_NAMER_KEY to the key alone.",
        )
    return _Bearer(stripped) if stripped else None


def _completion(body: bytes, guess: Tokens) -> Completion | Failure:
    """What a successful response holds."""
    try:
        value = orjson.loads(body)
        choice = value["choices"][0]
        text = _text(choice["message"]["content"])
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
        return Failure("the answer has not the form of a chat completion", used=guess)
    return Completion(text, _counted(value.get("usage"), guess), choice.get("finish_reason") == "length")


def _text(content: object) -> str:
    """A message's content, which some servers give in parts and leave out when it is empty.

    Raises:
        TypeError: it is nothing of that.
    """
    if content is None:
        return ""
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        raise TypeError
    return content


def _counted(usage: object, guess: Tokens) -> Tokens:
    """The server's count of tokens, or the guess where it has none that can be one."""
    if not isinstance(usage, dict):
        return guess
    asked, answered = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(asked) is not int or type(answered) is not int or min(asked, answered) < 0:
        return guess
    return Tokens(asked, answered)


def _error(body: bytes) -> tuple[str, object]:
    """Message and code of an error's body: OpenAI's form, FastAPI's, or the text itself."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace"), None
    inner = value.get("error", value) if isinstance(value, dict) else value
    if not isinstance(inner, dict):
        return str(inner), None
    message = inner.get("message", inner.get("detail", ""))
    return (message if isinstance(message, str) else orjson.dumps(message).decode()), inner.get("code")


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds that a response asks to wait: a number or a date (RFC 9110, section 10.2.3), None without either."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
