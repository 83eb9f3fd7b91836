"""Which requests are answered: by the headers Host and Origin, and by the token."""

import base64
import socket

import pytest
from fastapi.openapi.models import OpenAPI
from starlette.testclient import TestClient

from birads_zoo.errors import UserError
from birads_zoo.serving.access import access_for
from birads_zoo.serving.app import build_app
from birads_zoo.serving.refusals import RefusedError

ROUTES = (("GET", "/"), ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/no-such"), ("POST", "/predict"))
TOKEN = "correct-horse-battery-staple:~!"


@pytest.fixture(scope="module")
def client_of(queue):
    """In-process clients of servers that listen on 127.0.0.1, port 7860: `client_of(access)`."""
    return lambda access: TestClient(build_app(queue, access), base_url="http://127.0.0.1:7860")


@pytest.fixture(scope="module")
def client(client_of, local):
    return client_of(local)


OWN_NAMES = (
    "127.0.0.1",
    "127.0.0.1:7860",
    "127.0.0.1:9000",  # a forwarded port
    "localhost",
    "LocalHost:7860",
    "localhost.:7860",
    "[::1]",
    "[::1]:7860",
    "[0:0:0:0:0:0:0:1]:7860",
)
FOREIGN_NAMES = (
    "evil.example",
    "evil.example:7860",
    "127.0.0.1.evil.example",
    "localhost.evil.example:7860",
    "evil.example.localhost",
    "localhost@evil.example",
    "evil.example@localhost",
    "evil.example/localhost",
    "localhost evil.example",
    "localhost, evil.example",
    "169.254.169.254",
    "0.0.0.0:7860",
    "192.168.0.7",
    "[::1",
    "::1",
    "[::2]:7860",
    "[::ffff:7f00:1]",
    "localhost:http",
    "localhost:786000",
    ":7860",
    ".",
    "",
    "lo\xe7alhost",
    "*",
)


@pytest.mark.parametrize("host", OWN_NAMES)
def test_requests_for_the_servers_own_names_are_answered(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", FOREIGN_NAMES)
def test_requests_for_other_hosts_are_refused_on_every_route(client, host):
    for method, route in ROUTES:
        response = client.request(method, route, headers={"host": host.encode("latin-1")}, content=b"x")
        assert response.status_code == 403, route
        assert "start it with --allow-host NAME" in response.json()["detail"]
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert "www-authenticate" not in response.headers


@pytest.mark.parametrize("headers", [[], [(b"host", b"localhost"), (b"host", b"evil.example")]])
@pytest.mark.parametrize("address", ["127.0.0.1", ""])
def test_a_request_without_one_host_is_refused(local, headers, address):
    with pytest.raises(RefusedError, match="header Host"):
        local.check(headers, address)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:7860", "https://127.0.0.1:7860"])
def test_the_servers_own_page_is_answered(client, mammogram, origin):
    assert client.post("/predict", content=mammogram, headers={"origin": origin}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://evil.example:7860",
        "http://127.0.0.1",
        "http://127.0.0.1:3000",  # another server on this machine
        "http://localhost:7860",  # a page that was opened at that name sends its requests there, too
        "http://127.0.0.1:7860@evil.example",
        "http://evil.example/127.0.0.1:7860",
        "ftp://127.0.0.1:7860",
        "127.0.0.1:7860",
        "file://",
        "null",
        "",
    ],
)
def test_requests_of_other_sites_pages_are_refused_on_every_route(client, mammogram, origin):
    for method, route in ROUTES:
        response = client.request(method, route, content=mammogram, headers={"origin": origin})
        assert response.status_code == 403, route
        assert "pages of other sites" in response.json()["detail"]


def test_two_origins_are_refused(local):
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", b"http://evil.example")]
    local.check(headers[:2], "127.0.0.1")
    with pytest.raises(RefusedError, match="Origin"):
        local.check(headers, "127.0.0.1")


@pytest.mark.parametrize(
    "name", ["mammograms.example.org", "Mammograms.Example.org.", "192.168.0.7", "fd00::7", "[fd00::7]"]
)
def test_names_that_the_user_allows_are_answered(client_of, name):
    client = client_of(access_for("127.0.0.1", (name,)))
    written = f"[{name}]" if ":" in name and name[0] != "[" else name
    for host, origin in ((written, f"https://{written}"), (f"{written}:8443", f"https://{written}:8443")):
        assert client.get("/", headers={"host": host, "origin": origin}).status_code == 200
        assert client.get("/", headers={"origin": origin}).status_code == 200, "a proxy that changes the header Host"
    assert client.get("/", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/", headers={"origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "name", ["", "http://x.org", "x.org:80", "x.org/", "*", "*.x.org", "a b", "x@y", "[fd00::7]:80", "bücher.example"]
)
def test_what_is_no_host_name_cannot_be_allowed(name):
    with pytest.raises(UserError, match="is no host name; give a name such as"):
        access_for("127.0.0.1", (name,))


def test_a_server_on_all_addresses_answers_for_the_address_that_was_reached(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "Reading-Room")
    for listening in ("0.0.0.0", "::"):
        access = access_for(listening)
        for host in (b"192.168.0.7:7860", b"localhost", b"reading-room:7860"):
            access.check([(b"host", host)], "192.168.0.7")
        access.check([(b"host", b"[fd00::7]:7860")], "fd00:0:0::7")
        for host in (b"192.168.0.8", b"evil.example", b"[fd00::7]"):
            with pytest.raises(RefusedError, match="header Host"):
                access.check([(b"host", host)], "192.168.0.7")


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def guarded(client_of):
    return client_of(access_for("127.0.0.1", token=TOKEN))


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Digest {TOKEN}",
        TOKEN,
        basic("", ""),
        basic(TOKEN, ""),
        basic("user", TOKEN[1:]),
        "Basic " + TOKEN,
        "Basic ====",
        "Bearer \xff\xfe",
    ],
)
def test_without_the_token_nothing_is_answered(guarded, mammogram, value):
    headers = {} if value is None else {"authorization": value.encode("latin-1")}
    for method, route in ROUTES:
        response = guarded.request(method, route, content=mammogram, headers=headers)
        assert response.status_code == 401, route
        assert response.headers["www-authenticate"].startswith('Basic realm="birads-zoo"')
        assert "needs its token" in response.json()["detail"]


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}", f"bearer  {TOKEN} ", basic("", TOKEN), basic("anybody", TOKEN)])
def test_with_the_token_requests_are_answered(guarded, mammogram, value):
    headers = {"authorization": value}
    assert guarded.get("/", headers=headers).status_code == 200
    assert guarded.post("/predict", content=mammogram, headers=headers).status_code == 200
    assert guarded.get("/", headers=headers | {"host": "evil.example"}).status_code == 403
    assert guarded.post("/predict", headers=headers | {"origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "token", ["", "short", "a token with spaces in it", "a-token-with-a-newline\n", "schlüsselschlüssel"]
)
def test_a_token_that_is_short_or_fits_in_no_header_is_refused(token):
    with pytest.raises(UserError, match="a token has at least 16 characters"):
        access_for("127.0.0.1", token=token)


def test_the_description_says_how_to_send_the_token(guarded, client):
    headers = {"authorization": f"Bearer {TOKEN}"}
    description = guarded.get("/openapi.json", headers=headers).json()
    OpenAPI.model_validate(description)
    (scheme,) = description["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert description["paths"]["/predict"]["post"]["security"]
    assert {"401", "403"} <= set(description["paths"]["/predict"]["post"]["responses"])
    assert "curl -H 'Authorization: Bearer TOKEN' -F" in guarded.get("/docs", headers=headers).text
    without = client.get("/openapi.json").json()
    assert "securitySchemes" not in without["components"]
    assert "401" not in without["paths"]["/predict"]["post"]["responses"]
    assert "Bearer" not in client.get("/docs").text
