"""What nobody should send. Whoever does gets a plain answer; everybody else notices nothing."""

from __future__ import annotations

import contextlib
import json
import struct
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest
import requests
from websockets.exceptions import ConnectionClosed

from tests.integration.conftest import HostFactory, SocketFactory
from tests.support import raw
from tests.support.clients import Host, Socket, call, calling
from tests.support.stack import Stack, wait_until

DEEP = 10_000


@pytest.fixture(autouse=True)
def bystander(stack: Stack, host: HostFactory) -> Iterator[Host]:
    """A lambda that has nothing to do with the test, and must still answer after it."""
    one = host(lambda method, body: [method, body])
    yield one
    for number in range(4):  # more than there are workers
        response = call(stack.url, one.id, "still", str(number), timeout=5)
        assert (response.status_code, response.json()) == (200, ["still", number])


def works(stack: Stack, one: Socket) -> bool:
    """Call a lambda whose test answers by hand."""
    future = calling(stack.url, one.id, "check", '"?"')
    one.answer(one.receive(), result="!")
    return bool(future.result(10).json() == "!")


def raw_host(stack: Stack, receive_buffer: int | None = None) -> tuple[raw.Connection, str]:
    connection, lambda_id = raw.open_host(stack.port, receive_buffer=receive_buffer)
    wait_until(lambda: lambda_id in stack.listing())
    return connection, lambda_id


def close_code(connection: raw.Connection) -> tuple[int, str]:
    """Wait for the close frame on a raw connection."""
    opcode = 0
    while opcode != 8:
        opcode, content = raw.read_frame(connection)
    connection.close()
    return struct.unpack(">H", content[:2])[0], content[2:].decode()


# Callers


@pytest.mark.parametrize("size", [200_000, 900_000])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/lambda/AAAAAAAAAAAAAAAA/m", 404),
        ("/lambda/short/m", 400),
        ("/service/nobody/m", 404),
        ("/service/nobody/mcp", 404),
        ("/lambda/new", 400),
        ("/nothing/here", 404),
    ],
)
def test_a_large_body_that_nobody_wants_is_answered(
    stack: Stack, path: str, status: int, size: int
) -> None:
    def ask(_: int) -> tuple[int, str]:
        told = requests.post(stack.url + path, data=b"1" * size, timeout=10)
        return told.status_code, told.json()["code"]

    with ThreadPoolExecutor(8) as pool:
        told = Counter(pool.map(ask, range(40)))

    code = "not_found" if status == 404 else "bad_request"
    assert told == {(status, code): 40}


def test_seven_megabytes_of_json_are_too_large(stack: Stack, bystander: Host) -> None:
    body = json.dumps(["x" * 100] * 70_000)
    assert len(body) > 7_000_000

    response = call(stack.url, bystander.id, body=body)

    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    assert bystander.seen == []


