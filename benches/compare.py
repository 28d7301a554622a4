#!/usr/bin/env python3
"""Upswell against hand-written DuckDB over the same Parquet files: see README.md beside this file.

Asks both the same questions in turn, compares every answer, prints medians and their ratios, and
exits with 1 where an answer differs."""

import argparse
import datetime
import http.client
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from workload import NAMES, PARTS, REGIONS, Question, difference, rows_of_response, views

HERE = Path(__file__).parent
START = datetime.date(2023, 1, 1)
SEED = 7

# What issue-sized warehouses are held to (ratios to DuckDB): warm, and from nothing.
WARM_TARGETS = {"w1": 0.10, "w2": 0.15, "w3": 0.4, "w4": 0.3, "w5": 0.3, "w6": 0.3, "w7": 0.15, "w8": 0.2}
PHASES = ["warm", "pre-aggregated", "cold", "repeated", "fresh"]

PRE_AGGREGATED = """version: 1
name: bench
warehouse: {warehouse}
pre_aggregates:
  - metrics: [nrr, expansion_mrr, attach_rate, median_days_to_expansion, credited_mrr]
    dimensions: [segment, region]
"""

COLD_TARGETS = {name: 0.7 if name in ("w1", "w2") else 1.0 for name in NAMES}


class Differs(Exception):
    """An answer of Upswell is not DuckDB's."""


