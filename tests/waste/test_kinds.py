"""Every kind of waste on paths as images really have them: what it claims, and what only looks like it."""

from __future__ import annotations

from functools import cache

import pytest

from jettison.waste import kinds as all_kinds
from waste.binaries import unstripped
from waste.layering import GONE, Member, booked, directory, file, hard, kinds, link
from waste.layering import analysis as analysed

CLAIMED = {
    "package-lists": [
        "var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages.lz4",
        "var/lib/apt/lists/auxfiles/x",
        "var/cache/apk/APKINDEX.d8b2a6f4.tar.gz",
        "etc/apk/cache/APKINDEX.1.tar.gz",
        "var/cache/dnf/fedora-2d95c80a1fa0a67d/repodata/repomd.xml",
        "var/cache/libdnf5/fedora-1/repodata/repomd.xml",
        "var/cache/yum/x86_64/7/base/primary_db.sqlite",
        "var/cache/tdnf/photon/repodata/repomd.xml",
        "var/cache/zypp/raw/oss/repodata/repomd.xml",
        "var/lib/pacman/sync/core.db",
        "var/db/repos/gentoo/metadata/timestamp",
    ],
    "package-archives": [
        "var/cache/apt/archives/gcc-12_12.2.0-14_amd64.deb",
        "var/cache/apt/pkgcache.bin",
        "var/cache/pacman/pkg/bash-5.2.026-2-x86_64.pkg.tar.zst",
        "var/cuda-repo-debian12-12-4-local/cuda-toolkit_1_amd64.deb",
        "var/cache/distfiles/gcc-13.tar.xz",
    ],
    "database-backups": ["var/lib/dpkg/status-old", "var/cache/debconf/templates.dat-old"],
    "pip-cache": [
        "root/.cache/pip/http-v2/a/b/c",
        "home/app/.cache/uv/archive-v0/x/y.py",
        "root/.cache/pypoetry/artifacts/0a/x.whl",
        "opt/conda/pkgs/numpy-1.26.4-py312/info/index.json",
        "root/miniconda3/pkgs/python-3.12.conda",
        "opt/miniforge3/pkgs/x.tar.bz2",
    ],
    "npm-cache": [
        "root/.npm/_cacache/content-v2/sha512/00/11",
        "root/.npm/_logs/2026-01-01-debug-0.log",
        "usr/local/share/.cache/yarn/v6/npm-x/package.json",
        "root/.yarn/berry/cache/x-npm-1.zip",
        "root/.local/share/pnpm/store/v3/files/00/11",
        "root/.cache/node-gyp/20.1.0/include/node/node.h",
        "root/.bun/install/cache/x@1/index.js",
    ],
    "go-cache": [
        "root/.cache/go-build/00/11-d",
        "go/pkg/mod/github.com/x/y@v1.0.0/.git/config",
        "root/go/pkg/mod/cache/download/x/@v/v1.zip",
        "go/pkg/sumdb/sum.golang.org/latest",
    ],
    "cargo-cache": ["usr/local/cargo/registry/src/index-1/serde-1/lib.rs", "root/.cargo/git/db/x/HEAD"],
    "maven-cache": ["root/.m2/repository/org/x/1/x.jar", "home/gradle/.gradle/caches/8.5/x", "root/.ivy2/cache/x.jar"],
    "composer-cache": ["root/.composer/cache/files/x.zip", "tmp/cache/files/symfony/console/x.zip"],
    "gem-cache": [
        "usr/local/bundle/cache/rails-7.0.0.gem",
        "usr/local/lib/ruby/gems/3.2.0/cache/rake-13.gem",
        "var/lib/gems/3.1.0/cache/x.gem",
        "app/vendor/cache/x-1.gem",
        "app/vendor/bundle/ruby/3.2.0/cache/x.gem",
    ],
    "nuget-cache": ["root/.nuget/packages/newtonsoft.json/13.0.3/lib/x.dll", "root/.local/share/NuGet/http-cache/x"],
    "build-caches": ["root/.ccache/0/1", "root/.cache/bazel/_bazel_root/x", "root/.conan2/p/x", "root/.cpanm/work/1/x"],
    "version-control": [
        "app/.git/objects/pack/x.pack",
        "opt/tool/.hg/store/x",
        "src/CVS/Entries",
        "root/.oh-my-zsh/.git/HEAD",
    ],
    "logs": ["var/log/dpkg.log", "var/log/apt/term.log", "var/log/journal/1/system.journal", "var/log/lastlog"],
    "temporary-files": ["tmp/build/x.o", "tmp/requirements.txt", "var/tmp/dracut/x", "tmp/v8-compile-cache-0/x/y"],
    "core-dumps": ["app/core.4711", "hs_err_pid12.log", "srv/java_pid1.hprof"],
    "crash-reports": ["var/crash/_usr_bin_x.0.crash", "var/lib/systemd/coredump/core.x.zst"],
    "litter": [
        "app/.DS_Store",
        "app/._main.py",
        "app/Thumbs.db",
        "app/.main.py.swp",
        "etc/nginx/nginx.conf~",
        "root/.bash_history",
        "root/.wget-hsts",
        "app/__MACOSX/x",
    ],
    "build-leftovers": [
        "app/target/release/deps/libserde-1.rlib",
        "app/target/x86_64-unknown-linux-musl/release/build/x/out",
        "app/node_modules/.cache/terser/x",
        "app/.next/cache/webpack/x",
        "src/build/CMakeFiles/x.dir/main.cpp.o",
        "app/tsconfig.tsbuildinfo",
        "app/.pytest_cache/v/x",
    ],
    "downloads": [
        "root/go1.22.linux-amd64.tar.gz",
        "opt/kafka_2.13-3.7.0.tgz",
        "x.deb",
        "root/Miniconda3-latest-Linux-x86_64.sh",
    ],
    "headers": [
        "usr/include/stdio.h",
        "usr/include/c++/12/vector",
        "usr/local/include/python3.12/Python.h",
        "usr/lib/gcc/x86_64-linux-gnu/12/include/stddef.h",
        "usr/lib/x86_64-linux-gnu/pkgconfig/zlib.pc",
        "usr/share/aclocal/pkg.m4",
        "usr/lib/cmake/LLVM/LLVMConfig.cmake",
        "usr/local/lib/python3.12/site-packages/torch/include/ATen/ATen.h",
        "opt/conda/include/zlib.h",
    ],
    "static-libraries": [
        "usr/lib/x86_64-linux-gnu/libc.a",
        "usr/lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a",
        "usr/local/cuda-12.4/targets/x86_64-linux/lib/libcublas_static.a",
        "lib/libm.a",
    ],
    "build-tools": [
        "usr/local/go/src/fmt/print.go",
        "usr/local/rustup/toolchains/stable/bin/rustc",
        "usr/local/cargo/bin/cargo-clippy",
        "usr/share/dotnet/sdk/8.0.100/dotnet.dll",
        "opt/gradle/lib/x.jar",
        "usr/share/maven/lib/x.jar",
    ],
    "jdk-parts": [
        "opt/java/openjdk/jmods/java.base.jmod",
        "usr/lib/jvm/java-17-openjdk-amd64/lib/src.zip",
        "usr/lib/jvm/java-17-openjdk-amd64/lib/ct.sym",
        "usr/local/openjdk-21/demo/x.jar",
    ],
    "kernel-files": [
        "boot/vmlinuz-6.1.0-18-amd64",
        "lib/modules/6.1.0/kernel/fs/x.ko",
        "usr/lib/firmware/x.bin",
        "usr/src/linux-headers-6.1.0/Makefile",
        "usr/lib/udev/hwdb.bin",
    ],
    "dependency-tests": [
        "usr/local/lib/python3.12/site-packages/pandas/tests/test_x.py",
        "usr/local/lib/python3.12/site-packages/numpy/core/tests/x.py",
        "app/.venv/lib/python3.12/site-packages/Crypto/SelfTest/x.py",
        "app/node_modules/qs/test/parse.js",
        "app/node_modules/@scope/x/examples/a.js",
        "app/node_modules/x/lib/__tests__/a.js",
        "usr/local/bundle/gems/nokogiri-1.16/test/x.rb",
        "usr/local/lib/ruby/gems/3.2.0/gems/rake-13/spec/x.rb",
        "app/vendor/symfony/console/Tests/x.php",
        "usr/local/lib/python3.12/test/test_os.py",
        "opt/conda/lib/python3.12/test/test_os.py",
    ],
    "node-extras": [
        "app/node_modules/x/dist/index.js.map",
        "app/node_modules/x/dist/index.d.ts",
        "app/node_modules/x/README.md",
        "app/node_modules/@s/x/CHANGELOG.md",
    ],
    "installers": [
        "usr/local/lib/node_modules/npm/lib/npm.js",
        "usr/local/lib/node_modules/corepack/dist/corepack.js",
        "opt/yarn-v1.22.22/lib/cli.js",
        "usr/local/lib/python3.12/site-packages/pip/__main__.py",
        "usr/local/lib/python3.12/site-packages/setuptools-69.dist-info/METADATA",
    ],
    "bytecode": ["app/__pycache__/main.cpython-312.pyc", "usr/lib/python3.11/__pycache__/os.cpython-311.opt-1.pyc"],
    "docs": [
        "usr/share/doc/bash/changelog.gz",
        "usr/share/info/bash.info.gz",
        "usr/share/lintian/overrides/x",
        "usr/local/share/doc/node/gdbinit",
        "opt/conda/share/doc/x/a.html",
        "usr/local/lib/ruby/gems/3.2.0/doc/x/ri/a.ri",
        "usr/local/lib/R/site-library/dplyr/doc/dplyr.html",
    ],
    "man-pages": [
        "usr/share/man/man1/bash.1.gz",
        "usr/share/man/man5/core.5",
        "usr/local/man/man1/x.1",
        "usr/lib/jvm/java-21-openjdk-amd64/man/man1/java.1.gz",
        "usr/local/share/man/man1/node.1",
        "var/cache/man/index.db",
    ],
    "locales": [
        "usr/share/locale/de/LC_MESSAGES/bash.mo",
        "usr/share/locale/pt_BR/LC_MESSAGES/bash.mo",
        "usr/lib/locale/locale-archive",
        "usr/lib/locale/de_DE.utf8/LC_COLLATE",
        "usr/share/i18n/charmaps/UTF-8.gz",
    ],
    "shell-completions": ["usr/share/bash-completion/completions/git", "usr/share/zsh/vendor-completions/_curl"],
    "debug-files": ["usr/lib/debug/.build-id/00/11.debug", "opt/x/.debug/libx.so.debug"],
}