@pytest.mark.parametrize(
    "body",
    ["[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP, "[" * DEEP, '[{"a":' * DEEP],
    ids=["arrays", "objects", "open arrays", "open objects"],
)
def test_json_nested_10_000_deep_is_refused(stack: Stack, bystander: Host, body: str) -> None:
    response = call(stack.url, bystander.id, body=body)

    assert (response.status_code, response.json()["code"]) == (400, "bad_request")
    assert bystander.seen == []


@pytest.mark.parametrize(
    "body",
    [
        b'"\xff"',
        b'"\xc3"',
        b'{"\xff":1}',
        b'"\xed\xa0\x80"',  # half of a surrogate pair
        b'"\xc0\xaf"',  # longer than need be
        b'"\xf4\x90\x80\x80"',  # beyond Unicode
        '"ä"'.encode("latin-1"),
        '"a"'.encode("utf-16"),
    ],
)
def test_a_body_that_is_not_utf_8_is_refused(stack: Stack, bystander: Host, body: bytes) -> None:
    response = call(stack.url, bystander.id, body=body)

    assert (response.status_code, response.json()["code"]) == (400, "bad_request")
    assert bystander.seen == []


@pytest.mark.parametrize(
    "path", ["../x", "../../lambda", "a/b", "", "%00", "a%00", "%FF", "//", "."]
)
def test_an_odd_method_name_does_no_harm(stack: Stack, bystander: Host, path: str) -> None:
    response = raw.post(stack.port, f"/lambda/{bystander.id}/{path}".encode(), b"1")

    if path == ".":
        assert (response.status, response.json()) == (200, [".", 1])
    else:
        assert response.status in (400, 404)
        assert bystander.seen == []


def test_ten_thousand_headers_are_refused(stack: Stack, bystander: Host) -> None:
    junk = b"".join(b"X-Junk-%d: %d\r\n" % (number, number) for number in range(10_000))
    request = b"POST /lambda/%b/m HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n%b\r\n1"

    try:
        reply = raw.exchange(stack.port, request % (bystander.id.encode(), junk))
    except (OSError, HTTPException):
        pass  # the proxy ends the connection
    else:
        assert 400 <= reply.status < 500
    assert bystander.seen == []


def test_a_handshake_with_ten_thousand_headers_opens_nothing(stack: Stack) -> None:
    before = set(stack.listing())
    junk = "".join(f"X-Junk-{number}: {number}\r\n" for number in range(10_000))

    try:
        connection, reply = raw.handshake(stack.port, more=junk)
    except (OSError, AssertionError):
        pass
    else:
        connection.close()
        assert 400 <= reply.status < 500
    assert set(stack.listing()) == before


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\xff\x00\xff\r\n\r\n",
        b"POST /lambda HTTP/9.9\r\n\r\n",
        b"POST /lambda/x/y HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /lambda/x/y HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["noise", "version", "length", "chunk", "path"],
)
def test_what_is_not_http_does_no_harm(stack: Stack, request_bytes: bytes) -> None:
    try:
        reply = raw.exchange(stack.port, request_bytes)
    except (OSError, HTTPException):
        return
    assert reply.status >= 400


@pytest.mark.parametrize(
    "batch",
    [
        b"TEXT 5\r\nab\r\n",
        b"TEXT FFFFFFFF\r\nab\r\n",
        b"TEXT -1\r\n\r\n",
        b"OPEN",
        b"\xff\r\n",
        b"",
    ],
)
def test_a_batch_over_plain_http_is_refused_however_it_is_formed(
    stack: Stack, bystander: Host, batch: bytes
) -> None:
    head = (
        b"POST /lambda/new HTTP/1.1\r\nHost: x\r\nContent-Type: application/websocket-events\r\n"
        b"Connection-Id: 1\r\nMeta-Lambda: %b g 01\r\nContent-Length: %d\r\n\r\n"
    )
    reply = raw.exchange(stack.port, head % (bystander.id.encode(), len(batch)) + batch)

    assert (reply.status, reply.json()["code"]) == (403, "forbidden")


# Hosts


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "",
        "{",
        "[]",
        '[{"id":0,"result":"ok"}]',
        "1",
        "null",
        '"id"',
        "{}",
        '{"result":1}',
        '{"method":"x"}',
        '{"id":NaN}',
        '{"id":1} {"id":2}',
        '{"id":[],"result":1}',
        '{"id":{},"result":1}',
        '{"id":1,"method":2}',
        "[" * DEEP,
        '{"id":1,"result":' + "[" * DEEP + "]" * DEEP + "}",
    ],
    ids=lambda text: repr(text[:24]),
)
def test_what_is_not_json_rpc_closes(stack: Stack, opened: SocketFactory, text: str) -> None:
    one = opened()
    in_flight = calling(stack.url, one.id)
    one.receive()
    one.socket.send(text)

    code, reason = one.closed()
    assert code == 1007
    assert reason
    assert in_flight.result(10).status_code == 502
    assert one.id not in stack.listing()


def test_what_is_not_json_rpc_closes_before_the_acknowledgement_too(socket: SocketFactory) -> None:
    one = socket()
    one.receive()
    one.socket.send("ok")

    assert one.closed()[0] == 1007


@pytest.mark.parametrize("opcode", [1, 2], ids=["text", "binary"])
@pytest.mark.parametrize(
    "content", [b"\xff", b'{"id":"x","result":"\xff"}', b'{"id":"\xc3\x28"}', b"\x00"], ids=repr
)
def test_frames_that_are_not_utf_8_close(stack: Stack, opcode: int, content: bytes) -> None:
    connection, lambda_id = raw_host(stack)
    connection.sendall(raw.frame(opcode, content))

    code, reason = close_code(connection)
    assert code == 1007
    assert reason
    assert lambda_id not in stack.listing()


def test_there_is_room_for_the_cookies_of_other_programs(
    stack: Stack, opened: SocketFactory
) -> None:
    """All programs of a machine share those of localhost."""
    cookies = {f"X-Cookie-{number}": "c" * 1_500 for number in range(10)}
    assert requests.get(f"{stack.url}/lambda", headers=cookies, timeout=10).status_code == 200
    one = opened(additional_headers=cookies)
    assert one.id in stack.listing()


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535])
def test_a_close_code_that_is_not_allowed_is_a_protocol_error(stack: Stack, code: int) -> None:
    connection, lambda_id = raw_host(stack)
    connection.sendall(raw.frame(8, struct.pack(">H", code)))

    assert close_code(connection)[0] == 1002
    assert lambda_id not in stack.listing()


def test_an_answer_before_the_acknowledgement_is_dropped(
    stack: Stack, socket: SocketFactory, bystander: Host
) -> None:
    one = socket()
    lambda_id = one.receive()["params"][0]
    one.id = lambda_id
    for call_id in ("x", bystander.id, 1, 0.5, True, -1):
        one.send({"id": call_id, "result": "early"})
    one.send({"id": 0, "result": "ok"})

    wait_until(lambda: lambda_id in stack.listing())
    assert works(stack, one)


