"""The model of the games' package has every module, and nothing that differs from its source."""

import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from deploy import luau_model
from deploy.luau_package import HOME

TOP = HOME.parent.parent
OUTSIDE = {"example"}  # not part of the package


def sources(item: Xml.Element, above: str = "") -> dict[str, str]:
    """Return the sources of a model by path, read without the code that wrote it."""
    name = next(one.text for one in item.iter("string") if one.get("name") == "Name")
    path = f"{above}/{name}"
    texts = [one.text or "" for one in item.findall("Properties/ProtectedString")]
    found = {path: texts[0]} if texts else {}
    for below in item.findall("Item"):
        found |= sources(below, path)
    return found


def path_of(file: Path) -> str:
    parts = list(file.relative_to(HOME).with_suffix("").parts)
    if parts == ["grps"]:
        return "/GRPS"
    parts[-1] = parts[-1].removesuffix(".server")
    return "/GRPS/" + "/".join(part for part in parts if part != "init")


def test_every_module_is_in_the_model(tmp_path: Path) -> None:
    target = tmp_path / "dist" / "GRPS.rbxmx"
    command = [sys.executable, "-m", "deploy.luau_model", str(target)]
    subprocess.run(command, cwd=TOP, check=True, capture_output=True)
    (root,) = Xml.parse(target).getroot().findall("Item")
    files = [one for one in HOME.rglob("*.luau") if one.relative_to(HOME).parts[0] not in OUTSIDE]
    assert sources(root) == {path_of(one): one.read_text(encoding="utf-8") for one in files}
    (script,) = root.iterfind(".//Item[@class='Script']")
    assert script.findtext("Properties/token[@name='RunContext']") == "2"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (">folder<", ">other<"),
        ('class="ModuleScript"', 'class="Script"'),
        ("Group ranks and points.", "Group ranks."),
        ('<token name="RunContext">2', '<token name="RunContext">0'),
    ],
)
def test_a_difference_is_found(before: str, after: str) -> None:
    text = Xml.tostring(luau_model.build(), encoding="unicode").replace(">bridges<", ">folder<")
    assert luau_model.differences(text.replace(">folder<", ">bridges<")) == []
    assert luau_model.differences(text.replace(before, after, 1)) != []


def test_a_model_without_a_module_is_found() -> None:
    root = luau_model.build()
    package = root.find("Item")
    assert package is not None
    package.remove(package.findall("Item")[-1])
    assert luau_model.differences(Xml.tostring(root, encoding="unicode")) == ["/GRPS"]


def test_wally_takes_the_whole_package() -> None:
    package = tomllib.loads((HOME / "wally.toml").read_text(encoding="utf-8"))["package"]
    parts = {one.name for one in HOME.iterdir() if one.is_dir()} - OUTSIDE
    assert parts <= set(package["include"])
    assert package["license"] == "MIT"
    assert (HOME / "LICENSE").read_text() == (TOP / "LICENSE").read_text()