LEFT_ALONE = {
    "package-lists": [
        "var/lib/apt/lists/lock",
        "lib/apk/db/installed",
        "var/lib/pacman/local/bash-5/desc",
        "var/lib/dpkg/available",
    ],
    "package-archives": [
        "var/cache/apt/archives/lock",
        "srv/mirror/pool/main/b/bash_5.deb",
        "var/lib/dpkg/status",
        "app/release.apk",
    ],
    "database-backups": ["var/lib/dpkg/info/x-old.list", "app/config-old"],
    "pip-cache": [
        "root/.cache/pypoetry/virtualenvs/app-py3.12/lib/x.py",
        "root/.local/share/uv/python/cpython-3.12/bin/python3",
        "root/.local/share/pipx/venvs/black/bin/black",
        "root/.cache/huggingface/hub/models--x/model.safetensors",
        "root/.cache/torch/hub/x.pth",
        "opt/conda/lib/python3.12/site-packages/x.py",
    ],
    "npm-cache": [
        "app/.yarn/cache/lodash-npm-4.17.21.zip",
        "app/.yarn/releases/yarn-4.0.0.cjs",
        "root/.cache/node/corepack/v1/yarn/4.0.0/yarn.js",
        "root/.cache/ms-playwright/chromium-1/chrome",
        "root/.cache/puppeteer/chrome/x",
        "root/.local/share/pnpm/global/5/node_modules/x/index.js",
        "root/.npm/anonymous-cli-metrics.json",
    ],
    "go-cache": ["app/pkg/mod/x.go", "go/bin/app", "home/app/pkg/sumdb.txt"],
    "cargo-cache": ["usr/local/cargo/env", "app/registry/src/x.rs", "root/.cargo/config.toml"],
    "maven-cache": ["root/.m2/settings.xml", "root/.gradle/gradle.properties", "usr/share/maven-repo/x.jar"],
    "composer-cache": ["root/.composer/vendor/bin/x", "app/cache/composer.php"],
    "gem-cache": ["usr/local/bundle/gems/foo-1.0/cache/data.rb", "usr/local/bundle/specifications/x.gemspec"],
    "nuget-cache": ["usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.0/x.dll", "root/.nuget/NuGet/NuGet.Config"],
    "build-caches": ["root/.cache/fontconfig/x", "root/.config/ccache/ccache.conf", "root/.conan2/profiles/default"],
    "version-control": [
        "data/repositories/app.git/HEAD",
        "usr/share/git-core/templates/hooks/x",
        "app/CVS/index.html",
        "app/.gitmodules",
    ],
    "logs": ["app/var/log/x.log", "var/lib/postgresql/x.log", "srv/logs/access.log"],
    "temporary-files": ["srv/tmp/x", "app/tmp/cache/x", "var/lib/tmpx", "usr/lib/tmpfiles.d/x.conf"],
    "core-dumps": ["usr/share/man2/core.5", "usr/lib/core.so.5", "app/core.js", "app/core.1.js", "oracle/export.dmp"],
    "crash-reports": ["var/lib/crash/x", "app/crash/x"],
    "litter": ["app/x~y", "usr/lib/python3/dist-packages/~ip/x.py", "app/.swp", "app/history", "patches/fix.orig"],
    "build-leftovers": [
        "app/target/release/server",
        "app/target/app.jar",
        "app/target/classes/x.class",
        "app/.next/static/x.js",
        "app/build/x.o",
        "usr/lib/x86_64-linux-gnu/crt1.o",
    ],
    "downloads": ["app/data.zip", "usr/share/x/x.tar.gz", "opt/app/plugins/x.zip", "root/run.sh", "srv/x.tgz"],
    "headers": [
        "usr/include/x86_64-linux-gnu/python3.11/pyconfig.h",
        "usr/local/include/python3.12/pyconfig.h",
        "app/include/template.php",
        "usr/share/nginx/include/x.conf",
        "app/cmake/x.cmake",
        "usr/local/lib/python3.12/site-packages/cmake/data/bin/cmake",
    ],
    "static-libraries": [
        "usr/lib/x86_64-linux-gnu/ImageMagick-6.9.11/modules-Q16/coders/png.la",
        "usr/lib/ldap/back_mdb.la",
        "srv/data.a",
        "usr/bin/x.app",
    ],
    "build-tools": [
        "usr/local/cargo/bin/ripgrep",
        "usr/local/cargo/bin/rg",
        "usr/share/dotnet/host/fxr/8.0.0/libhostfxr.so",
        "usr/local/gopher/x",
        "opt/app/gradle.properties",
    ],
    "jdk-parts": [
        "opt/java/openjdk/lib/modules",
        "opt/java/openjdk/lib/security/cacerts",
        "app/src.zip",
        "app/demo/x.jar",
        "usr/lib/jvm/java-17-openjdk-amd64/bin/java",
    ],
    "kernel-files": [
        "boot/grub/grub.cfg",
        "app/lib/modules/x.js",
        "usr/lib/node/modules/x",
        "usr/lib/udev/rules.d/x.rules",
    ],
    "dependency-tests": [
        "usr/local/lib/python3.12/site-packages/django/test/client.py",
        "usr/local/lib/python3.12/site-packages/numpy/testing/__init__.py",
        "app/node_modules/test/index.js",
        "app/node_modules/spec/index.js",
        "app/node_modules/@hapi/test/index.js",
        "app/node_modules/playwright/lib/test/runner.js",
        "app/tests/test_app.py",
        "usr/local/bundle/gems/rspec-core-3/lib/rspec/core/example.rb",
        "app/vendor/symfony/contracts/Service/Test/x.php",
        "opt/python3/test.py",
    ],
    "node-extras": [
        "app/node_modules/typescript/lib/lib.dom.d.ts",
        "app/dist/index.js.map",
        "app/src/types.d.ts",
        "app/node_modules/x/LICENSE.md",
        "app/node_modules/x/index.js",
        "app/node_modules/x/templates/mail.md",
    ],
    "installers": [
        "usr/local/lib/node_modules/pm2/index.js",
        "usr/local/lib/python3.12/site-packages/pipeline/x.py",
        "opt/yarnspinner/x",
        "app/node_modules/npm/index.js",
    ],
    "bytecode": ["app/module.pyc", "app/pycache/x.pyc"],
    "docs": [
        "usr/share/doc/bash/copyright",
        "usr/share/doc/x/LICENSE.txt",
        "usr/share/doc/x/NOTICE",
        "usr/share/doc/x/COPYING.gz",
        "usr/share/common-licenses/GPL-3",
        "usr/share/licenses/x/COPYING",
        "app/share/doc/x.md",
        "usr/lib/python3/dist-packages/x/doc/x.py",
    ],
    "man-pages": ["app/man/x.1", "usr/share/mandarin/x", "opt/man/x"],
    "locales": [
        "usr/share/locale/locale.alias",
        "usr/share/locale/en/LC_MESSAGES/x.mo",
        "usr/share/locale/en_GB/LC_MESSAGES/x.mo",
        "usr/lib/locale/C.utf8/LC_CTYPE",
        "usr/share/X11/locale/de/Compose",
        "usr/share/zoneinfo/Europe/Berlin",
        "usr/local/lib/python3.12/site-packages/django/conf/locale/de/formats.py",
    ],
    "shell-completions": ["usr/share/bash-completion/bash_completion", "usr/share/zsh/functions/x"],
    "debug-files": ["usr/lib/debugger/x", "app/debug/x.debug", "app/.debug/notes.txt"],
}

