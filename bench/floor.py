"""The floor: connect, one query or the files as plain strings, close; the least that a runner on psycopg can do.

It records nothing, locks nothing and checks nothing. Each file is one simple query, and so one transaction.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

# What any runner has to ask before it can say that nothing is pending.
QUERY = "SELECT version, checksum FROM public._migrations"


def visit(dsn: str, database: str, queries: Sequence[bytes]) -> None:
    """Send the queries to one database, over a connection of their own."""
    with psycopg.connect(dsn, dbname=database, autocommit=True, prepare_threshold=None) as connection:
        for query in queries:
            connection.execute(query)


def main() -> None:
    """Visit tenant_1 to tenant_N, several at a time; the first error ends it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dsn")
    parser.add_argument("databases", type=int)
    parser.add_argument("jobs", type=int)
    parser.add_argument("files", type=Path, nargs="*")
    given = parser.parse_args()
    queries = [file.read_bytes() for file in given.files] or [QUERY.encode()]
    with ThreadPoolExecutor(given.jobs) as pool:
        visits = [pool.submit(visit, given.dsn, f"tenant_{n}", queries) for n in range(1, given.databases + 1)]
        for each in visits:
            each.result()


if __name__ == "__main__":
    main()
