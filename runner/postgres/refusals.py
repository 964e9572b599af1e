"""Why a server takes no connection, as libpq words it: who logs in, where to, or how many do.

libpq passes on no SQLSTATE for a connection that failed, but the server's message alone. A message in another language
than English is known by none of these, and counts as a server that cannot be reached.
"""

import re

from tenantry.model import Tenant
from tenantry.model.errors import Blocked, NoDatabase, Refused, TenantError, Unreachable
from tenantry.sqltext.names import quote

# 28P01 and 28000: of the server, of libpq itself, and of PgBouncer.
_LOGIN = re.compile(
    r"authentication failed|authentication method requirement|no password supplied|no pg_hba\.conf entry"
    r'|pg_hba\.conf rejects|role ".*" does not exist|is not permitted to log in|no such user'
)
# 42501, of a start-up packet that switches to a role.
_SET_ROLE = re.compile(r"permission denied to set role")
# 3D000.
_DATABASE = re.compile(r'database ".*" does not exist|no such database')
# 42501.
_CONNECT = re.compile(r'permission denied for database(?: "([^"]*)")?')
# 53300.
_FULL = re.compile(r"too many (clients|connections)|remaining connection slots|no more connections allowed")
# 57P03, and of libpq and PgBouncer: the server is not there, or not yet again.
_AWAY = re.compile(
    r"Connection (refused|reset|timed out)|timeout expired|No such file or directory|closed the connection"
    r"|No route to host|is unreachable|the database system is|server login has been failing|server conn crashed"
)
# Of libpq, before it looks for a server.
_SERVICE = re.compile(r'definition of service ".*" not found|service file ".*" not found')
# Of libpq and of the server, about the connection string itself: it is the same at each attempt. With quotes or
# without, by version.
_STRING = re.compile(
    r"server does not support SSL|root certificate file .* does not exist|private key file .* (?:does not exist|has)"
    r"|certificate verify failed|does not match host name|could not read (?:certificate|root certificate) file"
    r"|unrecognized configuration parameter|requires a value|invalid value for parameter"
    r"|invalid (?:connection option|integer value|port number|[a-z_]+ value)|invalid command-line argument"
)
# PgBouncer's answer to a start-up packet that it refuses, and the setting that makes it accept ours.
_OPTIONS = re.compile(r"unsupported startup parameter")
_ALLOW_OPTIONS = (
    "write ignore_startup_parameters = extra_float_digits, options in pgbouncer.ini and reload it: tenantry sets its "
    "options in each transaction as well"
)
_FEWER = "close other connections, raise the limit, or use a lower --jobs; then run the same command again"


def may_be_login(reason: str) -> bool:
    """Return whether a connection may have failed for its password: it is not known to have failed for anything else.

    A message in another language, and one of a network that broke, may be anything.
    """
    return bool(_LOGIN.search(reason)) or not any(
        one.search(reason) for one in (_OPTIONS, _SERVICE, _STRING, _DATABASE, _CONNECT, _FULL, _SET_ROLE)
    )


def is_away(reason: str) -> bool:
    """Return whether a server did not answer, as while it restarts; a refusal in unknown words is an answer."""
    return bool(_AWAY.search(reason))


def explain_refusal(
    reason: str, server: str, user: str, password_from: str, role: str = "", *, waited_s: float = 0.0, entry: str = ""
) -> TenantError:
    """Return the error for a connection that failed. `password_from` names the variable of the password, if known.

    `role` is the one that it was to work as, if that is not the one that logs in. `waited_s`: how long the server was
    waited for in vain before. `entry` is the name of its connection string, if that is not one of the servers in
    tenants.yaml.
    """
    entry = entry or f"{server!r} under servers in tenants.yaml"
    said = f"server {server!r}: {reason}"
    if _OPTIONS.search(reason):
        return Unreachable(said, hint=_ALLOW_OPTIONS)
    if role and (_SET_ROLE.search(reason) or f'role "{role}" does not exist' in reason):
        create = f"CREATE ROLE {quote(role)}; " if "does not exist" in reason else ""
        return Refused(
            f"server {server!r}: login refused for {user!r} as role {role!r}: {reason}",
            hint=f"as a superuser: {create}GRANT {quote(role)} TO {quote(user)}; or correct role in tenants.yaml",
        )
    if _SERVICE.search(reason):
        return Refused(said, hint=f"add the service to the service file of libpq, or correct {entry}")
    if _LOGIN.search(reason):
        check = (
            f"check {password_from}, and the user of {entry}"
            if password_from
            else f"check user and password of {entry}"
        )
        return Refused(f"server {server!r}: login refused for {user!r}: {reason}", hint=check)
    if _DATABASE.search(reason):
        return NoDatabase(said, hint=f"create the database, or correct its name or {entry}")
    if denied := _CONNECT.search(reason):
        database = f"DATABASE {quote(denied[1])}" if denied[1] else "DATABASE ..."
        return Refused(said, hint=f"as its owner: GRANT CONNECT ON {database} TO {quote(user)};")
    if _FULL.search(reason):
        return Blocked(said, hint=_FEWER)
    if _STRING.search(reason):
        return Refused(said, hint=f"correct {entry}")
    start = "start the server"
    if waited_s:
        said, start = (
            f"server {server!r}: waited {waited_s:g} s for it without success: {reason}",
            f"{start}, raise --wait",
        )
    return Unreachable(said, hint=f"{start}, or correct {entry}; then run the same command again")


def explain_uncreated(tenant: Tenant, reason: str, user: str) -> Refused:
    """Return the refusal where a role may not create the tenant's database, as its own or for the role of the tenant.

    The server checks CREATEDB first: with it, only the membership in the tenant's role is missing.
    """
    create = f"CREATE DATABASE {quote(tenant.database)}"
    if "create database" in reason or not tenant.role:
        allow = f"ALTER ROLE {quote(user)} CREATEDB;"
    else:
        allow = f"GRANT {quote(tenant.role)} TO {quote(user)};"
    owner = quote(tenant.role or user)
    return Refused(
        f"server {tenant.server.name!r}: the database {tenant.database!r} cannot be created: {reason}",
        hint=f"as a superuser: {allow} or create it yourself: {create} OWNER {owner};",
    )
