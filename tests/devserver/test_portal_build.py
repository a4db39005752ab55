"""The portal is built once for all, again after a change, and a build knows no secret."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devserver.portal import build, node

# Stands in for Next.js: copies the sources, and writes its environment into the output.
NEXT = """
const fs = require('fs');
fs.appendFileSync('../builds', 'build\\n');
if (fs.readFileSync('src/page').includes('broken')) { console.log('page:1 is broken'); process.exit(1); }
fs.mkdirSync('.next/standalone', { recursive: true });
fs.mkdirSync('.next/static', { recursive: true });
fs.writeFileSync('.next/static/script.js', '');
fs.copyFileSync('src/page', '.next/standalone/server.js');
fs.writeFileSync('.next/standalone/environment', JSON.stringify(process.env));
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "portal"
    for file, text in {
        "package.json": '{"name": "portal", "dependencies": {"next": "file:src/next"}}',
        ".npmrc": "audit=false\n",
        "src/next/package.json": '{"name": "next", "version": "1.0.0"}',
        "src/next/dist/bin/next": NEXT,
        "src/page": "one",
    }.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    monkeypatch.setattr(build, "FOLDER", folder)
    monkeypatch.setattr(build, "BUILDS", folder / ".build")
    assert build.run(["npm", "install", "--package-lock-only", "--silent", "--offline"]) == 0
    return folder


def _builds(folder: Path) -> int:
    return (folder.parent / "builds").read_text().count("build")


def test_a_build_is_made_once_for_all_processes_and_again_after_a_change(folder: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        built = {found.result() for found in [pool.submit(build.ensure_built) for _ in range(3)]}
    (first,) = built
    assert (first / "server.js").read_text() == "one"
    assert (first / ".next" / "static" / "script.js").exists()
    assert _builds(folder) == 1

    (folder / "src" / "page").write_text("two")
    second = build.ensure_built()
    assert (second / "server.js").read_text() == "two"
    assert (first / "server.js").read_text() == "one"
    (folder / "src" / "page").write_text("one")
    assert build.ensure_built() == first
    assert _builds(folder) == 2


def test_few_builds_are_kept(folder: Path) -> None:
    for number in range(build.KEPT + 2):
        (folder / "src" / "page").write_text(str(number))
        newest = build.ensure_built()
    assert len([path for path in build.BUILDS.iterdir() if path.is_dir()]) == build.KEPT
    assert newest.exists()


def test_a_build_knows_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://grps:hunter2@127.0.0.1/grps")
    monkeypatch.setenv("AUTOMATION_SIGNATURE_SECRET", "hunter2")
    known = json.loads((build.ensure_built() / "environment").read_text())
    assert "hunter2" not in json.dumps(known)
    assert known["NEXT_TELEMETRY_DISABLED"] == "1"

    (folder / ".env.local").write_text("DATABASE_URL=hunter2")
    with pytest.raises(build.BuildFailed, match=r"portal/\.env\.local would become part"):
        build.ensure_built()


def test_a_failed_build_is_told_with_its_output_and_made_again(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "src" / "page").write_text("broken")
    with pytest.raises(build.BuildFailed, match="next build failed"):
        build.ensure_built()
    assert "page:1 is broken" in capfd.readouterr().out
    (folder / "src" / "page").write_text("mended")
    assert (build.ensure_built() / "server.js").read_text() == "mended"


def test_packages_are_installed_again_after_a_change_of_the_lock(folder: Path) -> None:
    build.ensure_installed()
    mark = folder / "node_modules" / "mark"
    mark.touch()
    build.ensure_installed()
    assert mark.exists()
    (folder / ".npmrc").write_text("audit=false\nfund=false\n")
    build.ensure_installed()
    assert not mark.exists()


def test_an_old_node_on_the_path_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {"node": "echo v20.19.0", "npm": "exit 9"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert _runs("node", "--version") >= "v22.18"
    assert _runs("npm", "--version") >= "10"

    (tmp_path / "node").write_text("#!/bin/sh\necho v99.1.0\n")
    assert _runs("node", "--version") == "v99.1.0"


def _runs(*command: str) -> str:
    path = node.path()
    program = shutil.which(command[0], path=path)
    assert program
    ran = subprocess.run(
        [program, *command[1:]], env={"PATH": path}, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


def test_the_command_says_in_one_line_what_failed(folder: Path) -> None:
    script = (
        "import pathlib, sys; from devserver.portal import __main__, build; "
        f"build.FOLDER = pathlib.Path({str(folder)!r}); build.BUILDS = build.FOLDER / '.build'; "
        "sys.argv[1:] = ['build']; sys.exit(__main__.main())"
    )
    (folder / "src" / "page").write_text("broken")
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 78
    assert ended.stderr == "GRPS: next build failed\n"
