"""Every rule of the peers is an alias of one of ours, or stands here with the reason why not."""

from __future__ import annotations

from jettison.rules.engine.registry import all_rules

RETIRED = "hadolint itself has given it up"
WITHOUT = {
    "DL1001": "forbids hadolint's own pragmas; ours have IGN001, which reports those that silence nothing",
    "DL3005": RETIRED,
    "DL3017": RETIRED,
    "DL3031": RETIRED,
    "DL3039": RETIRED,
    "DL4002": RETIRED,
    "InvalidDefinitionDescription": "experimental in BuildKit and off there: the form of a comment above FROM and ARG",
}
HADOLINT = (
    *("DL1001", *(f"DL30{number:02}" for number in range(49)), *(f"DL30{number}" for number in range(50, 63))),
    *("DL3064", "DL3066", *(f"DL400{number}" for number in range(7))),
)
BUILDKIT = (
    *("ConsistentInstructionCasing", "CopyIgnoredFile", "DuplicateStageName", "ExposeInvalidFormat"),
    *("ExposeProtoCasing", "FromAsCasing", "FromPlatformFlagConstDisallowed", "InvalidDefaultArgInFrom"),
    *("InvalidDefinitionDescription", "JSONArgsRecommended", "LegacyKeyValueFormat", "MaintainerDeprecated"),
    *("MultipleInstructionsDisallowed", "NoEmptyContinuation", "RedundantTargetPlatform", "ReservedStageName"),
    *("SecretsUsedInArgOrEnv", "StageNameCasing", "UndefinedArgInFrom", "UndefinedVar", "WorkdirRelativePath"),
)
TRIVY = tuple(f"DS-{number:04}" for number in (1, 2, 4, 5, 6, 7, 8, 9, *range(10, 18), *range(19, 28), 29, 30, 31))
CHECKOV = (
    *(f"CKV_DOCKER_{number}" for number in range(1, 12)),
    *(f"CKV2_DOCKER_{number}" for number in range(1, 18)),
)


def test_every_rule_of_a_peer_has_its_own_or_a_reason() -> None:
    known = {alias for rule in all_rules() for alias in rule.aliases}
    peers = {*HADOLINT, *BUILDKIT, *TRIVY, *CHECKOV}
    assert peers - known - set(WITHOUT) == set()
    assert known & set(WITHOUT) == set()