BY_OTHER_MEANS = {
    "build-tools",
    "debug-symbols",
    "deleted-later",
    "dev-dependencies",
    "dockerignore-misses",
    "duplicates",
    "metadata-copy",
    "orphaned-packages",
    "overwritten",
    "recommended-packages",
    "written-twice",
}
"""Kinds that a path alone does not tell; each has its own test below, in test_shadowed.py or in test_packages.py."""


@cache
def found() -> dict[str, str]:
    """All paths of both tables in one image, each with content of its own: path → kind."""
    paths = [path for table in (CLAIMED, LEFT_ALONE) for paths in table.values() for path in paths]
    assert len(paths) == len(set(paths))
    return kinds({path: path.encode() for path in paths})


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, paths in CLAIMED.items() for path in paths])
def test_claimed(kind: str, path: str) -> None:
    assert found().get(path) == kind


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, paths in LEFT_ALONE.items() for path in paths])
def test_left_alone(kind: str, path: str) -> None:
    assert found().get(path) is None, f"a near miss of {kind}"


def test_every_kind_is_here_with_an_example_and_a_near_miss() -> None:
    names = {kind.name for kind in all_kinds()}
    assert set(CLAIMED) == set(LEFT_ALONE) <= names
    assert names - set(CLAIMED) <= BY_OTHER_MEANS


