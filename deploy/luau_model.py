"""Build the games' package as a Roblox model, for places without Rojo: GRPS.rbxmx.

    python -m deploy.luau_model dist/GRPS.rbxmx

The file is read back before it gets its name: a difference from the sources is an error.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree as Xml  # writes, and reads what it wrote itself

from deploy.luau_package import Node, read_project

RUN_CONTEXTS = {"Legacy": "0", "Server": "1", "Client": "2"}  # values of Enum.RunContext


def build() -> Xml.Element:
    """Return the model of the package."""
    root = Xml.Element("roblox", version="4")
    _add(root, read_project("default.project.json", "GRPS"), [0])
    return root


def _add(parent: Xml.Element, node: Node, numbers: list[int]) -> None:
    numbers[0] += 1
    item = Xml.SubElement(
        parent, "Item", {"class": node.class_name, "referent": f"RBX{numbers[0]}"}
    )
    properties = Xml.SubElement(item, "Properties")
    Xml.SubElement(properties, "string", name="Name").text = node.name
    if node.source is not None:
        Xml.SubElement(properties, "ProtectedString", name="Source").text = node.source
    for name, value in node.properties:
        Xml.SubElement(properties, "token", name=name).text = RUN_CONTEXTS[value]
    for child in node.children:
        _add(item, child, numbers)


def differences(text: str) -> list[str]:
    """Return the instances of a model that differ from the package, by their path."""
    root = Xml.fromstring(text)  # noqa: S314 - what this module wrote
    (item,) = root.findall("Item")
    return _compare(item, read_project("default.project.json", "GRPS"), "")


def _compare(item: Xml.Element, node: Node, above: str) -> list[str]:
    path = f"{above}/{node.name}"
    found = {one.get("name"): one.text or "" for one in item.findall("Properties/*")}
    wanted = {"Name": node.name}
    if node.source is not None:
        wanted["Source"] = node.source
    wanted |= {name: RUN_CONTEXTS[value] for name, value in node.properties}
    below = item.findall("Item")
    wrong = [path] if (found, item.get("class")) != (wanted, node.class_name) else []
    if len(below) != len(node.children):
        return [*wrong, path]
    for one, child in zip(below, node.children, strict=True):
        wrong += _compare(one, child, path)
    return wrong


def write(target: Path) -> None:
    """Write the model. Exits, and leaves an existing file as it is, if reading it back differs."""
    text = Xml.tostring(build(), encoding="unicode")
    wrong = differences(text)
    if wrong:
        sys.exit(f"GRPS: the model differs from the sources at {', '.join(wrong)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    print(f"GRPS: {target} ({len(text) // 1024} KB)")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