class Server:
    """`upswell serve` over a project, asked over a connection that is open when the question is."""

    def __init__(self, binary, project, **settings):
        command = [binary, "serve", "-p", str(project), "--listen", "127.0.0.1:0"]
        given = {f"UPSWELL_{name.upper()}": str(value) for name, value in settings.items()}
        environment = {**os.environ, **given}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for line in self.process.stdout:
            if "listens on" in line:
                self.address = line.rsplit("//", 1)[1].strip()
                break
        else:
            raise RuntimeError(f"{' '.join(command)} did not start")
        self.connection = http.client.HTTPConnection(self.address, timeout=600)

    def ask(self, question):
        """Milliseconds until the whole answer is here, and the answer."""
        body, headers = question.body(), {"content-type": "application/json"}
        # The server closes a connection that is idle for long; DuckDB may take its time.
        self.connection.close()
        self.connection.connect()
        started = time.perf_counter()
        self.connection.request("POST", "/graphql", body, headers)
        answer = self.connection.getresponse().read()
        return (time.perf_counter() - started) * 1000, answer

    def memory(self):
        """Resident MiB: now, and at most so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return [int(fields[key].split()[0]) // 1024 for key in ("VmRSS", "VmHWM")]

    def stop(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Duck:
    """One connection that is kept."""

    def __init__(self, warehouse):
        self.connection = duckdb.connect()
        self.connection.execute(views(warehouse))

    def ask(self, question):
        started = time.perf_counter()
        answers = []
        for statement in question.statements:
            rows = self.connection.execute(statement).fetchall()
            answers.append(([column[0] for column in self.connection.description], rows))
        return (time.perf_counter() - started) * 1000, answers


class Bench:
    def __init__(self, arguments, customers):
        self.arguments = arguments
        self.customers = customers
        self.binary = str(Path(arguments.upswell).resolve())
        self.project = warehouse_of(arguments, self.binary, customers)
        self.warehouse = self.project / "warehouse"
        self.random = random.Random(SEED)
        self.results = {}

    def question(self, name, **more):
        if name == "w8":
            more["customer"] = f"c{self.random.randint(1, self.customers):07}"
        return Question(name, START, self.arguments.months, **more)

    def check(self, phase, question, ours, theirs):
        found = difference(rows_of_response(ours), theirs)
        if found:
            raise Differs(f"{phase} {question.name} at {self.customers} customers: {found}")

    def record(self, phase, name, **times):
        for side, value in times.items():
            self.results.setdefault(phase, {}).setdefault(name, {}).setdefault(side, []).append(value)

    def warm(self):
        """Both have answered before; nothing but their own caches of files and facts is kept."""
        duck = Duck(self.warehouse)
        with Server(self.binary, self.project, result_cache_mib=0) as server:
            for turn in range(self.arguments.rounds + 1):
                for name in self.arguments.only:
                    question = self.question(name)
                    ours, answer = server.ask(question)
                    theirs, rows = duck.ask(question)
                    self.check("warm", question, answer, rows)
                    if turn:
                        self.record("warm", name, upswell=ours, duckdb=theirs)
                for name in PARTS if turn and "w7" in self.arguments.only else []:
                    alone, _ = server.ask(self.question(name, region=REGIONS[0]))
                    self.record("parts", name, upswell=alone)
            self.results["memory"] = server.memory()

    def pre_aggregated(self):
        """Sums are kept by what W2, W5 and W7 slice by, answers are not: W7 asks for another region each time."""
        duck = Duck(self.warehouse)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "upswell.yml").write_text(PRE_AGGREGATED.format(warehouse=self.warehouse))
            with Server(self.binary, folder, result_cache_mib=0) as server:
                # The first two times are reading the files and summing up.
                for turn in range(self.arguments.rounds + 2):
                    region = REGIONS[turn % len(REGIONS)]
                    for name in [name for name in self.arguments.only if name != "w8"]:
                        question = self.question(name, region=region if name == "w7" else None)
                        ours, answer = server.ask(question)
                        theirs, rows = duck.ask(question)
                        self.check("pre-aggregated", question, answer, rows)
                        if turn > 1:
                            self.record("pre-aggregated", name, upswell=ours, duckdb=theirs)
                    for name in PARTS if turn > 1 and "w7" in self.arguments.only else []:
                        alone, _ = server.ask(self.question(name, region=region))
                        self.record("kept parts", name, upswell=alone)

    def cold(self):
        """A fresh process a question: definitions, planning and every byte of the files included."""
        duck = Duck(self.warehouse)
        for _ in range(self.arguments.cold_rounds):
            for name in self.arguments.only:
                question = self.question(name)
                with tempfile.NamedTemporaryFile("w", suffix=".graphql") as document:
                    document.write(question.document)
                    document.flush()
                    variables = json.dumps(question.variables)
                    command = [self.binary, "query", "-p", str(self.project), "--variables", variables, document.name]
                    ours, answer = run(command)
                command = [sys.executable, str(HERE / "duckdb_once.py"), views(self.warehouse), *question.statements]
                theirs, _ = run(command)
                self.check("cold", question, answer, duck.ask(question)[1])
                self.record("cold", name, upswell=ours, duckdb=theirs)

    def repeated(self):
        """The same request again, with the result cache on."""
        duck = Duck(self.warehouse)
        with Server(self.binary, self.project) as server:
            for name in self.arguments.only:
                question = self.question(name)
                _, first = server.ask(question)
                again = [server.ask(question) for _ in range(50)]
                theirs, rows = duck.ask(question)
                for answer in (first, again[0][1], again[-1][1]):
                    self.check("repeated", question, answer, rows)
                self.record("repeated", name, upswell=statistics.median(t for t, _ in again), duckdb=theirs)

    def fresh(self):
        """A month of files lands: how soon the first question is right again, against from nothing."""
        with tempfile.TemporaryDirectory(dir=self.project.parent) as folder:
            project = Path(folder)
            shutil.copytree(self.warehouse, project / "warehouse")
            shutil.copy(self.project / "upswell.yml", project)
            with Server(self.binary, project, refresh_seconds=0) as server:
                server.ask(self.question("w1"))
                for more in range(1, self.arguments.fresh_rounds + 1):
                    months = self.arguments.months + more
                    generate(self.binary, project / "warehouse", self.customers, months)
                    question = Question("w1", START, months)
                    ours, answer = server.ask(question)
                    _, rows = Duck(project / "warehouse").ask(question)
                    self.check("fresh", question, answer, rows)
                    with Server(self.binary, project) as new:
                        whole, answer = new.ask(question)
                    self.check("fresh", question, answer, rows)
                    self.record("fresh", "w1", upswell=ours, whole=whole)

    def run(self):
        for phase in self.arguments.phases:
            print(f"… {self.customers} customers, {phase}", file=sys.stderr)
            getattr(self, phase.replace("-", "_"))()


def run(command):
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    elapsed = (time.perf_counter() - started) * 1000
    if done.returncode:
        raise RuntimeError(f"{command[:2]} failed: {done.stderr.decode()[-2000:]}{done.stdout.decode()[-2000:]}")
    return elapsed, done.stdout


def generate(binary, folder, customers, months):
    run([binary, "generate", "--dir", str(folder), "--customers", str(customers), "--months", str(months), "--seed", str(SEED)])


def warehouse_of(arguments, binary, customers):
    """The project of that size; generated where it is not there yet."""
    project = Path(arguments.dir).resolve() / f"{customers}x{arguments.months}"
    if not (project / "upswell.yml").exists():
        print(f"… generating {customers} customers × {arguments.months} months", file=sys.stderr)
        generate(binary, project / "warehouse", customers, arguments.months)
        (project / "upswell.yml").write_text("version: 1\nname: bench\nwarehouse: warehouse\n")
    return project


def print_tables(bench):
    median = lambda found: statistics.median(found)
    targets_of = {"warm": WARM_TARGETS, "pre-aggregated": WARM_TARGETS, "cold": COLD_TARGETS, "repeated": {}}
    for phase, targets in targets_of.items():
        found = bench.results.get(phase)
        if not found:
            continue
        print(f"\n{bench.customers} customers × {bench.arguments.months} months, {phase} (ms, medians)\n")
        print("| | Upswell | DuckDB | ratio | wanted | |\n| --- | ---: | ---: | ---: | ---: | --- |")
        for name, sides in found.items():
            ours, theirs = median(sides["upswell"]), median(sides["duckdb"])
            wanted = targets.get(name)
            verdict = "" if wanted is None else "yes" if ours / theirs <= wanted else "**no**"
            print(f"| {name.upper()} | {ours:,.1f} | {theirs:,.1f} | {ours / theirs:.3f} | {wanted or ''} | {verdict} |")
    for parts, phase in (("parts", "warm"), ("kept parts", "pre-aggregated")):
        if parts not in bench.results:
            continue
        alone = {name: median(sides["upswell"]) for name, sides in bench.results[parts].items()}
        together = median(bench.results[phase]["w7"]["upswell"])
        slowest = max(alone.values())
        print(f"\nW7's parts alone, {phase}: {', '.join(f'{n.upper()} {t:,.1f}' for n, t in alone.items())} ms; "
              f"together {together / slowest:.2f} × the slowest (wanted: 1.3)")
    if "fresh" in bench.results:
        sides = bench.results["fresh"]["w1"]
        ours, whole = median(sides["upswell"]), median(sides["whole"])
        print(f"\nA new month of files: W1 right again in {ours:,.0f} ms, {ours / whole:.3f} × of the {whole:,.0f} ms from nothing (wanted: 0.15)")
    if "memory" in bench.results:
        now, most = bench.results["memory"]
        print(f"\nThe server's memory after all of it: {now} MiB resident, {most} MiB at most")


def print_growth(small, large):
    """How time grows with the data: the exponent e of time ~ customers^e."""
    import math
    for name, sides in small.results.get("warm", {}).items():
        before = statistics.median(sides["upswell"])
        after = statistics.median(large.results["warm"][name]["upswell"])
        exponent = math.log(after / before) / math.log(large.customers / small.customers)
        print(f"{name.upper()}: exponent {exponent:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upswell", default=str(HERE.parent / "target/release/upswell"), help="the binary")
    parser.add_argument("--dir", default=str(HERE.parent / "target/bench"), help="where warehouses are kept")
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000])
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--rounds", type=int, default=7, help="of the warm phase, after one that is not counted")
    parser.add_argument("--cold-rounds", type=int, default=3)
    parser.add_argument("--fresh-rounds", type=int, default=3, help="months that are added, one after the other")
    parser.add_argument("--phases", nargs="+", default=["warm", "cold", "repeated"], choices=PHASES)
    parser.add_argument("--only", nargs="+", default=NAMES, choices=NAMES)
    parser.add_argument("--json", help="also write every single time to this file")
    arguments = parser.parse_args()
    benches = [Bench(arguments, customers) for customers in arguments.customers]
    try:
        for bench in benches:
            bench.run()
    except Differs as found:
        print(f"DIFFERENT: {found}", file=sys.stderr)
        return 1
    for bench in benches:
        print_tables(bench)
    if len(benches) > 1 and "warm" in arguments.phases:
        print_growth(benches[0], benches[-1])
    print("\nEvery answer was the same.")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({bench.customers: bench.results for bench in benches}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
