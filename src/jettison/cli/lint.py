"""What is wrong with Dockerfiles, and mends it with fixes that are proved or undone.

Looks at the files given, at every Dockerfile below the directories given (.gitignore is respected), and at the
Dockerfiles that compose and bake files name; without a path, below the working directory; `-` reads stdin.

  # jettison: ignore[CODE] because …   above or in an instruction silences a finding; ignore-file the whole file.
hadolint's pragmas and .hadolint.yaml, and BuildKit's `# check=` are understood. `jettison rules` lists the rules.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from jettison.errors import InputError, NothingToCheck
from jettison.finding import Severity

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from jettison.cli.dockerfiles import Found
    from jettison.cli.lint_settings import Chosen
    from jettison.finding import Finding
    from jettison.report.lint import Result

_SEVERITIES = tuple(severity.label for severity in Severity)
_COLLECTED = 1 << 20
"""Bytes of files after which garbage is collected: hardly anything, since every tree is taken apart once reported."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", help="files, directories, compose or bake files, - for stdin"
    )
    fixing = parser.add_argument_group("fixes")
    fixing.add_argument("--fix", action="store_true", help="apply the safe fixes, each proved or undone")
    fixing.add_argument("--unsafe-fixes", action="store_true", help="apply also those that may change behaviour")
    fixing.add_argument("--diff", action="store_true", help="show what the fixes would change, change nothing")
    choosing = parser.add_argument_group(
        "rules", "codes, names, peers' codes (DL3008), families (APT), ALL; comma separated"
    )
    choosing.add_argument("--select", metavar="CODES", help="these rules only")
    choosing.add_argument("--extend-select", metavar="CODES", help="these too")
    choosing.add_argument("--ignore", metavar="CODES", help="not these")
    choosing.add_argument(
        "--shellcheck",
        action="store_true",
        default=None,
        help="ask ShellCheck too (codes SC…; needs the extra jettison[shellcheck])",
    )
    parser.add_argument(
        "--build-arg",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a build argument, as docker build takes it",
    )
    parser.add_argument(
        "--fail-on", choices=(*_SEVERITIES, "never"), help="the least severity for exit status 1 (default: info)"
    )
    parser.add_argument(
        "--format",
        default="text",
        metavar="NAME",
        help="text, concise, json, sarif, github, gitlab, junit or checkstyle",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report there")
    parser.add_argument("--stdin-name", metavar="PATH", default="-", help="what stdin is called in messages")
    parser.add_argument(
        "--exclude", metavar="GLOB", action="append", default=[], help="paths that are not looked at in directories"
    )
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: the nearest jettison.toml)")


