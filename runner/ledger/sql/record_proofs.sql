INSERT INTO {schema}._migrations_proofs AS kept (set_name, tenant, expected, token, proven_at, run_id, tool_version)
VALUES {rows}
ON CONFLICT (set_name, tenant) DO UPDATE SET
    expected = excluded.expected,
    token = excluded.token,
    proven_at = excluded.proven_at,
    run_id = excluded.run_id,
    tool_version = excluded.tool_version