def test_kinds_are_named_once_and_say_what_to_do() -> None:
    known = all_kinds()
    assert len({kind.name for kind in known}) == len(known)
    for kind in known:
        assert kind.remedy and kind.title and kind.name == kind.name.lower()
        assert kind.fix in {"one-run", "no-recommends", "ignore", "production", "stage", "drop"}


def test_logs_and_temporary_files_that_are_links_or_no_files() -> None:
    layer: dict[str, Member] = {
        "var/log/nginx": directory(),
        "var/log/nginx/access.log": link("/dev/stdout"),
        "tmp": directory(0o1777),
        "tmp/.X11-unix": directory(0o1777),
        "tmp/x": link("/app/x"),
        "usr/share/doc/a": link("b"),
    }
    assert kinds(layer) == {"usr/share/doc/a": "docs"}


@pytest.mark.parametrize(
    "config",
    [
        {"Entrypoint": ["/tmp/app/server"]},
        {"Cmd": ["java", "-jar", "/tmp/app/server"]},
        {"Cmd": "/tmp/app/server --port 80"},
        {"WorkingDir": "/tmp/app"},
        {"Healthcheck": {"Test": ["CMD-SHELL", "/tmp/app/probe"]}},
        {"Env": ["APP_HOME=/tmp/app"]},
    ],
)
def test_what_runs_from_tmp_is_in_use(config: dict[str, object]) -> None:
    assert kinds({"tmp/app/server": b"1", "tmp/other": b"2"}, container=config) == {"tmp/other": "temporary-files"}


