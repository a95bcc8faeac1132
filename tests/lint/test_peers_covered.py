"""Every rule of the peers is an alias of one of ours, or stands here with the reason why not; ours name no others.

The lists are those of the peers' own sources, read at the commits named beside them.
"""

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
    "InvalidBaseImagePlatform": "wants the base image pulled: lint opens no connection",
    "InvalidDefinitionDescription": "experimental in BuildKit and off there: the form of a comment above FROM and ARG",
    "CIS-DI-0005": "whether the one who pulls has set DOCKER_CONTENT_TRUST",
}

# src/Hadolint/Rule/DL*.hs at 8f936c5 and the parse failure, with the codes that earlier versions had.
HADOLINT = (
    *("DL1000", "DL1001", *(f"DL30{number:02}" for number in range(68))),
    *("DL4000", "DL4001", "DL4002", "DL4003", "DL4004", "DL4005", "DL4006"),
)
# frontend/dockerfile/linter/ruleset.go at 73ed682.
BUILDKIT = (
    *("StageNameCasing", "FromAsCasing", "NoEmptyContinuation", "ConsistentInstructionCasing", "DuplicateStageName"),
    *("ReservedStageName", "JSONArgsRecommended", "MaintainerDeprecated", "UndefinedArgInFrom", "WorkdirRelativePath"),
    *("UndefinedVar", "MultipleInstructionsDisallowed", "LegacyKeyValueFormat", "InvalidBaseImagePlatform"),
    *("RedundantTargetPlatform", "SecretsUsedInArgOrEnv", "InvalidDefaultArgInFrom", "CopyIgnoredFile"),
    *("FromPlatformFlagConstDisallowed", "InvalidDefinitionDescription", "ExposeProtoCasing", "ExposeInvalidFormat"),
)
# checks/docker/*.rego at 80e5382: 28 identifiers, 3, 18 and 28 not among them.
TRIVY = tuple(f"DS-{number:04}" for number in range(1, 32) if number not in (3, 18, 28))
# checkov/dockerfile/checks at 03d5fda.
CHECKOV = (
    *(f"CKV_DOCKER_{number}" for number in range(1, 12)),
    *(f"CKV2_DOCKER_{number}" for number in range(1, 18)),
)
# pkg/types/checkpoint.go at 35171cc.
DOCKLE = (
    *("CIS-DI-0001", "CIS-DI-0005", "CIS-DI-0006", "CIS-DI-0007", "CIS-DI-0008", "CIS-DI-0009", "CIS-DI-0010"),
    *("DKL-DI-0001", "DKL-DI-0002", "DKL-DI-0003", "DKL-DI-0004", "DKL-DI-0005", "DKL-DI-0006"),
    *("DKL-LI-0001", "DKL-LI-0002", "DKL-LI-0003"),
)
PEERS = {*HADOLINT, *BUILDKIT, *TRIVY, *CHECKOV, *DOCKLE}
KNOWN = {alias for rule in all_rules() for alias in rule.aliases}


def test_no_rule_is_missing_from_the_lists() -> None:
    # hadolint: 71 modules, five codes given up, the parse failure.
    assert [len(peer) for peer in (HADOLINT, BUILDKIT, TRIVY, CHECKOV, DOCKLE)] == [77, 22, 28, 28, 16]


def test_every_rule_of_a_peer_has_its_own_or_a_reason() -> None:
    assert not PEERS - KNOWN - set(WITHOUT)
    assert not KNOWN & set(WITHOUT)


def test_no_alias_names_a_rule_that_no_peer_has() -> None:
    assert not KNOWN - PEERS
