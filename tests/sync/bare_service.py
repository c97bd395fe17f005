"""The plainest FastAPI service that does one select: what `canon serve` is measured beside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, Request
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    conninfo = make_conninfo(
        host=os.environ["PGHOST"],
        port=os.environ["PGPORT"],
        user=os.environ["PGUSER"],
        password=os.environ["PGPASSWORD"],
        dbname=os.environ["PGDATABASE"],
    )
    async with AsyncConnectionPool(conninfo, open=False, max_size=10, kwargs={"autocommit": True}) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/lookup_company_canonical")
async def lookup(body: dict[str, str], request: Request) -> dict[str, Any]:
    async with request.app.state.pool.connection() as connection:
        found = await connection.execute(
            "select domain, original_name, cleaned_name, linkedin_url from core.company_canonical where domain = %s",
            [body["domain"]],
        )
        row = await found.fetchone()
    return dict(zip(("domain", "original_name", "cleaned_name", "linkedin_url"), row or (None,) * 4, strict=True))


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)  # noqa: T201
    asyncio.run(uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).serve(sockets=[listener]))