def test_empty_logs_and_those_that_the_command_names_stay() -> None:
    """`RUN touch /var/log/cron.log`, `CMD cron && tail -f /var/log/cron.log`."""
    layer = {"var/log/cron.log": b"", "var/log/app/out.log": b"1", "var/log/dpkg.log": b"2", "tmp/lock": b""}
    told = {"Cmd": ["sh", "-c", "cron && tail -f /var/log/app/out.log"]}
    assert kinds(layer, container=told) == {"var/log/dpkg.log": "logs"}


@pytest.mark.parametrize(
    ("path", "kind", "command"),
    [
        ("go/pkg/mod/x@v1/x.go", "go-cache", ["go", "run", "."]),
        ("root/.cache/go-build/00/1-d", "go-cache", ["sh", "-c", "go test ./..."]),
        ("usr/local/cargo/registry/src/x/lib.rs", "cargo-cache", ["cargo", "run", "--release"]),
        ("root/.m2/repository/x/x.jar", "maven-cache", ["./mvnw", "spring-boot:run"]),
        ("root/.gradle/caches/x/x.jar", "maven-cache", ["sh", "-c", "cd /app && gradle bootRun"]),
        ("root/.m2/repository/y/y.jar", "maven-cache", ["java", "-cp", "/root/.m2/repository/y/y.jar:app.jar", "Main"]),
        ("root/.nuget/packages/x/1/x.dll", "nuget-cache", ["dotnet", "run"]),
        ("root/.npm/_npx/1/node_modules/x/index.js", "npm-cache", ["npx", "serve"]),
    ],
)
def test_caches_that_the_command_builds_from_are_in_use(path: str, kind: str, command: list[str]) -> None:
    assert kinds({path: b"1"}, container={"Cmd": command}) == {}
    assert kinds({path: b"1"}, container={"Cmd": ["/usr/local/bin/mvn-entrypoint.sh", "java", "-jar", "app.jar"]}) == {
        path: kind
    }


