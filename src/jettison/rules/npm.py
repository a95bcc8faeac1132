"""npm, Yarn, pnpm and Bun: what they leave behind, and how they are called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.edit import replace
from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import insert_word
from jettison.finding import Safety, Severity
from jettison.rules.engine.cleaning import cache_mounted, clean_up, for_development, removed, ships, variable
from jettison.rules.engine.rule import CommandRule, ScriptRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.words import Word
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

VALUES: Final = (
    "--prefix", "-C", "--cwd", "--registry", "--cache", "--loglevel", "-w", "--workspace", "--omit", "--include",
    "--only", "--userconfig", "--network-timeout", "--network-concurrency", "--cache-folder", "--modules-folder",
    "--mutex", "--store-dir", "--filter", "-F", "--dir", "--reporter", "--tag", "--fetch-timeout", "--fetch-retries",
    "--maxsockets", "--jobs",
)  # fmt: skip
"""Options of npm, Yarn and pnpm whose value is the next word."""
INSTALL: Final = frozenset(("install", "i", "in", "ins", "inst", "insta", "instal", "isntall", "add"))
CLEAN_INSTALL: Final = frozenset(("ci", "clean-install", "ic", "install-clean"))
GLOBAL: Final = ("-g", "--global", "--location")

_NPM_CACHE = lazy(rb"(?:^|/|\{|,)['\"]?\.npm\b|_cacache|npm_?cache|NPM_CONFIG_CACHE", re.IGNORECASE)
_NPM_MOUNT = lazy(r"/\.npm(?:/.*)?$|npm|^/root$", re.IGNORECASE)


def action(command: Command) -> Word | None:
    """The word of the subcommand: `install`, `ci`, `run`, ..."""
    words = command.operands(VALUES)
    return words[0] if words else None


def packages(command: Command) -> list[Word]:
    """The operands after the subcommand."""
    return command.operands(VALUES)[1:]


class VersionsNotPinned(CommandRule):
    """npm packages are installed in whatever version the registry has today.

    What it does: reports `npm install NAME` (`add`, with `-g` too), `yarn global add`, `pnpm add -g` without a version
    (`name@1.2`). Local paths, archives, addresses and words whose value is not known are left out.

    Why is this bad: two builds of the same Dockerfile may install different versions.

    Off by default: no fix can know the version.

    Fix safety: report only.

    Where hadolint differs: it does not know Yarn and pnpm, takes `@latest` for a version, does not read heredocs, and
    reads the commands of Windows' shells.

    Sources: hadolint DL3016.
    """

    code = "NPM001"
    name = "npm-versions-not-pinned"
    aliases = ("DL3016",)
    default = False
    commands = ("npm", "yarn", "pnpm")
    bad = "FROM node:22\nRUN npm install -g typescript @angular/cli\n"
    good = (
        "FROM node:22\nRUN npm install -g typescript@5.6.3 @angular/cli@18 ./local a.tgz git+https://a.b/c user/repo\n",
        "FROM node:22\nRUN npm install && npm ci && yarn add react\n",
    )

    _PINNED = lazy(r".@(?!latest$|next$|\*$)|^[./~]|^@?[^@]*/[^@/]*/|:|\.t(?:ar\.)?gz$|^-|^[^@/]+/[^/]+$")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """One finding for a command, at the first package without a version."""
        words = command.operands(VALUES)
        if command.name == "yarn" and [word.text for word in words[:2]] == ["global", "add"]:
            words = words[1:]
        elif command.name != "npm" and not command.has(*GLOBAL):
            return
        if not words or words[0].text not in INSTALL:
            return
        loose = [
            (word, name)
            for word in words[1:]
            for name in (command.resolve(word) or "").split()
            if not self._PINNED.search(name)
        ]
        if loose:
            names = ", ".join(name for _, name in loose[:5]) + (", ..." if len(loose) > 5 else "")
            yield context.found(self, loose[0][0], f"no version is given for {names}")


class InstallNotClean(CommandRule):
    """`npm install` runs where a lock file calls for `npm ci`.

    What it does: reports `npm install` without packages when a lock file was copied before it in the stage (named, or
    by a pattern or directory when the build context at hand holds one).

    Why is this bad: `npm install` may resolve anew and change the lock file, so that the image has other versions than
    were tested.

    Use instead: `npm ci`, which installs exactly what the lock file says, and fails when it is out of date.

    Fix safety: unsafe. `npm ci` deletes `node_modules` first, and fails where lock and package file disagree.

    Sources: npm's documentation of `npm ci`; Docker's guide for Node.js.
    """

    code = "NPM002"
    name = "npm-install-not-clean"
    severity = Severity.WARNING
    safety = Safety.UNSAFE
    commands = ("npm",)
    bad = "FROM node:22\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm install --omit=dev\n"
    good = (
        "FROM node:22\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci --omit=dev\n",
        "FROM node:22\nCOPY package.json ./\nRUN npm install\n",
        "FROM node:22\nCOPY package.json package-lock.json ./\nRUN npm install -g typescript\n",
        "FROM node:22\nCOPY package.json package-lock.json ./\nRUN rm package-lock.json && npm install\n",
    )

    _LOCK = lazy(r"(?:^|/)(?:package-lock|npm-shrinkwrap)\.json$")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At `install`."""
        what = action(command)
        if what is None or what.text not in INSTALL or packages(command) or command.has(*GLOBAL):
            return
        if command.has("--no-package-lock", "--package-lock-only", "--no-save", "--save", "-S", "--prefix", "-C"):
            return
        if any(word.text is None for word in command.arguments) or b"lock" in command.script.text:
            return
        if any(other.name in ("cd", "pushd") for other in command.script.commands[: command.index]):
            return
        if not self.copied(command.instruction, context):
            return
        yield context.found(
            self, what, "a lock file is there, but npm install does not hold to it",
            fix="install what the lock file says, with npm ci", edits=[replace(what.span, b"ci")],
        )  # fmt: skip

    def copied(self, instruction: Instruction, context: Context) -> bool:
        """True when an earlier COPY or ADD of the stage brings a lock file of npm."""
        tree = context.file.context
        held = tree is not None and tree.exists("package-lock.json") and not tree.ignored("package-lock.json")
        for stage in instruction.stage.lineage if instruction.stage else ():
            for other in stage.instructions:
                if other.index >= instruction.index or other.kind not in ("COPY", "ADD") or other.flag("from"):
                    continue
                for word in other.words[:-1]:
                    source = other.expand(word) or ""
                    if self._LOCK.search(source):
                        return True
                    if held and re.fullmatch(
                        r"(?:\./?)?(?:package\*\.json|\*\.json|\*|package-?\*(?:\.json)?|)", source
                    ):
                        return True
        return False


