"""What hand-made schemas say of the files that made them: what is there, what is not, and what nothing can show."""

from collections.abc import Sequence

import pytest

from tenantry.schema.snapshot import SchemaObject, Snapshot
from tenantry.takeover.evidence import Evidence, Presence, SchemaChange, TenantStanding, find_effects, weigh
from tests.builders import migration

P, HALF, ABSENT, UNSEEN = Presence.PRESENT, Presence.PARTIAL, Presence.ABSENT, Presence.UNSEEN


def one(kind: str, name: str, parent: str = "", **facts: str) -> SchemaObject:
    """Return an object; a blank in the name of a fact is written as an underline."""
    return SchemaObject(kind, name, {fact.replace("_", " "): text for fact, text in facts.items()}, parent)


def schema(*objects: SchemaObject) -> Snapshot:
    return Snapshot("", {each.key: each for each in objects})


ROOMS = one("table", "public.rooms")
ID = one("column", "public.rooms.id", "public.rooms", type="integer")
NAME = one("column", "public.rooms.name", "public.rooms", type="text")
LONG_NAME = one("column", "public.rooms.name", "public.rooms", type="text", not_null="yes")
RATE = one("column", "public.rooms.rate", "public.rooms", type="numeric(10,2)")
WRONG_RATE = one("column", "public.rooms.rate", "public.rooms", type="text")
INDEX = one("index", "public.rooms_name", "public.rooms", definition="CREATE INDEX ...")
NOTES = one("table", "public.notes")
NOTE = one("column", "public.notes.note", "public.notes", type="text")
BEDS = one("table", "public.beds")
PUBLIC = one("schema", "public")

EMPTY = schema(PUBLIC)
# The first makes rooms, the second a rate and an index, the third changes data, the fourth has names never be null.
FIRST = schema(PUBLIC, ROOMS, ID, NAME)
SECOND = schema(PUBLIC, ROOMS, ID, NAME, RATE, INDEX)
FOURTH = schema(PUBLIC, ROOMS, ID, LONG_NAME, RATE, INDEX)
CHAIN = (EMPTY, FIRST, SECOND, SECOND, FOURTH)


def read(found: Snapshot, chain: Sequence[Snapshot] = CHAIN) -> Evidence:
    """Weigh as many files as the chain has steps."""
    files = [migration(f"{number:04}_file") for number in range(len(chain) - 1)]
    return weigh(files, chain, found)


def presences(evidence: Evidence) -> list[Presence]:
    return [file.presence for file in evidence.files]


@pytest.mark.parametrize(
    ("found", "standing", "expected"),
    [
        pytest.param(EMPTY, TenantStanding.EMPTY, [ABSENT, ABSENT, UNSEEN, ABSENT], id="empty"),
        pytest.param(FIRST, TenantStanding.MATCH, [P, ABSENT, UNSEEN, ABSENT], id="first"),
        pytest.param(SECOND, TenantStanding.MATCH, [P, P, UNSEEN, ABSENT], id="second"),
        pytest.param(FOURTH, TenantStanding.MATCH, [P, P, UNSEEN, P], id="all"),
        pytest.param(
            schema(PUBLIC, ROOMS, ID, NAME, RATE), TenantStanding.PARTIAL, [P, HALF, UNSEEN, ABSENT], id="half"
        ),
        pytest.param(schema(PUBLIC, ROOMS, ID, LONG_NAME), TenantStanding.PARTIAL, [P, ABSENT, UNSEEN, P], id="gap"),
        pytest.param(
            schema(PUBLIC, ROOMS, ID, NAME, WRONG_RATE, INDEX),
            TenantStanding.DRIFTED,
            [P, Presence.PARTIAL, UNSEEN, ABSENT],
            id="type",
        ),
        pytest.param(
            schema(PUBLIC, ROOMS, ID, NAME, BEDS), TenantStanding.DRIFTED, [P, ABSENT, UNSEEN, ABSENT], id="table"
        ),
        pytest.param(schema(PUBLIC, BEDS), TenantStanding.DRIFTED, [ABSENT, ABSENT, UNSEEN, ABSENT], id="another's"),
    ],
)
def test_standing(found: Snapshot, standing: TenantStanding, expected: list[Presence]) -> None:
    """A database is what its files come to together: in order a match, with gaps partial, with more drifted."""
    evidence = read(found)
    assert (evidence.standing, presences(evidence)) == (standing, expected)


