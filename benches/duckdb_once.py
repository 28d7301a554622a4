"""A fresh process that answers statements with DuckDB: duckdb_once.py VIEWS STATEMENT… (texts)."""

import sys

import duckdb

connection = duckdb.connect()
connection.execute(sys.argv[1])
for statement in sys.argv[2:]:
    rows = connection.execute(statement).fetchall()
    print([column[0] for column in connection.description])
    for row in rows:
        print(row)
