"""What Flyway, Rails, sqitch, sqlx and tern recorded, and the claims that follow from it."""

from datetime import UTC, datetime

from tenantry.takeover.records.histories import ForeignRecord, SourceFile

TOOLS = ("flyway", "rails", "sqitch", "sqlx", "tern")
FOLDERS = {
    "flyway": "flyway/migrations",
    "rails": "rails/db/migrate",
    "sqitch": "sqitch/project",
    "sqlx": "sqlx/migrations",
    "tern": "tern/migrations",
}
PLACEHOLDERS = "has placeholders: Flyway's checksum includes their values"
BELOW = "below version 2: tern records only the newest"
NO_SCRIPT = "in the plan, but without a deploy script"
ROOMS_V1 = "000230e82258b2db4cbd769eaefdfe6c8aba02ad"
ROOMS = "77820ab23b2b2d457af9bafa8c5da09c9095c6d4"
SESSIONS = "0c2a7f69b3dc1d66f61c021fc1674f4130cd7293"
DEPOSITS = "79c2552a7c184b9439b0dc207c34c71b05e50f85"
SHA_ROOMS = "96ba05125b8c709d9b2de826cb3f11ba2ebfafc2e5f9147ad50c526c861e3e87ebd923407164a955ad7f019e55b5805e"
SHA_SESSIONS = "a453440c8f927777352f95f49c5892503b17b3163b54ff31c8d0bdc2ff78d0843fd328aa9ffb18fcf08f2647d8e94cfe"
# What sqlx recorded of the same file with CRLF.
SHA_SESSIONS_CRLF = "8bb9b21d93bd0e396b86843c1d9ce36db204907a715326a425485936d6d7bb91dbd99cd80f634beb8f327b4104499783"
SHA_INDEX = "e7d40bbde4799d6b47e54d5e4ea9c289f264d4f88d0266a57e2fa92222e2415cc750c1d56eca5c8d35d28a6fa29f90a9"


def january(day: int, second: int) -> datetime:
    """Return a time in the month in which Flyway's rows are written."""
    return datetime(2026, 1, day, 9, 0, second, tzinfo=UTC)


def november(hour: int, minute: int, second: int, microsecond: int) -> datetime:
    """Return a time of the day on which the other tools were run."""
    return datetime(2026, 11, 22, hour, minute, second, microsecond, tzinfo=UTC)


RECORDS = {
    "flyway": [
        ForeignRecord("1", january(5, 2), "-2019916005"),
        ForeignRecord("R__Busy_rooms", january(6, 3), "-875010686"),
        ForeignRecord("R__comments", january(5, 5), "481707589"),
        ForeignRecord("1.1", january(6, 1), "1560785125"),
        ForeignRecord("2", january(6, 2), "1789116142"),
        ForeignRecord("10", january(7, 1), "849340676"),
    ],
    "rails": [ForeignRecord("20260105090000"), ForeignRecord("20260106090000")],
    "sqitch": [
        ForeignRecord("studio:rooms", november(16, 58, 33, 997501), ROOMS_V1),
        ForeignRecord("studio:sessions", november(16, 58, 34, 63073), SESSIONS),
        ForeignRecord("studio:rooms#2", november(16, 58, 34, 124875), ROOMS),
    ],
    "sqlx": [
        ForeignRecord("20260105090000", november(17, 7, 15, 799457), SHA_ROOMS),
        ForeignRecord("20260106090000", november(17, 7, 15, 800397), SHA_SESSIONS),
        ForeignRecord("20260107090000", november(17, 7, 15, 801535), SHA_INDEX),
    ],
    "tern": [ForeignRecord("2")],
}
FILES = {
    "flyway": [
        SourceFile("1", "V1__rooms.sql", "-2019916005"),
        SourceFile("1.1", "V1_1__sessions.sql", "1560785125"),
        SourceFile("2", "later/V2__names.sql", "1789116142"),
        SourceFile("10", "V10__deposits.sql", "849340676"),
        SourceFile("11", "V11__index.sql", "-774872273"),
        SourceFile("R__Busy_rooms", "R__Busy_rooms.sql", "-875010686"),
        SourceFile("R__comments", "R__comments.sql", note=PLACEHOLDERS),
    ],
    "rails": [
        SourceFile("20260105090000", "20260105090000_create_rooms.rb"),
        SourceFile("20260106090000", "20260106090000_create_sessions.rb"),
        SourceFile("20260107090000", "20260107090000_add_deposit.rb"),
    ],
    "sqitch": [
        SourceFile("studio:rooms", "deploy/rooms@v1.sql", ROOMS_V1),
        SourceFile("studio:sessions", "deploy/sessions.sql", SESSIONS),
        SourceFile("studio:rooms#2", "deploy/rooms.sql", ROOMS),
        SourceFile("studio:deposits", "deploy/deposits.sql", DEPOSITS),
    ],
    "sqlx": [
        SourceFile("20260105090000", "20260105090000_rooms.sql", SHA_ROOMS),
        SourceFile("20260106090000", "20260106090000_sessions.up.sql", SHA_SESSIONS),
        SourceFile("20260107090000", "20260107090000_index.sql", SHA_INDEX),
    ],
    "tern": [
        SourceFile("1", "001_rooms.sql"),
        SourceFile("2", "002_sessions.sql"),
        SourceFile("3", "003_deposits.sql"),
    ],
}
CLAIMS = {
    "flyway": [
        ("1", "match", ""),
        ("1.1", "match", ""),
        ("2", "match", ""),
        ("10", "match", ""),
        ("11", "file without row", ""),
        ("R__Busy_rooms", "match", ""),
        ("R__comments", "cannot verify", PLACEHOLDERS),
    ],
    "rails": [
        ("20260105090000", "cannot verify", ""),
        ("20260106090000", "cannot verify", ""),
        ("20260107090000", "file without row", ""),
    ],
    "sqitch": [
        ("studio:rooms", "match", ""),
        ("studio:sessions", "match", ""),
        ("studio:rooms#2", "match", ""),
        ("studio:deposits", "file without row", ""),
    ],
    "sqlx": [(version, "match", "") for version in ("20260105090000", "20260106090000", "20260107090000")],
    "tern": [("1", "cannot verify", BELOW), ("2", "cannot verify", ""), ("3", "file without row", "")],
}
