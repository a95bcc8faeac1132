"""Who USER is: what an engine makes of a name, from the image's own passwd and group.

As Docker does it: `user`, `uid`, `user:group`; a number that nobody has is its own user with group 0; supplementary
groups are those that list the user, and none where a group was given.
"""

from __future__ import annotations

from dataclasses import dataclass

from jettison.errors import UsageError


@dataclass(frozen=True, slots=True)
class Account:
    """A user by numbers; `home` is None where passwd does not know it."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str | None = None

    @property
    def root(self) -> bool:
        """True for a run as plain root, which needs no change of user."""
        return self.uid == 0 and self.gid == 0 and not self.groups

    def text(self, *, home: bool) -> bytes:
        """What the sensor's `-u` reads; with the home where `home` says that nobody else sets it."""
        groups = ",".join(str(group) for group in self.groups)
        line = f"{self.uid}:{self.gid}:{groups}\n"
        return (line + (f"{self.home or '/'}\n" if home else "")).encode("utf-8", "surrogateescape")


def account(user: str, passwd: bytes, group: bytes) -> Account:
    """The account that `user` names, given the two files. Raises `UsageError` for a name that they do not have."""
    wanted, _, wanted_group = user.strip().partition(":")
    users, groups = _rows(passwd, 7), _rows(group, 4)
    row = next((row for row in users if wanted in (row[0], row[2]) and row[2].isdigit() and row[3].isdigit()), None)
    if row is not None:
        uid, gid, home, name = int(row[2]), int(row[3]), row[5], row[0]
    elif wanted.isdigit() or not wanted:
        uid, gid, home, name = int(wanted or 0), 0, None, ""
    else:
        raise UsageError(f"the image has no user {wanted!r}: its /etc/passwd does not list one")
    if wanted_group:
        gid = _gid(wanted_group, groups)
        return Account(uid, gid, (), home)
    more = {int(row[2]) for row in groups if row[2].isdigit() and name and name in row[3].split(",")}
    return Account(uid, gid, tuple(sorted(more)), home)


def _gid(wanted: str, groups: list[list[str]]) -> int:
    for row in groups:
        if wanted in (row[0], row[2]) and row[2].isdigit():
            return int(row[2])
    if wanted.isdigit():
        return int(wanted)
    raise UsageError(f"the image has no group {wanted!r}: its /etc/group does not list one")


def _rows(data: bytes, width: int) -> list[list[str]]:
    rows = [line.split(":") for line in data.decode("utf-8", "surrogateescape").splitlines()]
    return [row for row in rows if len(row) >= width]