def test_archives_that_yarns_plug_and_play_runs_from_are_in_use() -> None:
    layer: dict[str, Member] = {"root/.yarn/berry/cache/x-npm-1.zip": b"1"}
    assert kinds(layer) == {"root/.yarn/berry/cache/x-npm-1.zip": "npm-cache"}
    assert kinds(layer | {"app/.pnp.cjs": b"2"}) == {}


def test_leftovers_that_links_from_elsewhere_lead_to_are_in_use() -> None:
    layer: dict[str, Member] = {
        "root/.cache/uv/archive-v0/1/flask/app.py": b"1",
        "root/.cache/uv/archive-v0/2/x.py": b"2",
        "root/.cache/uv/archive-v0/3/link": link("../2/x.py"),
        "app/.venv/lib/flask": link("/root/.cache/uv/archive-v0/1/flask"),
        "tmp/tool/bin/tool": b"3",
        "tmp/rest": b"4",
        "usr/bin/tool": link("../../tmp/tool/bin/tool"),
        "temporary": link("tmp"),
    }
    assert kinds(layer) == {
        "root/.cache/uv/archive-v0/2/x.py": "pip-cache",
        "root/.cache/uv/archive-v0/3/link": "pip-cache",
        "tmp/rest": "temporary-files",
    }


