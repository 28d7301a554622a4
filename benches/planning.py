#!/usr/bin/env python3
"""What stands before the first row: a document's way to its plan, and loading 500 definitions.

Read off the server's own debug log (medians). See README.md beside this file."""

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from compare import HERE

STEPS = ["document read", "document validated", "questions planned"]
ANSWERED = 300
METRICS = [
    "mrr", "arr", "active_customers", "nrr", "nrr_period", "grr", "grr_period", "logo_retention", "logo_churn_rate",
    "gross_churn_rate", "expansion_rate", "average_expansion_per_customer", "average_expansion_per_event",
    "expansion_mrr", "new_mrr", "contraction_mrr", "churned_mrr", "reactivation_mrr", "net_new_mrr", "quick_ratio",
    "expansion_share_of_growth", "arpa", "attach_rate", "median_days_to_expansion", "credited_mrr",
]
PERIOD = '{start: "2024-01-01", end: "2026-01-01"}'


def typical():
    return (f"{{ nrr(period: {PERIOD}, grain: QUARTER, groupBy: [segment], where: {{region: {{eq: \"EMEA\"}}}}) "
            "{ rows { period { start } group { dimension value } nrr grr } provenance { snapshot } } }")


def thirty():
    """Thirty root fields, each a metric of its own with filter and comparison."""
    fields = [
        f'm{place}: metrics(select: [{METRICS[place % len(METRICS)]}], period: {PERIOD}, grain: QUARTER, '
        f'where: {{region: {{eq: "EMEA"}}}}, compareTo: [PREVIOUS_PERIOD]) {{ columns {{ name }} rows totals }}'
        for place in range(30)
    ]
    return "{ " + "\n".join(fields) + " }"


def project(folder, warehouse, metrics):
    """A project with so many metrics of its own: sums with filters, and ratios of them."""
    (folder / "metrics").mkdir()
    (folder / "upswell.yml").write_text(f"version: 1\nname: planning\nwarehouse: {warehouse}\n")
    for file in range(0, metrics, 50):
        lines = ["metrics:"]
        for number in range(file, min(file + 50, metrics), 2):
            lines += [
                f"  - name: ordered_{number}", f"    description: Order lines of at least {number} pieces.",
                "    kind: aggregate", "    dataset: order_lines", "    aggregate: sum", "    expr: amount",
                f"    filter: quantity >= {number}",
                f"  - name: ordered_share_{number}", f"    description: Share of order lines of at least {number} pieces.",
                "    kind: ratio", f"    numerator: ordered_{number}", "    denominator: ordered_0",
            ]
        (folder / "metrics" / f"more_{file}.yml").write_text("\n".join(lines) + "\n")


class Logged:
    """A server whose debug log is read."""

    def __init__(self, binary, folder):
        environment = {**os.environ, "UPSWELL_LOG": "upswell=debug", "UPSWELL_RESULT_CACHE_MIB": "0", "NO_COLOR": "1"}
        command = [binary, "serve", "-p", str(folder), "--listen", "127.0.0.1:0"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)
        self.found = {}
        threading.Thread(target=self.read, daemon=True).start()
        line = next(line for line in self.process.stdout if "listens on" in line)
        self.connection = http.client.HTTPConnection(line.rsplit("//", 1)[1].strip())

    def read(self):
        for line in self.process.stderr:
            micros = re.search(r"micros=(\d+)", line)
            step = next((step for step in [*STEPS, "definitions loaded"] if step in line), None)
            if micros and step:
                self.found.setdefault(step, []).append(int(micros.group(1)))

    def ask(self, document):
        self.connection.request("POST", "/graphql", json.dumps({"query": document}), {"content-type": "application/json"})
        answer = json.loads(self.connection.getresponse().read())
        if "errors" in answer:
            raise RuntimeError(answer["errors"][:2])

    def stop(self):
        self.process.terminate()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upswell", default=str(HERE.parent / "target/release/upswell"))
    parser.add_argument("--definitions", type=int, default=500)
    arguments = parser.parse_args()
    binary = str(Path(arguments.upswell).resolve())
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        command = [binary, "generate", "--dir", folder / "warehouse", "--customers", "200", "--months", "36", "--seed", "7"]
        subprocess.run(command, check=True, capture_output=True)
        project(folder, "warehouse", arguments.definitions)
        loads = []
        for _ in range(5):
            server = Logged(binary, folder)
            server.ask(typical())
            loads += server.found["definitions loaded"]
            server.stop()
        print(f"loading the canonical and {arguments.definitions} more definitions: {statistics.median(loads) / 1000:.1f} ms (wanted: 150)")
        server = Logged(binary, folder)
        for name, document, wanted in (("a typical metric", typical(), 1), ("a document of 30 metrics", thirty(), 10)):
            server.ask(document)
            server.found.clear()
            for _ in range(ANSWERED):
                server.ask(document)
            steps = {step: statistics.median(server.found[step]) for step in STEPS}
            said = ", ".join(f"{step.split()[1]} {micros:,.0f} µs" for step, micros in steps.items())
            print(f"{name}: {sum(steps.values()) / 1000:.2f} ms to its plan (wanted: {wanted}): {said}")
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