class NpmCacheKept(ScriptRule):
    """npm's cache stays in the layer.

    What it does: reports `npm install` and `npm ci` in a stage whose layers ship, when the RUN does not clean npm's
    cache afterwards. A cache or tmpfs mount on it is fine.

    Why is this bad: every package is in the image a second time, packed.

    Use instead: end the same RUN with `rm -rf ~/.npm`, or mount a cache on `/root/.npm`. `npm cache clean --force` does
    too, but starts npm once more, which writes a log into the layer, and may look for a newer npm while it deletes.

    Fix safety: safe, only the cache and npm's logs are removed. None in files that name another thing in `~/.npm` (what
    `npx` installed, a prefix), and in files that install `--offline`.

    Sources: npm's documentation of `npm cache`; hadolint has such a rule for Yarn only.
    """

    code = "NPM003"
    name = "npm-cache-kept"
    severity = Severity.WARNING
    safety = Safety.SAFE
    mentions = (b"npm",)
    bad = (
        "FROM node:22\nCOPY package.json ./\nRUN npm install --omit=dev\n",
        "FROM node:22\nRUN set -eux; \\\n    npm install -g serve@14; \\\n    serve --version\n",
    )
    good = (
        "FROM node:22\nCOPY package.json ./\nRUN npm install --omit=dev && rm -rf ~/.npm\n",
        "FROM node:22\nRUN set -eux; \\\n    npm install -g serve@14; \\\n    serve --version; \\\n    rm -rf ~/.npm\n",
        "FROM node:22\nRUN --mount=type=cache,target=/root/.npm npm ci\n",
        "FROM node:22\nRUN npm ci && rm -rf /root/.npm\n",
        "FROM node:22\nRUN npm ci && npm cache clean --force\n",
        "FROM node:22 AS build\nRUN npm ci\nFROM scratch\nCOPY --from=build /a /a\n",
    )

    _OTHER = lazy(rb"--offline|\bnpx\b|\bnpm (?:exec|x|init|create)\b|(?<!rm -rf ~)/\.npm(?![\w-])")

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """At the last install."""
        filling = [
            (command, word)
            for command in script.named("npm")
            if (word := action(command)) is not None
            and (word.text in INSTALL or word.text in CLEAN_INSTALL or word.text in ("update", "upgrade", "up"))
            and not command.has("--help", "--dry-run", "--package-lock-only", "--cache")
        ]
        if not filling or not ships(script) or cache_mounted(script.instruction, _NPM_MOUNT):
            return
        last, place = filling[-1]
        if removed(script, last, _NPM_CACHE) or any(
            (word := action(command)) is not None and word.text == "cache"
            for command in script.commands[last.index + 1 :]
            if command.name == "npm"
        ):
            return
        if variable(last, "npm_config_cache", "NPM_CONFIG_CACHE") is not None or self.all_of_home(script, last):
            return
        kept = self._OTHER.search(context.file.data) or b"HOME=" in script.text
        yield context.found(
            self, place, "npm's cache stays in the layer",
            fix="delete the cache in the same RUN",
            edits=[None if kept else clean_up(last, b"rm -rf ~/.npm", tool=False)],
        )  # fmt: skip

    def all_of_home(self, script: Script, last: Command) -> bool:
        """True when `~/.*` or all of `/root` is deleted later."""
        return removed(script, last, re.compile(rb"^(?:/root|~|\$HOME)/(?:\.?\*|\.\[)"))