class _Run:
    """One run: what was found at which severity, what could not be read, and what is left to say."""

    def __init__(self, arguments: argparse.Namespace, chosen: Chosen) -> None:
        from jettison.rules.engine import registry

        self.arguments = arguments
        self.chosen = chosen
        self.settings = chosen.rules
        self.rules = registry.select(chosen.rules)
        self.worst = -1
        self.files = 0
        self.uncollected = 0
        self.unreadable = 0
        self.fixing = arguments.fix or arguments.unsafe_fixes or arguments.diff
        self.streamed: bytes | None = None

    def results(self, found: Iterator[Found | InputError]) -> Iterator[Result]:
        """Lint (and mend) each file; one that cannot be read is said and passed over."""
        from jettison.cli.main import print_error

        gc.freeze()
        for file in found:
            try:
                if isinstance(file, InputError):
                    raise file
                result = self._one(file)
            except InputError as error:
                self.unreadable += 1
                sys.stdout.flush()
                print_error(error)
                continue
            self.files += 1
            self.uncollected += len(result.file.data)
            if self.uncollected > _COLLECTED:
                gc.collect()
                self.uncollected = 0
            for finding in result.findings:
                self.worst = max(self.worst, int(finding.severity))
            self.unreadable += bool(result.file.problems)
            yield result

    def shellchecked(self, results: Iterator[Result]) -> Iterator[Result]:
        """The same with ShellCheck's findings among theirs, a batch of files at a time."""
        from itertools import islice

        from jettison.rules.engine.shellcheck import ShellCheck

        checker = ShellCheck()
        while batch := list(islice(results, 128)):
            for result, extra in zip(batch, checker.check([result.file for result in batch]), strict=True):
                yield self._with(result, extra)

    def _with(self, result: Result, extra: list[Finding]) -> Result:
        from jettison.rules.engine.ignores import Ignores

        ignores = Ignores(result.file, frozenset()) if self.settings.pragmas else None
        chosen = self.chosen
        kept = [f for f in extra if chosen.wants_shellcheck(f.code) and not (ignores and ignores.covers(f))]
        kept = [f._replace(severity=chosen.shellcheck_severity.get(f.code, f.severity)) for f in kept]
        for finding in kept:
            self.worst = max(self.worst, int(finding.severity))
        findings = sorted((*result.findings, *kept), key=lambda f: (f.location.span, f.code))
        return result._replace(findings=tuple(findings))

    def _one(self, file: Found) -> Result:
        from jettison.report.lint import Result

        data = file.read()
        if not self.fixing:
            from jettison.rules.engine.lint import lint

            report = lint(data, self.settings, path=file.shown, context=file.context(), rules=self.rules)
            return Result(report.file, tuple(report.findings))
        from jettison.rules.engine.repair import repair

        unsafe = self.arguments.unsafe_fixes
        mended = repair(data, self.settings, path=file.shown, unsafe=unsafe, context=file.context(), rules=self.rules)
        if self.arguments.diff:
            _show_difference(file.shown, data, mended.data)
        elif file.path is None:
            self.streamed = mended.data
        elif mended.data != data:
            file.write(mended.data)
        refused = tuple((refusal.finding, refusal.reason) for refusal in mended.refused)
        return Result(mended.report.file, tuple(mended.report.findings), tuple(mended.applied), refused)


def _released(results: Iterator[Result]) -> Iterator[Result]:
    """The same; the tree of each is taken apart when the next one is asked for."""
    for result in results:
        yield result
        result.file.release()


def run(arguments: argparse.Namespace) -> int:
    """Find the files, lint, mend, report."""
    gc.disable()
    try:
        return _run(arguments)
    finally:
        gc.enable()


def _run(arguments: argparse.Namespace) -> int:
    from jettison.cli.dockerfiles import find
    from jettison.cli.lint_settings import read
    from jettison.report.lint import format_named

    chosen = read(arguments)
    format = format_named(arguments.format)
    work = _Run(arguments, chosen)
    results = work.results(find(arguments.paths or ["."], stdin_name=arguments.stdin_name, exclude=chosen.exclude))
    if chosen.shellcheck:
        results = work.shellchecked(results)
    results = _released(results)
    quiet_stdout = arguments.diff or (arguments.paths == ["-"] and work.fixing)
    if arguments.output:
        from jettison.cli.printing import emit

        emit("".join(format.render(results)).encode("utf-8", "replace"), arguments.output)
    else:
        stream = sys.stderr if quiet_stdout else sys.stdout
        for piece in format.render(results):
            stream.write(piece)
    if work.streamed is not None and not arguments.diff:
        sys.stdout.flush()
        sys.stdout.buffer.write(work.streamed)
        sys.stdout.buffer.flush()
    if not work.files and not work.unreadable:
        raise NothingToCheck("no Dockerfile found", hint="name one, or a directory that holds some")
    if work.unreadable:
        return 4
    return 1 if chosen.fail_on is not None and work.worst >= chosen.fail_on else 0


def _show_difference(path: str, before: bytes, after: bytes) -> None:
    import difflib

    if before == after:
        return
    old = before.decode("utf-8", "replace").splitlines(keepends=True)
    new = after.decode("utf-8", "replace").splitlines(keepends=True)
    for line in difflib.unified_diff(old, new, path, path):
        sys.stdout.write(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