def test_languages_that_the_environment_names_stay() -> None:
    layer = {
        "usr/lib/locale/locale-archive": b"1",
        "usr/share/locale/de/LC_MESSAGES/x.mo": b"2",
        "usr/share/locale/fr/LC_MESSAGES/x.mo": b"3",
        "usr/share/locale/de@hebrew/LC_MESSAGES/x.mo": b"4",
        "usr/share/i18n/locales/de_DE": b"5",
    }
    german = {"Env": ["PATH=/bin", "LANG=de_DE.UTF-8"]}
    assert set(kinds(layer, container=german)) == {
        "usr/share/locale/fr/LC_MESSAGES/x.mo",
        "usr/share/i18n/locales/de_DE",
    }
    assert set(kinds(layer, container={"Env": ["LANG=C.UTF-8"]})) == set(layer)


NPM, YARN, COREPACK = "usr/local/lib/node_modules/npm/x", "opt/yarn-v1/x", "usr/local/lib/node_modules/corepack/x"


@pytest.mark.parametrize(
    ("command", "left"),
    [
        (["npm", "start"], {YARN, COREPACK}),
        (["npx", "serve"], {YARN, COREPACK}),
        (["yarn", "start"], {NPM}),
        (["node", "server.js"], {NPM, YARN, COREPACK}),
    ],
)
def test_installers_that_the_container_runs_stay(command: list[str], left: set[str]) -> None:
    assert set(kinds({NPM: b"1", YARN: b"2", COREPACK: b"3"}, container={"Cmd": command})) == left


def test_cargos_program_is_linked_from_its_intermediates() -> None:
    made = "app/target/release/deps/server-1"
    assert analysed({made: b"x" * 9000, "app/target/release/server": hard(made)}).wasted.raw == 0


def test_conda_environments_share_their_packages_by_links() -> None:
    used, kept = "opt/conda/lib/libx.so", "opt/conda/pkgs/x-1/lib/libx.so"
    assert analysed({kept: b"x" * 9000, used: hard(kept)}).wasted.raw == 0
    assert booked(analysed({used: b"x" * 9000, kept: b"x" * 9000})) == {kept: ("pip-cache", 9000)}


class TestDuplicates:
    def test_the_lowest_first_copy_stays(self) -> None:
        same = b"d" * 5000
        assert kinds({"z": same}, {"a": same, "b": same}) == {"a": "duplicates", "b": "duplicates"}
        assert kinds({"b": same, "a": same}) == {"b": "duplicates"}

    def test_small_and_empty_files_and_links_do_not_count(self) -> None:
        assert kinds({"a": b"d" * 4095, "b": b"d" * 4095, "c": b"", "d": b""}) == {}
        assert kinds({"a": b"d" * 5000, "b": hard("a"), "c": link("a")}) == {}

    def test_what_another_kind_claims_is_no_copy(self) -> None:
        same = b"d" * 5000
        assert kinds({"a": same, "usr/share/doc/x/a": same}) == {"usr/share/doc/x/a": "docs"}