class YarnCacheKept(ScriptRule):
    """Yarn's cache stays in the layer.

    What it does: reports `yarn install` (also plain `yarn`), `yarn add` and `yarn global add` in a stage whose layers
    ship, when the RUN does not clean Yarn's cache afterwards. A cache or tmpfs mount on it is fine. Files that use a
    later Yarn than 1 (`yarn set version`, `.yarn`, `.yarnrc.yml`, `--immutable`, `yarn workspaces focus`) are left out:
    there, the cache may be the installation.

    Why is this bad: every package is in the image a second time.

    Use instead: end the same RUN with `yarn cache clean`, or mount a cache.

    Fix safety: safe where an option proves that it is Yarn 1; else unsafe, since a later Yarn may run its packages from
    the cache.

    Where hadolint differs: it looks at `yarn install` only, not in heredocs, but in stages that do not ship, at any
    Yarn, and where `rm` deletes the cache.

    Sources: hadolint DL3060.
    """

    code = "NPM004"
    name = "yarn-cache-kept"
    aliases = ("DL3060",)
    severity = Severity.WARNING
    safety = Safety.SAFE
    mentions = (b"yarn",)
    bad = (
        "FROM node:22\nCOPY . .\nRUN yarn install --production\n",
        "FROM node:22\nCOPY . .\nRUN yarn\n",
    )
    good = (
        "FROM node:22\nCOPY . .\nRUN yarn install --production && yarn cache clean\n",
        "FROM node:22\nCOPY . .\nRUN yarn && yarn cache clean\n",
        "FROM node:22\nCOPY . .\nRUN yarn install --immutable\n",
        "FROM node:22\nCOPY . .\nRUN --mount=type=cache,target=/usr/local/share/.cache/yarn yarn install\n",
    )

    _CACHE = lazy(rb"\.cache(?:/yarn|/?\*?['\"]?\Z)|yarn-?cache|share/\.cache|YARN_CACHE", re.IGNORECASE)
    _MOUNT = lazy(r"/\.?cache(?:/.*)?$|yarn|^/root$", re.IGNORECASE)
    _LATER = lazy(
        rb"\.yarn(?:rc\.yml|/)|\.yarn\b|yarn set version|--immutable|yarn workspaces? focus|yarn dlx|corepack"
    )
    _FIRST: Final = (
        "--production", "--prod", "--pure-lockfile", "--no-progress", "--ignore-engines", "--non-interactive",
        "--network-timeout", "--ignore-optional", "--no-lockfile", "--ignore-scripts", "--ignore-platform",
        "--network-concurrency", "--prefer-offline", "--silent", "-s", "--no-bin-links", "--modules-folder",
    )  # fmt: skip

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """At the last install."""
        filling = [command for command in script.named("yarn", "yarnpkg") if self.fills(command)]
        if not filling or not ships(script) or self._LATER.search(context.file.data):
            return
        if cache_mounted(script.instruction, self._MOUNT):
            return
        last = filling[-1]
        if (
            removed(script, last, self._CACHE)
            or any(
                action(command) is not None and action(command).text == "cache"  # type: ignore[union-attr]
                for command in script.commands[last.index + 1 :]
                if command.name in ("yarn", "yarnpkg")
            )
        ):
            return
        if variable(last, "YARN_CACHE_FOLDER") is not None:
            return
        tree = context.file.context
        if tree is not None and (tree.exists(".yarnrc.yml") or tree.exists(".yarn")):
            return
        proved = last.has(*self._FIRST) or last.subcommand(VALUES) == "global"
        yield context.found(
            self, action(last) or last, "Yarn's cache stays in the layer",
            fix="clean the cache in the same RUN",
            edits=[None if b"--offline" in context.file.data else clean_up(last, b"cache clean")],
            safety=None if proved else Safety.UNSAFE,
        )  # fmt: skip

    def fills(self, command: Command) -> bool:
        """True for plain `yarn`, `yarn install`, `yarn add` and `yarn global add`."""
        words = [word.text for word in command.operands(VALUES)[:2]]
        if command.has("--version", "-v", "--help", "--cache-folder", "--offline"):
            return False
        return not words or words[0] in ("install", "add") or words == ["global", "add"]


