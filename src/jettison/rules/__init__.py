r'''Rules: what a Dockerfile should not do, and how to mend it. One class a rule, one file a family; how to write one.

## A rule is one class

Put it into `rules/<family>.py`; it is found by its folder, no list is kept. `rules/apt.py` is the model. Tests, the
documentation page, `jettison rules CODE`, SARIF and the editor's quick fix come from the class:

    class ListsKept(ScriptRule):
        """Package lists stay in the layer.                  <- one sentence: what is wrong

        What it does: ...      Why is this bad: ...          <- what people read; name what differs from a peer and why
        Use instead: ...       Fix safety: ...
        Sources: hadolint DL3009, ...
        """

        code = "APT002"                    # our code: family letters and three digits; never reused
        name = "apt-lists-kept"            # readable; says what is found, not what to do
        aliases = ("DL3009",)              # hadolint, BuildKit check names, DS-0017, CKV_DOCKER_5, CIS-DI-0007
        severity = Severity.WARNING        # STYLE, INFO, WARNING, ERROR
        safety = Safety.SAFE               # what its fix promises; leave out when it has none
        default = True                     # False: only on request
        onbuild = True                     # False: not for what ONBUILD triggers
        mentions = (b"apt",)               # cheap: not asked unless the file (ScriptRule: the RUN) holds one of these
        bad = "FROM debian:12\nRUN ...\n"  # whole Dockerfiles, one or a tuple: bad[i] is found, and is fixed
        good = "FROM debian:12\nRUN ...\n" #   to exactly good[i]; further goods only have to be quiet

        def check(self, script, context):
            yield context.found(self, where, "one sentence, no full stop", fix="delete ...", edits=[edit])

An example may also be an indented block: r""" and a line feed first, its indentation is taken off.
Examples run with the one rule alone, under `example_settings` where the rule needs configuration. SAFE: same files in
the image and same behaviour, or provably only caches removed; never base image, ENV, USER, LABEL, HEALTHCHECK,
pipefail, shell to exec form, ADD of a URL, modes, package order. DISPLAY: shown, never applied. No fix is better than
a wrong one.

## What a rule looks at

| base class | `check` gets | narrowed by |
|---|---|---|
| `FileRule` | the `Dockerfile` | `mentions` |
| `StageRule` | each `Stage` | `mentions` |
| `InstructionRule` | each `Instruction`, those inside ONBUILD too | `kinds = ("COPY", "ADD")` |
| `ScriptRule` | each `Script` (the table of commands of a RUN) | `mentions`, `kinds = ("RUN",)` |
| `CommandRule` | each `Command` with one of these names | `commands = ("pip", "pip3")`, `kinds = ("RUN",)` |

A rule about a cache that stays in the layer is a `KeptCache` (`rules/kept_caches.py`): it says what fills the cache and
what empties it. What an install of dependencies reads stands in `rules/dependencies.py`.

Import them from `jettison.rules.engine.rule`. Prefer the narrowest: a RUN is parsed only when a command name or a
mention of some rule occurs in its bytes. Keep no state on `self`; share per-file work through `context.memo` (a dict).

`context`: `file`, `settings` (`allowed_registries`, `label_schema`, `strict_labels`, ...), `option(self, "key")` for
settings of your own, and `found(rule, at, message, fix=, edits=, safety=, note=)`. `at` is a `Span` or anything with
`.span`; point at the word, not at the RUN. If any of `edits` is None the finding has no fix, so helpers that give up
can be passed straight on. `safety=` overrides the rule's for one finding.

## The tree (`jettison.dockerfile`)

`Dockerfile`: `instructions`, `stages`, `comments`, `directives`, `problems`, `data`, `source`, `context` (a
`BuildContext` or None: `patterns`, `ignored(path)`, `exists(path)`, `sent.files`, `sent.size`).

`Stage`: `instruction` (its FROM), `instructions`, `name`, `base` (ARGs resolved, None when unknown), `parent` (the
stage it builds on), `root`, `lineage`, `sources` (stages copied or mounted from), `is_final`, `used`, `ships` (its
layers can end up in a shipped image: judge size only there), `descendants()`, `distribution` (`debian`, `ubuntu`,
`alpine`, `rhel`, `suse`, `windows`, `scratch`, ...; None when the name does not tell).

`Instruction`: `kind` ("RUN", ...), `stage` (None before the first FROM), `index`, `line`, `words` (`Word`s: `span`,
`raw`, `text`), `json` (exec form: `Word`s, else None), `rest` (joined text of the arguments), `flags`, `flag("from")`
(`Flag`: `name`, `value`, `span`, `value_span`, `options()`), `mounts()` (dicts), `mounted(path, *types)` (a cache or
tmpfs mount holds the path: what is written there is in no layer; say so before you complain about a cache), `pairs`
(ENV, LABEL, ARG: `name`, `value` with quotes, `legacy`, `span`), `expand(word)` (variables and quotes resolved, None
when unknown), `heredocs`, `comments()`, `inner`/`outer` (ONBUILD), `script`/`scripts`, and spans: `span` (everything,
line end included), `body_span` (keyword to last word), `keyword_span`. Keywords keep their case in `data`.
`file.variables(instruction)` is the mapping of ARG and ENV before it.
`bases.split_reference(image)` cuts name, tag, digest.

## The shell (`Script`, `Command`)

A `Script` is the code of one RUN (CMD, ENTRYPOINT, HEALTHCHECK): `commands`, `text` (joined; no continuations),
`shell` (`name`, `program` behind sh, `explicit`, `errexit`, `pipefail`), `has_error` (judge with care), `opaque`
(PowerShell, Python, ...: no commands), `exec_form`, `heredoc`, `named("apt-get", "apt")`, `comments`, `statements`.

A `Command`: `name` (path and `sudo`, `env`, `exec`, `time` ... taken off; None when not static), `words` (all, `span`,
`raw`, `text` = None unless static), `arguments` (after the program), `has("-y", "--yes")` (knows `-qqy` and
`--name=value`), `option(...)` (that word), `operands(values=("-o",))` (no options, nor their values),
`subcommand(values)`, `resolve(word)` (with known ARG, ENV and shell variables; None when unknown), `assignments`,
`redirections`, `before`/`after` (`&&`, `||`, `;`, `|`, `&`, line feed, ""), `inside` (flags `Inside.CONDITION`, `LOOP`,
`SUBSHELL`, `FUNCTION`, `SUBSTITUTION`, `ALTERNATIVE`, `PIPELINE`, ...), `always` (runs exactly once if all before
succeed), `errexit`, `pipefail`, `index` (its place in `script.commands`), `script`, `instruction`, `span`.

    for command in script.named("pip", "pip3"):
        if command.subcommand() == "install" and not command.has("--no-cache-dir"):
            yield context.found(self, command.words[command.head], "...", edits=[insert_word(word, b"--no-cache-dir")])

## Edits

Edits are byte ranges; everything else stays. Never print a tree, never join lines.

* `dockerfile.edit`: `insert(offset, text)`, `delete(span)`, `replace(span, text)`.
* `dockerfile.style`, in the file's own style, None where there is no safe place: `append_command(script, b"rm -rf x")`
  (at the end of the RUN; right under `set -e`, comments, heredocs), `insert_word(after_word, b"-y")`,
  `remove_word(command, word)`, `remove_command(command)`, `remove_instruction(instruction)`.
* `file.source.newline` is the file's line end, `instruction.grammar.escape` its continuation character.

Every fix is proved or undone (`engine/repair.py`): the result parses; untouched instructions are the same bytes; words
and comments outside the edits are conserved; the shell has no new error; the finding is gone and no other code is found
more often. An edit may remove or join instructions only by covering their keywords. Two rules must not undo each other.

## Check your work

    pytest tests/rules                      # your examples
    python tests/rules/gate.py DIRECTORY_OR_TAR   # findings per rule, and every fix proved over a corpus

What hadolint does is the reference where docs do not say that ours is better; say so in the docstring when it differs.
'''

from __future__ import annotations
