"""Statements made up at random, of the parts that are hard to tell apart: quotes, dollars, comments, operators, bodies.

Every one of them runs on a server that has `OBJECTS`.
"""

from hypothesis import strategies as st

# `<-@`, `@-` and `~*` are operators of ours; the sequence shows in which order statements were run.
OBJECTS = """
    CREATE TABLE t (n int GENERATED ALWAYS AS IDENTITY, a text);
    CREATE TABLE u (a text);
    CREATE FUNCTION more(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 10 * $1 + $2';
    CREATE FUNCTION minus(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0 - $1';
    CREATE OPERATOR <-@ (FUNCTION = more, LEFTARG = int, RIGHTARG = int);
    CREATE OPERATOR @- (FUNCTION = minus, RIGHTARG = int);
    CREATE OPERATOR ~* (FUNCTION = more, LEFTARG = int, RIGHTARG = int);
"""

# What a splitter can trip over, wherever it stands.
_BAITS = [
    ";",
    "'",
    '"',
    "$$",
    "$a$",
    "--",
    "/*",
    "*/",
    "\\",
    "\n",
    " ",
    "é",
    "👩‍👧",
    "x",
    "BEGIN ATOMIC",
    "END",
    ":a",
    "(",
]
_TAGS = ["$$", "$a$", "$b$", "$é_1$", "$END$"]
baits = st.lists(st.sampled_from(_BAITS), max_size=6).map("".join)


def _comment(inner: str) -> str:
    return f"/*{inner.replace('*', '')} */"


comments = st.recursive(
    baits.map(_comment),
    lambda inner: st.builds("/* {} {} {} */".format, st.sampled_from(["", ";", "'", "$$"]), inner, inner),
    max_leaves=3,
)
line_comments = baits.map(lambda bait: f"--{bait.replace(chr(10), '')}\n")
gaps = st.lists(
    st.sampled_from([" ", "\n", "\t", "\r\n", "\f"]) | comments | line_comments, min_size=1, max_size=3
).map(lambda parts: f" {''.join(parts)} ")
# A string goes on behind white space with a line end in it: no comment of stars may stand there.
_breaks = st.builds(" \n{}".format, st.sampled_from(["", " ", "\t", "-- ; '\n"]))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _escaped(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _unicode(text: str) -> str:
    return "U&'" + text.replace("\\", "\\\\").replace("'", "''").replace("x", "\\0078") + "'"


def _other_escape(text: str) -> str:
    return "U&'" + text.replace("'", "''").replace("x", "!0078") + "' UESCAPE '!'"


def _in_dollars(tag: str, text: str) -> str:
    """Quote a text in dollars, its own quotes of that tag taken out; a `$` at its end would be read with the tag's."""
    while tag in text:
        text = text.replace(tag, "")
    return f"{tag}{text} {tag}"


dollars = st.builds(_in_dollars, st.sampled_from(_TAGS), baits)
nested_dollars = st.builds(
    lambda outer, inner, before: _in_dollars(outer, before + inner), st.sampled_from(_TAGS), dollars, baits
)
literals = (
    st.sampled_from([_quoted, _escaped, _unicode, _other_escape]).flatmap(baits.map)
    | dollars
    | nested_dollars
    | st.builds(lambda a, b, c: _quoted(a) + b + _quoted(c), baits, _breaks, baits)
    | st.builds(lambda a, b, c: _escaped(a) + b + _escaped(c)[1:], baits, _breaks, baits)
)
names = baits.map(lambda bait: '"' + bait[:20].replace('"', '""') + 'n"')


def _operate(left: str, operator: str, gap: str, right: str) -> str:
    """Return two numbers with an operator, a comment right behind it: but behind a dash, two more begin at the dash."""
    return f"{left} {operator}{' ' if operator.endswith('-') else ''}{gap} {right}"


sums = st.builds(
    _operate,
    st.sampled_from(["1", "@-1", "@-@-1", "- -1", "(1)"]),
    st.sampled_from(["<-@", "~*", "+", "-", "*", "/"]),
    st.sampled_from(["", " ", "/*;*/", "--;\n", "--\n--'\n", "/* /* ; */ */"]),
    st.sampled_from(["2", "-2", "@-2", "(2)"]),
)

selects = st.builds("SELECT{}{} AS {},{}{}".format, gaps, literals, names, gaps, sums)
inserts = st.builds("INSERT INTO{}t (a) VALUES ({})".format, gaps, literals)
blocks = st.builds(
    lambda gap, tag, literal: f"DO{gap}{_in_dollars(tag, f'BEGIN INSERT INTO t (a) VALUES ({literal}); END')}",
    gaps,
    st.just("$do$"),
    literals,
)
bodies = st.builds(
    "CREATE OR REPLACE FUNCTION{}f() RETURNS text LANGUAGE sql BEGIN{}ATOMIC; INSERT INTO t (a) VALUES ({});"
    " SELECT CASE WHEN{}true THEN {} END; END".format,
    gaps,
    gaps,
    literals,
    gaps,
    literals,
)
rules = st.builds(
    "CREATE OR REPLACE RULE r AS ON INSERT TO u DO{}ALSO (INSERT INTO t (a) VALUES ({});{}SELECT {} ;;)".format,
    gaps,
    literals,
    gaps,
    literals,
)
calls = st.sampled_from(["SELECT f()", "INSERT INTO u VALUES ('x')", "UPDATE t SET a = a || ';'", "SELECT 1 / 0"])
statements = selects | inserts | blocks | bodies | rules | calls
separators = st.builds("{}{}".format, st.sampled_from([";", ";;", " ; \n;"]), gaps | st.just(""))
files = st.builds(
    lambda lead, pairs: lead + "".join(statement + separator for statement, separator in pairs),
    gaps | st.just(""),
    st.lists(st.tuples(statements, separators), min_size=1, max_size=5),
)
