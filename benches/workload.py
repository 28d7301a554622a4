"""The eight questions, as Upswell and as DuckDB are asked, and when two answers are the same."""

import datetime
import json
from decimal import Decimal
from pathlib import Path

FOLDER = Path(__file__).parent / "workload"
NAMES = ["w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8"]
PARTS = NAMES[:6]
REGIONS = ["EMEA", "AMER", "APAC"]

# Doubles of the two may differ where a survival estimate was multiplied in another order.
TOLERANCE = 1e-12


def month(start, months):
    """The first of the month `months` after a day."""
    count = start.year * 12 + start.month - 1 + months
    return datetime.date(count // 12, count % 12 + 1, 1)


class Question:
    """One of the eight: a GraphQL document with variables, and the statements for the same rows."""

    def __init__(self, name, start, months, region=None, customer=None):
        self.name = name
        end = month(start, months)
        where = None
        condition = ""
        if name == "w7" or region:
            region = region or REGIONS[0]
            where = {"region": {"eq": region}}
            condition = f"AND customer_id IN (SELECT customer_id FROM customers WHERE region = '{region}')"
        if customer:
            where = {"customer_id": {"eq": customer}}
            condition = f"AND customer_id = '{customer}'"
        self.document = (FOLDER / f"{name}.graphql").read_text()
        period = {"start": str(start), "end": str(end)}
        # Balances a year before are known from the second year on.
        ends = {"start": str(month(start, 12)), "end": str(end)}
        used = {"period": period, "ends": ends, "where": where}
        self.variables = {key: value for key, value in used.items() if f"${key}:" in self.document}
        parts = PARTS if name == "w7" else ["w1" if name == "w8" else name]
        texts = [(FOLDER / f"{part}.sql").read_text() for part in parts]
        known = {"$start": str(start), "$end": str(end), "/* customers */": condition}
        self.statements = [filled(text, known) for text in texts]

    def body(self):
        return json.dumps({"query": self.document, "variables": self.variables}).encode()


def filled(text, known):
    for name, value in known.items():
        text = text.replace(name, value)
    return text


def views(warehouse):
    return (FOLDER / "views.sql").read_text().replace("$warehouse", str(warehouse))


def rows_of_response(body):
    """The rows of every root field, flat; raises where the response has errors."""
    response = json.loads(body, parse_float=Decimal)
    if response.get("errors"):
        raise RuntimeError(f"Upswell answered with errors: {response['errors'][:2]}")
    return [[flat(row) for row in field["rows"]] for field in response["data"].values()]


def flat(row):
    cells = {}
    for name, value in row.items():
        if name == "group":
            cells.update({each["dimension"]: each["value"] for each in value})
        elif name == "expandedBy":
            cells.update({f"expandedBy.{each['day']}": each["share"] for each in value})
        elif isinstance(value, dict):
            cells.update({f"{name}.{part}": inner for part, inner in value.items()})
        else:
            cells[name] = value
    return cells


def difference(ours, theirs):
    """In words, the first difference between the rows of both, or None."""
    if len(ours) != len(theirs):
        return f"{len(ours)} answers against {len(theirs)}"
    for part, (own, (names, rows)) in enumerate(zip(ours, theirs)):
        if len(own) != len(rows):
            return f"part {part + 1}: {len(own)} rows against {len(rows)}"
        if not rows:
            return f"part {part + 1}: no rows to compare"
        for place, (mine, row) in enumerate(zip(own, rows)):
            if sorted(mine) != sorted(names):
                return f"part {part + 1}: columns {sorted(mine)} against {sorted(names)}"
            for name, value in zip(names, row):
                if not same(mine[name], value):
                    return f"part {part + 1}, row {place + 1}, {name}: {mine[name]} against {value}\n  {mine}\n  {row}"
    return None


def same(mine, value):
    if mine is None or value is None:
        return mine is None and value is None
    if isinstance(value, float):
        return abs(float(mine) - value) <= TOLERANCE * max(1.0, abs(value))
    if isinstance(value, (int, Decimal)):
        return Decimal(mine) == value
    return str(mine) == str(value)