class TestDebugSymbols:
    def test_of_programs_and_libraries(self) -> None:
        assert booked(analysed({"bin/app": unstripped(900)})) == {"bin/app": ("debug-symbols", 900)}

    def test_not_of_objects_modules_and_core_dumps(self) -> None:
        assert (
            booked(
                analysed(
                    {"app/x.o": unstripped(900, kind=1), "app/x.ko": unstripped(901), "app/x": unstripped(9, kind=4)}
                )
            )
            == {}
        )

    def test_of_a_file_whose_first_name_is_gone(self) -> None:
        found = analysed({"bin/a": unstripped(900), "bin/b": hard("bin/a")}, {"bin/a": GONE})
        assert [waste.raw for waste in found.waste if waste.kind.name == "debug-symbols"] == [900]


class TestContext:
    def test_node_modules_over_node_modules(self) -> None:
        module = "app/node_modules/x/i.js"
        layers = ({"app": directory()}, {module: b"1"}, {module: b"1", "app/a.js": b"2"})
        found = booked(analysed(*layers, commands=["WORKDIR /app", "RUN npm ci", "COPY . . # buildkit"]))
        assert found == {module: ("dockerignore-misses", 1)}

    def test_node_modules_that_only_the_context_brings_are_the_applications(self) -> None:
        assert kinds({"app/node_modules/x/i.js": b"1"}, commands=["COPY . . # buildkit"]) == {}

    def test_a_virtual_environment_proves_itself(self) -> None:
        layer = {"app/.venv/pyvenv.cfg": b"1", "app/.venv/lib/x.py": b"2", "app/venv/of_ours.py": b"3"}
        assert set(kinds(layer, commands=["COPY . /app"])) == {"app/.venv/pyvenv.cfg", "app/.venv/lib/x.py"}

    @pytest.mark.parametrize(
        "command",
        [
            "COPY --from=build /app /app",
            "COPY /app /app # buildkit",
            "/bin/sh -c #(nop) COPY dir:0a1b in /app ",
            "/bin/sh -c #(nop) ADD file:0a1b in / ",
            "ADD root.tar.xz / # buildkit",
            "RUN python -m venv /app/.venv",
        ],
    )
    def test_what_comes_from_elsewhere(self, command: str) -> None:
        layer = {"app/.venv/pyvenv.cfg": b"1", "app/.github/x.yml": b"2"}
        assert kinds(layer, commands=[command]) == {}

    def test_files_about_the_image_and_the_repository(self) -> None:
        layer = {
            "app/Dockerfile": b"1",
            "app/docker-compose.yml": b"2",
            "app/.dockerignore": b"3",
            "app/node_modules/x/.gitignore": b"4",
            "app/dockerfile_parser.py": b"5",
            "app/.github/workflows/ci.yml": b"6",
            "app/coverage/lcov.info": b"7",
            "app/lib/coverage/api.py": b"8",
        }
        misses = {"app/Dockerfile", "app/docker-compose.yml", "app/.dockerignore"}
        misses |= {"app/.github/workflows/ci.yml", "app/coverage/lcov.info"}
        assert set(kinds(layer, commands=["COPY . ."])) == misses


def test_a_chmod_does_not_make_a_file_waste_of_another_kind() -> None:
    found = analysed({"usr/share/doc/x/a": b"1"}, {"usr/share/doc/x/a": file(b"1", mode=0o600)})
    assert [(w.kind.name, w.layer) for w in found.waste] == [("metadata-copy", 0), ("docs", 1)]
