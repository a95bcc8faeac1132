"""The rules that look at the build context, over real directories, through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = "FROM python:3.12\nWORKDIR /app\nCOPY . .\n"


def write(folder: Path, files: dict[str, str]) -> None:
    """Files below a folder, with the directories they need."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def messages(folder: Path, code: str, *paths: str, data: bytes = b"") -> list[str]:
    """What a rule says when the command line lints these paths (the folder by default)."""
    done = subprocess.run(
        [sys.executable, "-m", "jettison", "lint", "--format", "json", "--select", code, *(paths or (".",))],
        cwd=folder, input=data, capture_output=True, check=False,
    )  # fmt: skip
    assert not done.stderr, done.stderr.decode()
    return [item["message"] for file in json.loads(done.stdout)["files"] for item in file["findings"]]


def fixed(folder: Path, code: str) -> str:
    """The Dockerfile after the unsafe fixes of one rule."""
    subprocess.run(
        [sys.executable, "-m", "jettison", "lint", "--select", code, "--unsafe-fixes", "Dockerfile"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    return (folder / "Dockerfile").read_text()


# ---------------------------------------------------------------------- CTX001: no .dockerignore


def test_the_files_and_bytes_that_a_build_sends_are_counted(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": WHOLE, "a.py": "x" * 1000, "lib/b.py": "y" * 2000})
    size = 3000 + len(WHOLE)
    assert messages(tmp_path, "CTX001") == [
        f"without a .dockerignore this takes all 3 files of the directory, {size / 1000:.1f} kB"
    ]


def test_a_dockerignore_is_enough_for_ctx001(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": WHOLE, "a.py": "", ".dockerignore": ".git\n"})
    assert not messages(tmp_path, "CTX001")


def test_a_dockerignore_of_the_dockerfile_itself_counts(tmp_path: Path) -> None:
    write(tmp_path, {"app.Dockerfile": WHOLE, "a.py": "", "app.Dockerfile.dockerignore": ".git\n"})
    assert not messages(tmp_path, "CTX001")


def test_standard_input_has_no_context(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "", ".git/HEAD": ""})
    assert not messages(tmp_path, "CTX", "-", data=WHOLE.encode())


@pytest.mark.parametrize("text", [
    "FROM python:3.12\nCOPY docker/start.sh /\nCOPY . /app\n",  # what it names is not here
    "FROM python:3.12\nCOPY --from=0 . /app\n",
    "FROM python:3.12\nCOPY src /app\n",
])  # fmt: skip
def test_another_directory_is_not_judged(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"Dockerfile": text, ".git/HEAD": "", "src/a.py": ""})
    assert not messages(tmp_path, "CTX")


def test_a_folder_of_dockerfiles_is_not_the_context(tmp_path: Path) -> None:
    write(tmp_path, {"docker/Dockerfile": WHOLE, "docker/dev.Dockerfile": WHOLE, "a.py": ""})
    assert not messages(tmp_path, "CTX")


def test_compose_names_the_context(tmp_path: Path) -> None:
    write(tmp_path, {
        "compose.yaml": "services:\n  app:\n    build:\n      context: .\n      dockerfile: docker/Dockerfile\n",
        "docker/Dockerfile": WHOLE, "a.py": "x", ".idea/x.xml": "<x/>",
    })  # fmt: skip
    assert len(messages(tmp_path, "CTX001", "compose.yaml")) == 1
    assert messages(tmp_path, "CTX002", "compose.yaml") == ["settings of editors would be copied too: 1 files, 4 B"]


# ---------------------------------------------------------------------- CTX002: what no image should have


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project as people have it: history, dependencies, a virtual environment, a secret."""
    write(tmp_path, {
        "Dockerfile": WHOLE, "app.py": "print()\n", ".env": "TOKEN=x\n", "web/node_modules/left/index.js": "x" * 500,
        ".venv/bin/python": "x" * 70, "__pycache__/app.pyc": "x", ".dockerignore": "*.log\n",
    })  # fmt: skip
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, env=environment)
    return tmp_path


def test_what_would_be_sent_is_measured(project: Path) -> None:
    said = messages(project, "CTX002")
    git = [path for path in (project / ".git").rglob("*") if path.is_file()]
    assert said[0].startswith(f".git would be copied too: {len(git):,} files, ")
    assert said[1:] == [
        "node_modules would be copied too: 1 files, 500 B",
        "a virtual environment would be copied too: 1 files, 70 B",
        "Python's caches would be copied too: 1 files, 1 B",
        "files that may hold secrets would be copied too: .env",
    ]


@pytest.mark.parametrize("ignore", [
    ".git\n**/node_modules\n.venv\n**/__pycache__\n.env\n",
    "*\n!app.py\n",
    "# all of it\n.*\n*/node_modules\n__pycache__/\n",
])  # fmt: skip
def test_a_dockerignore_that_leaves_it_out_is_quiet(project: Path, ignore: str) -> None:
    write(project, {".dockerignore": ignore})
    assert not messages(project, "CTX")


def test_what_an_exception_lets_in_again_is_said(project: Path) -> None:
    write(project, {".dockerignore": "*\n!app.py\n!.env\n"})
    assert messages(project, "CTX002") == ["files that may hold secrets would be copied too: .env"]


def test_a_file_that_is_named_and_hidden(project: Path) -> None:
    write(project, {"Dockerfile": "FROM python:3.12\nCOPY app.py notes.log /app/\n", "notes.log": ""})
    assert len(messages(project, "COPY009")) == 1


# ---------------------------------------------------------------------- ORD001: what the context knows


@pytest.mark.parametrize(("install", "files", "first"), [
    ("mvn package", ("pom.xml",), "COPY pom.xml ./\nRUN mvn -B dependency:go-offline\nCOPY . .\nRUN mvn package\n"),
    ("gradle build", ("build.gradle",),
     "COPY build.gradle ./\nRUN gradle --no-daemon dependencies\nCOPY . .\nRUN gradle build\n"),
    ("cargo build --release", ("Cargo.toml", "Cargo.lock"),
     "COPY Cargo.toml Cargo.lock ./\nRUN mkdir src && touch src/lib.rs && cargo fetch && rm -r src\n"
     "COPY . .\nRUN cargo build --release\n"),
    ("go build ./...", ("go.mod", "go.sum"),
     "COPY go.mod go.sum ./\nRUN go mod download\nCOPY . .\nRUN go build ./...\n"),
    ("yarn install", ("package.json", "yarn.lock"),
     "COPY package.json yarn.lock ./\nRUN yarn install\nCOPY . .\n"),
    ("bundle install", ("Gemfile",), "COPY Gemfile ./\nRUN bundle install\nCOPY . .\n"),
    ("poetry install", ("pyproject.toml", "poetry.lock"),
     "COPY pyproject.toml poetry.lock ./\nRUN poetry install --no-root\nCOPY . .\nRUN poetry install\n"),
    ("uv sync --locked", ("pyproject.toml", "uv.lock"),
     "COPY pyproject.toml uv.lock ./\nRUN uv sync --no-install-project --locked\nCOPY . .\nRUN uv sync --locked\n"),
    ("composer install", ("composer.json",),
     "COPY composer.json ./\nRUN composer install --no-scripts --no-autoloader\nCOPY . .\nRUN composer install\n"),
])  # fmt: skip
def test_dependency_files_come_first(tmp_path: Path, install: str, files: tuple[str, ...], first: str) -> None:
    head = "FROM base:1\nWORKDIR /app\n"
    write(tmp_path, {"Dockerfile": f"{head}COPY . .\nRUN {install}\n", **dict.fromkeys(files, "")})
    assert fixed(tmp_path, "ORD001") == head + first
    assert fixed(tmp_path, "ORD001") == head + first


@pytest.mark.parametrize("install", ["mvn package", "gradle build", "cargo build"])
def test_projects_of_several_modules_are_shown_only(tmp_path: Path, install: str) -> None:
    text = f"FROM base:1\nWORKDIR /app\nCOPY . .\nRUN {install}\n"
    names = ("pom.xml", "build.gradle", "Cargo.toml")
    write(tmp_path, {"Dockerfile": text, **{f"{at}{name}": "" for name in names for at in ("", "part/")}})
    assert len(messages(tmp_path, "ORD001")) == 1
    assert fixed(tmp_path, "ORD001") == text
