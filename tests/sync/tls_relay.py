"""A server that speaks TLS and nothing else, in front of the tests' Postgres, whose binaries have no OpenSSL."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SSL_REQUEST = (80877103).to_bytes(4)
GSSENC_REQUEST = (80877104).to_bytes(4)


@dataclass(frozen=True)
class TlsRelay:
    """Where it listens, and the file of the authority that vouches for it."""

    port: int
    authority: Path


@contextlib.contextmanager
def tls_relay(upstream_port: int, directory: Path) -> Iterator[TlsRelay]:
    """Serve TLS on a free port of `localhost`, and hand what is said to `upstream_port` on 127.0.0.1."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(directory / "authority.pem"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            head = await reader.readexactly(8)
            while head[4:] == GSSENC_REQUEST:
                writer.write(b"N")
                head = await reader.readexactly(8)
            if head[4:] != SSL_REQUEST:
                writer.write(_refusal("connection requires TLS, no encryption was offered"))
                await writer.drain()
            else:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(context)
                theirs, ours = await asyncio.open_connection("127.0.0.1", upstream_port)
                await asyncio.wait(
                    [asyncio.create_task(_pass_on(reader, ours)), asyncio.create_task(_pass_on(theirs, writer))]
                )
        writer.close()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(serve, "127.0.0.1", 0), loop).result(10)
    try:
        yield TlsRelay(server.sockets[0].getsockname()[1], directory / "authority.pem")
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while said := await reader.read(1 << 16):
            writer.write(said)
            await writer.drain()
    writer.close()


def _refusal(message: str) -> bytes:
    """Return PostgreSQL's ErrorResponse."""
    fields = b"".join(
        kind + text.encode() + b"\0" for kind, text in ((b"S", "FATAL"), (b"C", "28000"), (b"M", message))
    )
    return b"E" + (len(fields) + 5).to_bytes(4) + fields + b"\0"
