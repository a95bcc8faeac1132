from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jettison.registry.challenge import Challenge, parse, repository_scope, union


def test_bearer() -> None:
    text = 'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"'
    (challenge,) = parse([text])
    assert challenge.scheme == "bearer"
    assert challenge.parameters["realm"] == "https://auth.example/token"
    assert challenge.scopes == {"repository:a/b:pull,push"}


def test_several_in_one_header_and_in_many() -> None:
    headers = ['Negotiate, Basic realm="a, \\"b\\" c" , Bearer realm=https://x/t,error="invalid_token"', "NTLM"]
    assert [(c.scheme, c.parameters.get("realm")) for c in parse(headers)] == [
        ("negotiate", None),
        ("basic", 'a, "b" c'),
        ("bearer", "https://x/t"),
        ("ntlm", None),
    ]


@given(st.lists(st.text(max_size=60), max_size=3))
def test_anything_can_be_parsed(headers: list[str]) -> None:
    assert all(isinstance(challenge, Challenge) for challenge in parse(headers))


def test_scopes_of_one_resource_are_joined() -> None:
    scopes = [repository_scope("a"), repository_scope("b", "pull,push"), "repository:a:push", repository_scope("a")]
    assert union(scopes) == ("repository:a:pull,push", "repository:b:pull,push")
