"""Decides which requests are answered: those for the server's own names, and only with its token if it has one.

A web page of another site can make its visitors' browsers send requests to a server on their own machine. Such a
request names the other site in the header Host (if the site's name was pointed at this machine) or Origin.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import secrets
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from birads_zoo.errors import UserError
from birads_zoo.serving.refusals import RefusedError

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]{1,5})?", re.IGNORECASE)
_LOCAL = ("localhost", "127.0.0.1", "::1")  # no other machine can have these names
_SHORTEST = 16  # characters of a token: nothing slows down clients that guess it


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may use the server.

    `names` are the server's own. `others` are the names that the user allowed, such as that of a proxy. `token` is the
    password of all users, "" for none.
    """

    names: frozenset[str]
    others: frozenset[str]
    token: str

    def check(self, headers: Collection[tuple[bytes, bytes]], address: str) -> None:
        """Check the headers of a request (names in lower case) that came to `address` of this machine.

        Raises:
            RefusedError: if the request is for another host or comes from another site's page (403), or has no token
                where one is needed (401).

        """
        name, port = _parse(_only(headers, b"host"))
        # An address, unlike a name, cannot be made to point elsewhere: the one that was reached is this server's own.
        if not name or name not in self.names | self.others | {_normalise(address)}:
            raise RefusedError(
                403,
                "this server does not answer for the name in the header Host; use its own name or address, or start "
                "it with --allow-host NAME",
            )
        if any(key == b"origin" for key, _ in headers):
            scheme, _, rest = _only(headers, b"origin").partition("://")
            origin, origin_port = _parse(rest if scheme in ("http", "https") else "")
            if (origin, origin_port) != (name, port) and origin not in self.others:
                raise RefusedError(
                    403, "this server does not answer pages of other sites, which the header Origin names"
                )
        if self.token and not secrets.compare_digest(_password(_only(headers, b"authorization")), self.token.encode()):
            raise RefusedError(
                401, "this server needs its token: as `Authorization: Bearer TOKEN`, or in a browser as the password"
            )


def access_for(host: str, others: Sequence[str] = (), token: str | None = None) -> Access:
    """Return the access to a server that listens on `host`, with the names of `--allow-host` and the token.

    Raises:
        UserError: for a name that is none, and a token that is too short or does not fit in a header.

    """
    parsed = [_parse(f"[{other}]" if other.count(":") > 1 and other[0] != "[" else other) for other in others]
    for other, (name, port) in zip(others, parsed, strict=True):
        if not name or port:
            raise UserError(
                f"--allow-host {other!r} is no host name; give a name such as mammograms.example.org, without http:// "
                "and without a port"
            )
    if token is not None and not re.fullmatch(rf"[!-~]{{{_SHORTEST},}}", token):
        raise UserError(
            f"a token has at least {_SHORTEST} characters, which are ASCII letters, digits or punctuation; make one "
            "with: python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    names = {*_LOCAL, host} if is_loopback(host) else {*_LOCAL, host, socket.gethostname()}
    return Access(
        names=frozenset(map(_normalise, names)),
        others=frozenset(name for name, _ in parsed),
        token=token or "",
    )


def is_loopback(host: str) -> bool:
    """Return whether `host` can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _only(headers: Collection[tuple[bytes, bytes]], name: bytes) -> str:
    """Return the value of a header, "" if there is none or more than one."""
    values = [value for key, value in headers if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _parse(host: str) -> tuple[str, str]:
    """Return the name and the port of a Host header, each "" if it is missing; both are "" if the header is invalid."""
    parts = _HOST.fullmatch(host)
    return (_normalise(parts[1]), parts[2] or "") if parts else ("", "")


def _normalise(host: str) -> str:
    """Return a name or an address in the form in which they are compared."""
    name = host.lower().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def _password(authorization: str) -> bytes:
    """Return the token in the header Authorization: of the scheme Bearer, or the password of the scheme Basic.

    A browser asks its user for a password, and sends it with every later request, so the page needs no login of its
    own. The user's name is ignored.
    """
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("latin-1")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return b""
