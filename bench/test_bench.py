"""The benchmark: it measures every command it says it does, and leaves nothing behind. No figure is asserted."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.places import ROOT

EVERY = ("tenantry", "floor")
ON_ALL = (*EVERY, "psql in a loop", "psql, xargs -P 8")


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = (
        sys.executable,
        "-m",
        "bench",
        "--databases",
        "2",
        "--rounds",
        "1",
        "--fast",
        "--history",
        "4",
        "--fleet",
        "6",
        "--folder",
        str(folder),
    )
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, *arguments], stdout=pipe, stderr=pipe, text=True, cwd=ROOT)


def test_the_json_has_a_row_for_every_command_in_every_case(own_folder: Path, tmp_path: Path) -> None:
    """Every case is measured on each number of databases, by every command, and nothing is left in the folder."""
    with start(own_folder / "bench", "--json", str(tmp_path / "bench.json")) as bench:
        stdout, stderr = bench.communicate()
    assert bench.returncode == 0, stderr
    found: dict[str, Any] = json.loads((tmp_path / "bench.json").read_text())
    cases = ("nothing pending", "one file pending", "all files")
    expected = [(case, 1, command) for case in cases for command in EVERY]
    expected += [(case, 2, command) for case in cases for command in ON_ALL]
    expected += [("ledger", 1, "read without a guard"), ("ledger", 1, "read with the guard")]
    expected += [("nothing pending", 2, name) for name in ("migrate, trusted", "migrate, password")]
    expected += [(case, 2, "migrate, proven") for case in cases]
    expected += [("nothing pending", 2, "verify"), ("nothing pending", 2, "verify --full")]
    expected += [("long history", 1, "psql, one database")]
    expected += [("long history", 2, f"migrate, {what}, proven") for what in ("all files", "one more")]
    expected += [("long history", 0, f"lint, {what}") for what in ("all files", "one more")]
    expected += [("fresh clone", 1, "migrate, a new file, proven")]
    expected += [("catalog", 1, "fingerprint, 300 tables")]
    expected += [("fleet", number, "tenantry") for number in (2, 4, 6)]
    expected += [("fleet", 6, "runs show"), ("fleet", 2, "selection, stages and journal")]
    expected += [("tenants", 0, f"100,000 in {kind}") for kind in ("CSV", "JSONL", "YAML")]
    expected += [("start", 0, "tenantry --help"), ("start", 2, "tenantry migrate"), ("start", 2, "floor")]
    rows = found["rows"]
    assert sorted((row["case"], row["databases"], row["command"]) for row in rows) == sorted(expected)
    assert all(len(row["samples"]) == (2 if row["case"] in {"start", "ledger"} else 1) for row in rows)
    assert "guard of the ledger, of a run with nothing pending" in {goal["name"] for goal in found["goals"]}
    assert {row["ratio_to_floor"] for row in rows if row["command"] == "floor"} == {1.0}
    assert all(goal["name"] in stdout for goal in found["goals"])
    assert list((own_folder / "bench").iterdir()) == []


def test_an_interrupted_benchmark_leaves_nothing_behind(own_folder: Path) -> None:
    """Ctrl-C ends the benchmark with its server stopped and its folder removed."""
    with start(own_folder / "bench") as bench:
        assert bench.stderr is not None
        assert bench.stderr.readline() == "making 2 databases\n"
        assert len(list((own_folder / "bench").iterdir())) == 1
        bench.send_signal(signal.SIGINT)
        _, stderr = bench.communicate()
    assert (bench.returncode, stderr) == (1, "\nAborted!\n")
    assert list((own_folder / "bench").iterdir()) == []
