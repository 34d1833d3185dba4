"""Load on an address: by wrk where there is one, else by httpx, which itself costs much."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import httpx

CONNECTIONS = 16
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Call:
    """A request: where, and with what."""

    path: str
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    body: str = ""


@dataclass(frozen=True)
class Rate:
    """What came of it: requests per second, and milliseconds."""

    per_second: float
    p50: float
    p99: float


def load(port: int, call: Call, seconds: float, script: Path) -> Rate:
    """Ask for so many seconds from 16 connections. A run in which anything failed ends it all."""
    return (
        by_wrk(port, call, seconds, script)
        if shutil.which("wrk")
        else by_httpx(port, call, seconds)
    )


def by_wrk(port: int, call: Call, seconds: float, script: Path) -> Rate:
    script.write_text(
        f"wrk.method = {json.dumps(call.method)}\nwrk.body = {json.dumps(call.body)}\n"
        + "".join(f"wrk.headers[{json.dumps(k)}] = {json.dumps(v)}\n" for k, v in call.headers)
    )
    url = f"http://127.0.0.1:{port}{call.path}"
    options = [
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{max(1, round(seconds))}s",
        "--latency",
        "--timeout",
        "20s",
    ]
    words = subprocess.run(
        ["wrk", *options, "-s", str(script), url], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in words or "Socket errors" in words:
        sys.exit(f"{call.path} failed under load:\n{words}")
    per_second = re.search(r"Requests/sec:\s+([\d.]+)", words)
    assert per_second, words
    return Rate(float(per_second.group(1)), latency(words, "50%"), latency(words, "99%"))


def latency(words: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", words)
    assert found, words
    return float(found.group(1)) * UNITS[found.group(2)]


def by_httpx(port: int, call: Call, seconds: float) -> Rate:
    end, times = time.monotonic() + seconds, []
    limits = httpx.Limits(max_connections=CONNECTIONS)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=20) as client:

        def ask(_: int) -> None:
            while (began := time.monotonic()) < end:
                headers = dict(call.headers)
                answer = client.request(call.method, call.path, headers=headers, content=call.body)
                if answer.status_code >= 300:
                    sys.exit(f"{call.path} failed under load: {answer.status_code}")
                times.append(1000 * (time.monotonic() - began))

        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(ask, range(CONNECTIONS)))
    times.sort()
    return Rate(len(times) / seconds, times[len(times) // 2], times[int(len(times) * 0.99)])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the server of that process answers; one that does not ends it all."""
    for _ in range(200):
        if process.poll() is not None:
            break
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/healthz")
            connection.getresponse()
            return
        except OSError:
            time.sleep(0.1)
    said = process.stderr.read().decode()[-2000:] if process.stderr else ""
    sys.exit(f"The server did not come up. {said}")
