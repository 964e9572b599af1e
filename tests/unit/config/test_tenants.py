"""Tenants that cannot be told apart, servers that are not there, all at once."""

import pytest

from tests.unit.config.cases import MASTER, SERVERS, TENANTS, Said, parse_good, refuse

MEANINGS: dict[str, tuple[str, Said]] = {
    "id-twice": (
        SERVERS + TENANTS + "  list:\n    - 1\n    - 2\n    - {id: 1}\n",
        ["tenants.yaml:8:7: tenants.list[2]: the same tenant is listed twice: 1 (line 6), 1 (line 8)"],
    ),
    "id-spelt-differently": (
        SERVERS + TENANTS + "  list:\n    - 1\n    - '1'\n    - 01\n    - '001'\n",
        [
            "tenants.yaml:7:7: tenants.list[1]: the same tenant is listed 4 times:"
            " 1 (line 6), 1 (line 7), 01 (line 8), 001 (line 9)"
        ],
    ),
    "labels-with-one-setting": (
        SERVERS + TENANTS + "  list:\n    - {id: 1, labels: {my-tier: a, My_Tier: b}}\n",
        [
            "tenants.yaml:6:23: tenants.list[0].labels: 'my-tier' and 'My_Tier' are both the setting"
            " tenantry.label_my_tier, expected names that differ in letters, digits and _"
        ],
    ),
    "labels-that-do-not-fit": (
        SERVERS + TENANTS + f"  list:\n    - {{id: 1, labels: {{a: {'x' * 3000}}}}}\n",
        [
            "tenants.yaml:6:23: tenants.list[0].labels: 3016 bytes, expected at most 2000:"
            " every session starts with them"
        ],
    ),
    "pin-and-freeze": (
        SERVERS + TENANTS + "  list:\n    - {id: 1, pin: rates}\n    - {id: 2, freeze: 2026-12-31}\n"
        "    - {id: 3, freeze: {until: 2026-02-30, reason: x, why: y}}\n    - {id: 4, freeze: {until: 20261231}}\n",
        [
            "tenants.yaml:6:20: tenants.list[0].pin: 'rates', expected a version, such as 11",
            "tenants.yaml:7:23: tenants.list[1].freeze: '2026-12-31', expected a mapping with until and reason",
            "tenants.yaml:8:31: tenants.list[2].freeze.until: '2026-02-30', expected a day, such as 2026-12-31",
            "tenants.yaml:8:54: tenants.list[2].freeze: unknown key 'why', expected one of until, reason",
            "tenants.yaml:9:23: tenants.list[3].freeze.reason: missing, expected text on one line",
            "tenants.yaml:9:31: tenants.list[3].freeze.until: the number 20261231, expected a day, such as 2026-12-31",
        ],
    ),
    "id-reserved": (
        SERVERS + TENANTS + "  list: [master, {id: All}, alla]\n",
        [
            "tenants.yaml:5:10: tenants.list[0].id: 'master' is reserved, expected another id",
            "tenants.yaml:5:23: tenants.list[1].id: 'All' is reserved, expected another id",
        ],
    ),
    "database-twice": (
        SERVERS
        + TENANTS
        + "  list:\n    - 1\n    - {id: 2, database: tenant_1}\n    - {id: 3, database: 'tenant_{id}'}\n",
        [
            "tenants.yaml:7:7: tenants.list[1]: database 'tenant_1' is used twice:"
            " 1 on 'main' (line 6), 2 on 'main' (line 7)"
        ],
    ),
    "database-of-master": (
        SERVERS + MASTER + TENANTS + "  list:\n    - {id: 2, database: rsm_master}\n",
        [
            "tenants.yaml:7:7: tenants.list[0]: database 'rsm_master' is used twice:"
            " master on 'main' (line 2), 2 on 'main' (line 7)"
        ],
    ),
    "pattern-without-id": (
        SERVERS + TENANTS + "  database: studio\n  list: [1, 2, 3, 4, 5, 6, 7]\n",
        [
            "tenants.yaml:6:13: tenants.list[1]: database 'studio' is used 7 times: 1 on 'main' (line 6),"
            " 2 on 'main' (line 6), 3 on 'main' (line 6), 4 on 'main' (line 6), 5 on 'main' (line 6) and 2 more"
            " | put {id} into tenants.database"
        ],
    ),
    "id-and-database-twice": (
        SERVERS + TENANTS + "  list: [1, 1, {id: 2, database: tenant_1}]\n",
        [
            "tenants.yaml:5:13: tenants.list[1]: the same tenant is listed twice: 1 (line 5), 1 (line 5)",
            "tenants.yaml:5:16: tenants.list[2]: database 'tenant_1' is used twice:"
            " 1 on 'main' (line 5), 2 on 'main' (line 5)",
        ],
    ),
    "unknown-servers": (
        SERVERS
        + MASTER.replace("main", "Main")
        + TENANTS.replace("main", "mian")
        + "  list: [1, {id: 2, server: eu}]\n",
        [
            "tenants.yaml:2:18: master.server: unknown server 'Main', expected main | did you mean 'main'?",
            "tenants.yaml:5:11: tenants.server: unknown server 'mian', expected main | did you mean 'main'?",
            "tenants.yaml:6:29: tenants.list[1].server: unknown server 'eu', expected main",
        ],
    ),
    "database-too-long": (
        SERVERS
        + MASTER.replace("rsm_master", "m" * 64)
        + TENANTS
        + f"  database: {'é' * 30}_{{id}}\n  list: [10, 100]\n",
        [
            f"tenants.yaml:2:34: master.database: '{'m' * 64}' has 64 bytes, expected at most 63",
            f"tenants.yaml:7:14: tenants.list[1].database: '{'é' * 30}_100' has 64 bytes, expected at most 63",
        ],
    ),
    "template": (
        SERVERS + MASTER.replace("rsm_master", "template1") + TENANTS + "  list: [1, {id: 2, database: template0}]\n",
        [
            "tenants.yaml:2:34: master.database: 'template1' is a template of new databases, expected another database",
            "tenants.yaml:6:31: tenants.list[1].database: 'template0' is a template of new databases, expected another"
            " database",
        ],
    ),
    "query-without-master": (
        SERVERS + TENANTS + "  query: SELECT 1\n",
        ["tenants.yaml:5:3: tenants: query without master, expected a master to run it on"],
    ),
    "proofs-without-master": (
        SERVERS + "proofs: master\n" + TENANTS + "  list: [1]\n",
        ["tenants.yaml:2:9: proofs: master without a master, expected state, or a master to keep them in"],
    ),
    "key-twice": (
        SERVERS + TENANTS + '  list:\n    - id: 1\n      id: 2\n  "server": main\n',
        [
            "tenants.yaml:7:7: key 'id' is used twice: line 6, line 7",
            "tenants.yaml:8:3: key 'server' is used twice: line 4, line 8",
        ],
    ),
    "tag": (
        SERVERS + TENANTS + "  list: [!!binary MQ==, !tenant 2, !!set {a}]\n",
        [
            "tenants.yaml:5:10: tag !!binary, expected plain YAML",
            "tenants.yaml:5:25: tag !tenant, expected plain YAML",
            "tenants.yaml:5:36: tag !!set, expected plain YAML",
        ],
    ),
    "key-of-a-list": (
        SERVERS + TENANTS + "  list: [{id: 1, [a]: b}]\n",
        [
            "tenants.yaml:5:18: a list or a mapping as a key, expected text"
            " | put a value that begins with { or [ in quotes"
        ],
    ),
    "alias-of-itself": (
        SERVERS + TENANTS + "  list: &all [1, *all]\n",
        ["tenants.yaml:5:9: an alias inside its own anchor, expected none"],
    ),
    "merge-of-text": (
        SERVERS + TENANTS + "  list: [{id: 1, <<: text}]\n",
        ["tenants.yaml:5:10: invalid merge key: expected a mapping or list of mappings for merging, but found scalar"],
    ),
    "one-mapping-for-two-sections": (
        SERVERS + "tenants: &t {migrations: t, server: main, database: x, list: [{id: 1, labels: 5}, 2]}\nmaster: *t\n",
        [
            "tenants.yaml:2:56: master: unknown key 'list', expected one of server, database, migrations, role"
            " | write 'list' below 'tenants', indented",
            "tenants.yaml:2:79: tenants.list[0].labels: the number 5, expected a mapping",
        ],
    ),
    "shape-first": (
        SERVERS + "master: 5\n" + TENANTS + "  list: [1, 1]\n",
        ["tenants.yaml:2:9: master: the number 5, expected a mapping with server, database and migrations"],
    ),
    "all-at-once": (
        SERVERS + "ledgr: {}\n" + TENANTS + "  list:\n    - {id: all, labels: {a: ~}}\n    - {id: 2, server: mian}\n"
        "    - 2\n    - {id: 3, nme: x, database: tenant_2}\n",
        [
            "tenants.yaml:2:1: unknown key 'ledgr', expected one of servers,"
            " master, tenants, ledger, session, lint, drift, scratch, ... (16 in all) | did you mean 'ledger'?",
            "tenants.yaml:7:12: tenants.list[0].id: 'all' is reserved, expected another id",
            "tenants.yaml:7:29: tenants.list[0].labels.a: nothing, expected text",
            "tenants.yaml:8:23: tenants.list[1].server: unknown server 'mian', expected main | did you mean 'main'?",
            "tenants.yaml:9:7: tenants.list[2]: the same tenant is listed twice: 2 (line 8), 2 (line 9)",
            "tenants.yaml:10:7: tenants.list[3]: database 'tenant_2' is used twice:"
            " 2 on 'main' (line 9), 3 on 'main' (line 10)",
            "tenants.yaml:10:15: tenants.list[3]: unknown key 'nme',"
            " expected one of id, name, database, server, labels, lock-timeout, role, pin, ... (9 in all)"
            " | did you mean 'name'?",
        ],
    ),
}


@pytest.mark.parametrize(("text", "said"), MEANINGS.values(), ids=MEANINGS)
def test_meaning_refused(text: str, said: Said) -> None:
    """Tenants that cannot be told apart, servers that are not there and odd YAML are named, all at once."""
    assert refuse(text) == said


def test_lock_timeout() -> None:
    """A tenant's own lock timeout comes before the one of all tenants; that of its server stays with the server."""
    config = parse_good(
        "servers: {main: {dsn: host=x, lock-timeout: 1min}}\n"
        "tenants: {migrations: t, server: main, lock-timeout: 500ms, list: [1, {id: 2, lock-timeout: 10 s}]}\n"
    )
    assert [tenant.lock_timeout_ms for tenant in config.tenants] == [500, 10_000]
    assert config.servers["main"].lock_timeout_ms == 60_000
    unsaid = parse_good("servers: {main: host=x}\ntenants: {migrations: t, server: main, list: [1]}\n")
    assert (unsaid.tenants[0].lock_timeout_ms, unsaid.servers["main"].lock_timeout_ms) == (None, None)
