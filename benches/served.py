#!/usr/bin/env python3
"""Repeated questions over HTTP: Upswell's result cache against an axum handler that returns the
same bytes, in turn, under wrk with 1, 16 and 64 clients. See README.md beside this file."""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import HERE, START, Server, warehouse_of
from workload import Question, month

CLIENTS = [1, 16, 64]


class Hello:
    """The handler, serving bytes."""

    def __init__(self, binary, file):
        self.process = subprocess.Popen([binary, "127.0.0.1:0", file], stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().rsplit("//", 1)[1].strip()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def board(months):
    """The dashboard's whole document, as it asks for the last quarters."""
    end = month(START, months)
    last = {"last": 8, "end": str(end)}
    variables = {
        "period": last, "latest": {"last": 1, "end": str(end)}, "grain": "QUARTER", "where": None,
        "compareTo": ["PREVIOUS_PERIOD"], "cohortPeriod": last, "rule": "OWNER_AT_EVENT", "basis": "ORDER",
        "attachBy": ["segment"], "chips": "segment",
    }
    query = (HERE.parent / "queries/board.graphql").read_text()
    return json.dumps({"query": query, "variables": variables})


class Asked:
    """A body as `Server.ask` wants a question."""

    def __init__(self, text):
        self.text = text

    def body(self):
        return self.text.encode()


def wrk(address, body, clients, seconds):
    """Requests a second and the median in microseconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        quoted = "[==[" + body + "]==]"
        script.write(f'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\nwrk.body = {quoted}\n')
        script.flush()
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", "-s", script.name, f"http://{address}/graphql"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(text)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", text).groups()
    return rate, float(value) * {"us": 1, "ms": 1000, "s": 1_000_000}[unit]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upswell", default=str(HERE.parent / "target/release/upswell"))
    parser.add_argument("--hello", default=str(HERE / "hello/target/release/hello"))
    parser.add_argument("--dir", default=str(HERE.parent / "target/bench"))
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    binary = str(Path(arguments.upswell).resolve())
    project = warehouse_of(arguments, binary, arguments.customers)
    questions = {
        "W1": Question("w1", START, arguments.months).body().decode(),
        "W3": Question("w3", START, arguments.months).body().decode(),
        "the whole board": board(arguments.months),
    }
    print("| asked again | clients | requests/s | handler | ratio | p50 µs | handler | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with Server(binary, project) as server:
        for name, body in questions.items():
            for _ in range(3):
                _, answer = server.ask(Asked(body))
            if b'"errors"' in answer or b'"cached":false' in answer:
                raise RuntimeError(f"{name} is not answered from the cache: {answer[:300]}")
            with tempfile.NamedTemporaryFile() as bytes_of_answer:
                bytes_of_answer.write(answer)
                bytes_of_answer.flush()
                hello = Hello(arguments.hello, bytes_of_answer.name)
                for clients in CLIENTS:
                    ours, theirs = [], []
                    for _ in range(arguments.rounds):
                        ours.append(wrk(server.address, body, clients, arguments.seconds))
                        theirs.append(wrk(hello.address, body, clients, arguments.seconds))
                    row = [statistics.median(values) for side in (ours, theirs) for values in zip(*side)]
                    rate, p50, hello_rate, hello_p50 = row
                    print(f"| {name} ({len(answer):,} bytes) | {clients} | {rate:,.0f} | {hello_rate:,.0f} | "
                          f"{rate / hello_rate:.2f} | {p50:,.0f} | {hello_p50:,.0f} | {p50 / hello_p50:.2f} |", flush=True)
                hello.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