class StoreKept(CommandRule):
    """The store of pnpm or Bun stays in the layer.

    What it does: reports `pnpm install` and `bun install` in a stage whose layers ship without a cache mount, and
    without a clean-up in the RUN.

    Why is this bad: what is linked from the store is stored once, but whatever is not used any more stays besides.

    Off by default: both link from the store, so that little is gained.

    Fix safety: safe for pnpm, whose `store prune` removes what no project uses; report only for Bun.

    Sources: pnpm's documentation "Working with Docker" and `store prune`.
    """

    code = "NPM005"
    name = "pnpm-store-kept"
    severity = Severity.INFO
    safety = Safety.SAFE
    default = False
    commands = ("pnpm", "bun")
    bad = "FROM node:22\nCOPY . .\nRUN pnpm install --prod\n"
    good = (
        "FROM node:22\nCOPY . .\nRUN pnpm install --prod && pnpm store prune\n",
        "FROM node:22\nCOPY . .\nRUN --mount=type=cache,target=/pnpm/store pnpm install --prod\n",
    )

    _CACHE = lazy(rb"pnpm/?store|pnpm-store|\.pnpm-store|share/pnpm|\.bun|\.cache")
    _MOUNT = lazy(r"pnpm|store|\.bun|bun/|cache")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the last install of the RUN."""
        script = command.script
        what = action(command)
        if what is None or what.text not in ("install", "i", "add") or not ships(script):
            return
        following = [other for other in script.commands[command.index + 1 :] if other.name == command.name]
        for other in following:
            word = action(other)
            if word is not None and word.text in ("install", "i", "add", "store", "prune", "pm"):
                return
        if cache_mounted(script.instruction, self._MOUNT) or removed(script, command, self._CACHE):
            return
        edit = clean_up(command, b"store prune") if command.name == "pnpm" else None
        yield context.found(
            self, what, f"the store of {command.name} stays in the layer",
            fix="remove what no project uses", edits=[edit],
        )  # fmt: skip


class DevelopmentDependencies(CommandRule):
    """Development dependencies are installed into an image that ships.

    What it does: reports `npm ci`, `npm install`, `yarn install` and `pnpm install` without `--omit=dev`,
    `--production` or `--prod`, when `NODE_ENV` is not `production`, nothing prunes them later, the stage's layers ship,
    its name does not say development or test, and it runs nothing that may need them: no `npm run`, `npx`, bundler,
    test.

    Why is this bad: compilers, bundlers and linters are in the image: often more bytes than the application.

    Use instead: `npm ci --omit=dev`; build in a stage of its own.

    Fix safety: unsafe. What was installed is not any more; something may have relied on it.

    Sources: npm's documentation of `omit`; Docker's guide for Node.js.
    """

    code = "NPM006"
    name = "npm-development-dependencies"
    severity = Severity.INFO
    safety = Safety.UNSAFE
    commands = ("npm", "yarn", "pnpm")
    bad = (
        'FROM node:22\nCOPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\nCMD ["node", "x.js"]\n',
        'FROM node:22\nCOPY package.json yarn.lock ./\nRUN yarn install\nCOPY . .\nCMD ["node", "x.js"]\n',
    )
    good = (
        'FROM node:22\nCOPY package.json package-lock.json ./\nRUN npm ci --omit=dev\nCOPY . .\nCMD ["node", "x.js"]\n',
        'FROM node:22\nCOPY package.json yarn.lock ./\nRUN yarn install --production\nCOPY . .\nCMD ["node", "x.js"]\n',
        "FROM node:22\nENV NODE_ENV=production\nCOPY . .\nRUN npm ci\n",
        "FROM node:22\nCOPY . .\nRUN npm ci && npm run build\n",
        "FROM node:22\nCOPY . .\nRUN npm ci\nRUN npm prune --omit=dev\n",
        "FROM node:22 AS build\nCOPY . .\nRUN npm ci\nFROM scratch\nCOPY --from=build /a /a\n",
    )

    _BUILDS = lazy(
        rb"\b(?:npm|yarn|pnpm|bun)[\s\",]+(?:--?\S+\s+)*(?:run|run-script|test|t|build|exec|prune|lint|dlx|dev|compile|start:|watch)\b"
        rb"|\b(?:npx|tsc|webpack|vite|gulp|grunt|rollup|esbuild|parcel|lerna|nx|turbo|next build|nuxt|ng build|bower"
        rb"|jest|mocha|karma|cypress|playwright|puppeteer|testbed|nodemon|ts-node|electron|react-scripts|gatsby|hugo|make|rake|assets:precompile)\b|node-prune|rm\s+-\w+\s+\S*node_modules"
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand."""
        stage = command.instruction.stage
        what = action(command)
        if stage is None or not stage.ships or for_development(stage) or stage.children:
            return
        if command.name == "npm":
            if what is None or what.text not in INSTALL | CLEAN_INSTALL or packages(command):
                return
        elif what is None or what.text not in ("install", "i") or packages(command):
            return
        if command.has(
            *GLOBAL, "--omit", "--production", "--prod", "-P", "--only", "--include", "--dev", "-D", "--help", "--also",
            "--package-lock-only", "--immutable", "--lockfile-only", "--save-dev", "--development", "--prefix", "-C",
        ):  # fmt: skip
            return
        if variable(command, "NODE_ENV", "NPM_CONFIG_PRODUCTION", "NPM_CONFIG_OMIT", "npm_config_omit") is not None:
            return
        if any(word.text is None for word in command.arguments):
            return
        # Yarn 2 and later have no --production.
        if command.name == "yarn" and YarnCacheKept._LATER.search(context.file.data):
            return
        if b"production" in context.file.data and re.search(rb"npm config set|\.npmrc|\.yarnrc", context.file.data):
            return
        if any(self._BUILDS.search(other.data) for part in stage.lineage for other in part.instructions):
            return
        options = {"npm": b"--omit=dev", "yarn": b"--production", "pnpm": b"--prod"}
        yield context.found(
            self, what, "development dependencies are installed too",
            fix="leave them out",
            edits=[None if command.script.exec_form else insert_word(what, options[command.name or "npm"])],
        )  # fmt: skip


