"""Variables that are not set: what asks no server needs none of them."""

from pathlib import Path

import pytest

from tenantry.config.reading import read
from tenantry.config.stand_ins import stand_in
from tenantry.model.errors import ConfigError

FLEET = """\
servers:
  eu: host=${EU_HOST} port=${EU_PORT} user=deploy password=${PASSWORD}
  us: host=${US_HOST} user=deploy password=${PASSWORD}
  whole: ${WHOLE}
  escaped: host=h password=$${NOT_ONE}
tenants:
  migrations: m
  server: eu
  database: studio
  list: [1, {id: 2, server: us}, {id: 3, server: whole}]
"""


def test_unset_variables(tmp_path: Path) -> None:
    """Without its variables a file can be read, and servers that only these tell apart stay apart."""
    path = tmp_path / "tenants.yaml"
    path.write_text(FLEET)
    with pytest.raises(ConfigError):
        read(path, env={})
    assert [tenant.name for tenant in read(path, env=stand_in(path, {})).tenants] == ["1", "2", "3"]


@pytest.mark.parametrize("text", ["database: ${URL}\n", "database: '${URL}'\n", "database:\n  dsn: ${URL}\n"])
def test_the_only_database(tmp_path: Path, text: str) -> None:
    """A whole connection string that is not set names a database all the same."""
    path = tmp_path / "tenants.yaml"
    path.write_text(text)
    assert len(read(path, env=stand_in(path, {})).tenants) == 1


def test_set_variables_stay(tmp_path: Path) -> None:
    """What is set counts, and nothing else is added."""
    path = tmp_path / "tenants.yaml"
    path.write_text("servers: {main: 'host=${A} port=${B:-1} password=${C}'}")
    assert stand_in(path, {"A": "db1", "TENANTRY_STATE": "s"}) == {"A": "db1", "TENANTRY_STATE": "s", "C": "1"}


def test_no_file(tmp_path: Path) -> None:
    """Where there is no file, or it is no text, whoever reads it says so."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("none", "binary"):
        assert stand_in(tmp_path / name, {}) == {}