@pytest.mark.parametrize(
    "text",
    [
        '{"id":null}',
        '{"id":null,"result":1}',
        '{"id":null,"method":"nobody knows this"}',
        '{"id":null,"method":"progress","params":["no such call",1]}',
        '{"id":null,"method":"progress"}',
        '{"id":"no such call","result":1}',
        '{"id":"","error":1}',
        '{"id":1,"result":1}',
        '{"id":1.5,"result":1}',
        '{"id":false,"result":1}',
        '{"id":12345678901234567890123,"result":1}',
        '{"id":0,"result":"ok"}',
        '{"id":0,"error":"too late"}',
        '{"id":"\\u0000 call-\\n","result":1}',
        '{"id":"' + "x" * 50_000 + '"}',
    ],
    ids=lambda text: repr(text[:40]),
)
def test_what_answers_nothing_is_dropped(stack: Stack, opened: SocketFactory, text: str) -> None:
    one = opened()
    one.socket.send(text)

    assert works(stack, one)


@pytest.mark.parametrize("call_id", ['"mine"', "7", "12345678901234567890123", "[1]"])
def test_a_hosts_own_request_is_answered_with_an_error(
    stack: Stack, opened: SocketFactory, call_id: str
) -> None:
    one = opened()
    one.socket.send(f'{{"method":"time","params":[],"id":{call_id}}}')

    message = one.receive()
    assert message["id"] == json.loads(call_id)
    assert message["result"] is None
    assert "time" in message["error"]
    assert works(stack, one)


def test_the_first_of_two_answers_counts_also_within_one_batch(stack: Stack) -> None:
    connection, lambda_id = raw_host(stack)
    for _ in range(5):
        future = calling(stack.url, lambda_id)
        _, content = raw.read_frame(connection)
        answer = b'{"id":"%b","result":%%d}' % json.loads(content)["id"].encode()
        # What comes while the proxy passes on the first message makes one batch.
        texts = [b'{"id":null}', *(answer % number for number in range(20))]
        connection.sendall(b"".join(raw.frame(1, text) for text in texts))
        assert future.result(10).json() == 0
    connection.close()


def test_duplicate_members_of_an_answer_are_no_way_around_its_id(
    stack: Stack, opened: SocketFactory
) -> None:
    one, other = opened(), opened()
    futures = [calling(stack.url, lambda_.id) for lambda_ in (one, other)]
    mine, foreign = one.receive(), other.receive()
    one.socket.send(f'{{"id":"{mine["id"]}","id":"{foreign["id"]}","result":"not yours"}}')
    other.answer(foreign, result="theirs")
    one.answer(mine, result="mine")

    assert futures[1].result(10).json() == "theirs"
    assert futures[0].result(10).json() in ("mine", "not yours")


def test_an_answer_with_a_result_and_an_error_is_an_error(
    stack: Stack, opened: SocketFactory
) -> None:
    one = opened()
    future = calling(stack.url, one.id)
    one.answer(one.receive(), result="fine", error="not so fine")

    response = future.result(10)
    assert (response.status_code, response.json()) == (400, {"error": "not so fine"})
    assert works(stack, one)


def test_a_message_that_is_far_too_large_costs_only_its_own_connection(
    opened: SocketFactory,
) -> None:
    one = opened()

    with contextlib.suppress(ConnectionClosed):
        one.socket.send('{"id":"x","result":"' + "x" * 3_000_000 + '"}')

    with pytest.raises(ConnectionClosed):
        one.socket.recv(10)


@pytest.mark.parametrize(
    "noise",
    [
        b"\xff" * 200,
        b"\x81\x05hello",  # not masked
        b"\xc1\x80\x00\x00\x00\x00",  # a reserved bit
        b"\x83\x80\x00\x00\x00\x00",  # an unknown opcode
        b"\x89\xfe\x10\x00" + b"\x00" * 100,  # a ping that is too long
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" + b"\x00" * 100,  # longer than anything
    ],
    ids=["noise", "unmasked", "reserved bit", "opcode", "long ping", "endless"],
)
def test_what_is_not_websocket_does_no_harm(stack: Stack, noise: bytes) -> None:
    connection, lambda_id = raw_host(stack)
    connection.sendall(noise)
    connection.close()

    wait_until(lambda: lambda_id not in stack.listing())


def test_a_client_that_never_reads_holds_up_nobody(stack: Stack, bystander: Host) -> None:
    connection, lambda_id = raw_host(stack, receive_buffer=2048)
    body = '"' + "x" * 90_000 + '"'

    futures = [calling(stack.url, lambda_id, "m", body, wait=1) for _ in range(30)]
    for number in range(20):
        assert call(stack.url, bystander.id, "m", str(number), timeout=5).json() == ["m", number]

    assert {future.result(10).status_code for future in futures} <= {502, 504}
    connection.close()


def test_a_ping_of_the_host_is_answered(stack: Stack, opened: SocketFactory) -> None:
    one = opened()

    assert one.socket.ping("still there?").wait(5)
    assert works(stack, one)