class OnlyProduction(CommandRule):
    """`--only=production` is a deprecated spelling.

    What it does: reports `npm --only=production` and `--only=prod`.

    Why is this bad: npm 7 and later warn, and name `--omit=dev` instead.

    Fix safety: unsafe. npm 6 and earlier do not know `--omit` and would install what it leaves out.

    Sources: npm's documentation of `only`.
    """

    code = "NPM007"
    name = "npm-only-production"
    severity = Severity.STYLE
    safety = Safety.UNSAFE
    commands = ("npm",)
    bad = "FROM node:22\nCOPY . .\nRUN npm ci --only=production && npm cache clean --force\n"
    good = "FROM node:22\nCOPY . .\nRUN npm ci --omit=dev && npm cache clean --force\n"

    _OLD = lazy(r"(?:^|/)node:(?:[0-9]|1[0-4])(?:\D|$)")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the option; not in images of Node.js before 15, which bring npm 6."""
        stage = command.instruction.stage
        if stage is not None and self._OLD.search(stage.root.base or ""):
            return
        for word in command.arguments:
            if word.text in ("--only=production", "--only=prod"):
                yield context.found(
                    self, word, f"{word.text} is deprecated",
                    fix="write --omit=dev", edits=[replace(word.span, b"--omit=dev")],
                )  # fmt: skip