def test_effects() -> None:
    """What a file does is what it makes, each fact that it changes, and what it drops."""
    assert list(find_effects(FIRST, schema(PUBLIC, ROOMS, LONG_NAME, BEDS))) == [
        SchemaChange(LONG_NAME.key, "public.rooms", fact="not null", value="yes"),
        SchemaChange(BEDS.key, ""),
        SchemaChange(ID.key, "public.rooms", gone=True),
    ]


def test_fact_that_is_taken_away() -> None:
    """A fact that goes back to its default is an effect without a value."""
    assert list(find_effects(FOURTH, SECOND)) == [SchemaChange(NAME.key, "public.rooms", fact="not null")]


def test_nothing_done() -> None:
    """A file that leaves the schema as it was has no effects."""
    assert list(find_effects(SECOND, SECOND)) == []


def test_missing_effects_are_named() -> None:
    """Of a file that is half there, what is missing is named, and counted by kind."""
    file = read(schema(PUBLIC, ROOMS, ID, NAME, RATE)).files[1]
    assert file.missing == (SchemaChange(INDEX.key, "public.rooms"),)
    assert file.counts == (("column", 1, 1), ("index", 0, 1))


def test_columns_of_a_new_table_are_not_counted() -> None:
    """What comes with a table of the same file is not counted beside it."""
    assert read(FIRST).files[0].counts == (("table", 1, 1),)


def test_having() -> None:
    """The files are given by how much of them is there."""
    assert [found.version for found in read(SECOND).having(P)] == [0, 1]
    assert [found.version for found in read(SECOND).having(UNSEEN)] == [2]


def test_what_no_comparison_shows() -> None:
    """A file is not taken for done if one of its statements leaves no trace in a schema."""
    text = "CREATE TABLE rooms (id integer); GRANT CREATE ON DATABASE hotel TO clerk"
    (there,) = weigh([migration(sql=text)], (EMPTY, FIRST), FIRST).files
    (absent,) = weigh([migration(sql=text)], (EMPTY, FIRST), schema(PUBLIC, BEDS)).files
    assert (there.presence, absent.presence) == (UNSEEN, ABSENT)


class TestSuperseded:
    """What a later file undoes can show nothing."""

    def test_dropped_by_a_later_file(self) -> None:
        """An object that a later file drops says nothing of the file that made it, where it is not there."""
        chain = (EMPTY, schema(PUBLIC, ROOMS, NOTES), schema(PUBLIC, ROOMS))
        assert presences(read(schema(PUBLIC, ROOMS), chain)) == [P, P]
        assert presences(read(schema(PUBLIC, ROOMS, NOTES), chain)) == [P, ABSENT]

    def test_made_and_dropped_whole(self) -> None:
        """A table of which nothing is left is no sign that it was ever made, and so none that it was dropped."""
        chain = (EMPTY, FIRST, schema(*FIRST.objects.values(), NOTES, NOTE), FIRST, SECOND)
        assert presences(read(FIRST, chain)) == [P, UNSEEN, UNSEEN, ABSENT]
        assert presences(read(SECOND, chain)) == [P, UNSEEN, UNSEEN, P]
        assert presences(read(EMPTY, chain)) == [ABSENT, UNSEEN, UNSEEN, ABSENT]

    def test_changed_by_a_later_file(self) -> None:
        """A fact that has a later file's value shows that the earlier file ran as well."""
        wide = one("column", "public.rooms.rate", "public.rooms", type="numeric(12,2)")
        before = schema(PUBLIC, ROOMS, WRONG_RATE)
        chain = (before, schema(PUBLIC, ROOMS, RATE), schema(PUBLIC, ROOMS, wide))
        assert presences(read(schema(PUBLIC, ROOMS, wide), chain)) == [P, P]
        assert presences(read(schema(PUBLIC, ROOMS, RATE), chain)) == [P, ABSENT]

    def test_made_again(self) -> None:
        """That an object is gone, which a later file makes again, is seen while it is gone, or is another one."""
        chain = (FIRST, EMPTY, FIRST)
        assert presences(read(FIRST, chain)) == [UNSEEN, P]
        assert presences(read(EMPTY, chain)) == [P, ABSENT]
        other = schema(PUBLIC, ROOMS, ID)
        chain = (FIRST, EMPTY, other)
        assert presences(read(other, chain))[0] == P


