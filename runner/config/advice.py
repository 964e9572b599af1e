"""Advice on connection strings that other programs would accept.

It shows only words that everybody knows: any other may be a part of a password.
"""

import re

from tenantry.model.words import nearest

# Of a shell, of make and compose files, of Windows, and of templates.
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)|\$\(([A-Za-z_]\w*)\)|%([A-Za-z_]\w*)%|\{\{ *([A-Za-z_]\w*) *\}\}")
# SQLAlchemy's way to name a driver.
_DRIVER = re.compile(r"postgres(?:ql)?(\+[a-z0-9]+)://")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
# Parameters of Prisma, JDBC and Django.
_FOREIGN = ("schema", "currentSchema", "pgbouncer", "connection_limit", "pool_timeout", "sslaccept", "ssl", "charset")
_KEY = re.compile(r"(?:^|\s)([A-Za-z_]+)\s*=")
# The words of other programs, each with libpq's own.
_MEANT = {
    **dict.fromkeys(("pass", "passwd", "pwd"), "password"),
    **dict.fromkeys(("database", "db", "name"), "dbname"),
    **dict.fromkeys(("username", "usr", "uid"), "user"),
    **dict.fromkeys(("server", "hostname", "address"), "host"),
}
_KNOWN = ("host", "hostaddr", "port", "dbname", "user", "password", "passfile", "service", "sslmode", "connect_timeout")
# A host alone, with its port or without.
_HOST = re.compile(r"localhost(:\d+)?|[\w-]+(\.[\w-]+)+(:\d+)?|[\w-]+:\d+")


def advise(dsn: str, words: tuple[str, ...]) -> str:
    """Return how to correct a malformed connection string; empty if that is not known.

    `words` may stand in place of one.
    """
    text = dsn.strip()
    if variable := _VARIABLE.fullmatch(text):
        return f"write ${{{next(filter(None, variable.groups()))}}}"
    if text.startswith("jdbc:"):
        return "remove jdbc: at the start"
    if driver := _DRIVER.match(text):
        return f"remove {driver[1]}"
    if scheme := _SCHEME.match(text):
        return _advise_url(text, scheme[1])
    if re.match(r"postgres(ql)?:?/", text):
        return "start it with postgresql://"
    return _advise_pairs(text) or nearest(dsn, words)


def _advise_url(url: str, scheme: str) -> str:
    if scheme.lower() not in ("postgresql", "postgres"):
        return "name a PostgreSQL server: tenantry works with no other"
    if foreign := [word for word in _FOREIGN if re.search(rf"[?&]{word}=", url)]:
        return f"remove the parameter {foreign[0]}, which libpq does not know"
    if url.count("@") > 1:
        return "write an @ in a password as %40, or keep the password in a variable"
    if re.search(r"%(?![0-9A-Fa-f]{2})", url):
        return "write a % in a password as %25, or keep the password in a variable"
    return ""


def _advise_pairs(text: str) -> str:
    if _HOST.fullmatch(text):
        return "write host=NAME, and port=NUMBER unless it is 5432"
    if ";" in text:
        return "separate its parts with spaces instead of semicolons"
    keys = [key.lower() for key in _KEY.findall(text)]
    if meant := next((_MEANT[key] for key in keys if key in _MEANT), ""):
        return f"did you mean {meant!r}?"
    # Only one of libpq's own words is shown, and the one that was typed is not.
    return next(filter(None, (nearest(key, _KNOWN) for key in keys if key not in _KNOWN)), "")