class TestDropped:
    """What a file drops."""

    DROPPED = schema(PUBLIC, ROOMS, ID)
    LATER = (EMPTY, FIRST, DROPPED)

    def test_column(self) -> None:
        """A column that is gone from its table shows that the file ran, and one that is there that it did not."""
        assert presences(read(self.DROPPED, self.LATER)) == [P, P]
        assert presences(read(FIRST, self.LATER)) == [P, ABSENT]

    def test_column_of_no_table(self) -> None:
        """Of a table that is not there, a column that is gone shows nothing."""
        assert presences(read(EMPTY, self.LATER)) == [ABSENT, UNSEEN]

    def test_column_that_a_file_added(self) -> None:
        """A column that one file adds alone and another drops can be seen in neither, once it is not there."""
        chain = (EMPTY, FIRST, schema(*FIRST.objects.values(), RATE), FIRST)
        assert presences(read(FIRST, chain)) == [P, UNSEEN, UNSEEN]
        assert presences(read(chain[2], chain)) == [P, P, ABSENT]

    def test_there_before_all_files(self) -> None:
        """What was there before the first file, and is not, was dropped."""
        chain = (FIRST, EMPTY)
        assert presences(read(EMPTY, chain)) == [P]


class TestForeign:
    """What no file stands for."""

    def test_object(self) -> None:
        """An object that no file makes is foreign; its columns are not named beside it."""
        beds = (BEDS, one("column", "public.beds.id", "public.beds", type="integer"))
        assert read(schema(*FIRST.objects.values(), *beds)).foreign == (SchemaChange(BEDS.key, ""),)

    def test_part_of_a_known_table(self) -> None:
        """A column that no file adds to a table of theirs is foreign."""
        extra = one("column", "public.rooms.colour", "public.rooms", type="text")
        assert read(schema(*FIRST.objects.values(), extra)).foreign == (SchemaChange(extra.key, "public.rooms"),)

    def test_value(self) -> None:
        """A value that no file ever sets is foreign, one of any version is not."""
        drifted = schema(PUBLIC, ROOMS, ID, NAME, WRONG_RATE, INDEX)
        assert read(drifted).foreign == (SchemaChange(RATE.key, "public.rooms", fact="type", value="text"),)
        assert read(schema(PUBLIC, ROOMS, ID, LONG_NAME)).foreign == ()

    def test_default_that_no_file_leaves(self) -> None:
        """A fact that every version has and the database has not is foreign, without a value."""
        bare = one("index", "public.rooms_name", "public.rooms")
        found = read(schema(PUBLIC, ROOMS, ID, NAME, RATE, bare)).foreign
        assert found == (SchemaChange(INDEX.key, "public.rooms", fact="definition"),)


def test_only_data() -> None:
    """Where no file can be seen, a database that has what was there before is empty."""
    evidence = read(EMPTY, (EMPTY, EMPTY, EMPTY))
    assert (evidence.standing, presences(evidence)) == (TenantStanding.EMPTY, [UNSEEN, UNSEEN])


def test_no_files() -> None:
    """Without files, whatever is there beside the empty schema is foreign."""
    assert read(FIRST, (EMPTY,)).standing is TenantStanding.DRIFTED
    assert read(EMPTY, (EMPTY,)).standing is TenantStanding.EMPTY
