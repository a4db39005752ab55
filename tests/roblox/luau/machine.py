"""A Luau virtual machine that acts as a Roblox server or client, on a clock that tests step.

It loads the modules of a Rojo project, by default the package in ServerScriptService. Only this
module uses pluau directly. Values are converted to JSON-like Python values: a table with the keys 1
to n is a list, any other a dict. An empty table is an empty dict.
"""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pluau

HOME = Path(__file__).resolve().parent.parent.parent.parent / "roblox" / "luau"
WORLD = Path(__file__).resolve().parent / "world"
SERVICES = ("ReplicatedStorage", "ServerScriptService", "ServerStorage")

Tree = dict[str, Any]
PLACE: Tree = {"ServerScriptService": {"GRPS": {"$path": "default.project.json"}}}

# `script` and `require` are arguments on the first line, so that lines keep their numbers.
HEAD = (
    "local script, require, game, task, Instance, DateTime, os, typeof, print, warn, Enum, "
    "UDim2, UDim, Vector2, Color3, utf8 = ... "
)
FIND = "local one, name = ... return one:FindFirstChild(name)"

REQUIRE = """
local compile, globals = ...
local loaded = {}
local function require(module)
    local name = module:GetFullName()
    local found = loaded[module]
    if found == "loading" then
        error("circular require of " .. name, 2)
    end
    if found == nil then
        loaded[module] = "loading"
        local chunk = compile(module.path)
        local g = globals
        found = { chunk(module, require, g.game, g.task, g.Instance, g.DateTime, g.os, g.typeof, g.print, g.warn,
            g.Enum, g.UDim2, g.UDim, g.Vector2, g.Color3, g.utf8) }
        loaded[module] = found
    end
    return found[1]
end
return require
"""

# Functions that Roblox adds to Luau.
UTF8 = """
local globals, normalize = ...
globals.utf8 = setmetatable({ nfcnormalize = normalize }, { __index = utf8 })
"""


def read_tree(project: str) -> Tree:
    """Return the tree of a Rojo project of roblox/luau."""
    found: Tree = json.loads((HOME / project).read_text(encoding="utf-8"))["tree"]
    return found


class LuauError(Exception):
    """An error in Luau code, with its place."""


class Machine:
    """A server or a client. `mutate` changes the source of a module: (path, source) to source.

    `tree`: the instances of the place, as a Rojo project has them.
    """

    def __init__(
        self,
        tree: Tree = PLACE,
        *,
        now: float = 1_750_000_000.0,
        mutate: Callable[[str, str], str] = lambda path, source: source,
    ) -> None:
        self._mutate = mutate
        self.lua = pluau.Lua()
        # Optimised and with line numbers. This compiler does not check types.
        self.lua.set_compiler(pluau.Compiler(2, 1, 0, 0))
        self.engine = self._load(WORLD / "engine.luau").call()[0]
        self.set_clock(now)
        compile_ = self.lua.create_function(lambda lua, args: self._module(str(args[0])))
        normalize = self.lua.create_function(
            lambda lua, args: [unicodedata.normalize("NFC", str(args[0]))]
        )
        self.lua.load_chunk(UTF8, name="utf8").call(self.engine.get("globals"), normalize)
        self._require = self.lua.load_chunk(REQUIRE, name="require").call(
            compile_, self.engine.get("globals")
        )[0]
        for service in SERVICES:
            self._instance(service, service, self.engine.get("game"))
        self._plant_below(tree, self.engine.get("game"))

    def require(self, path: str) -> pluau.Table:
        """Load a module by its path, such as `ServerScriptService.GRPS.shared.points`."""
        instance: Any = self.engine.get("game")
        for name in path.split("."):
            instance = self.lua.load_chunk(FIND).call(instance, name)[0]
            if instance is None:
                raise LookupError(f"{path}: there is no {name}")
        found: pluau.Table = self.call(self._require, instance)
        return found

    def chunk(self, source: str, name: str = "test") -> pluau.Function:
        """Compile a function that may `require` and use a module's globals. Run it with `call`."""
        made: pluau.Function = self.lua.load_chunk(
            "local require, globals = ... local game, task, os = globals.game, globals.task, globals.os "
            + "local Instance = globals.Instance "
            + "return function(...) "
            + source
            + "\nend",
            name=name,
        ).call(self._require, self.engine.get("globals"))[0]
        return made

    def call(self, function: pluau.Function, *args: Any) -> Any:
        """Call a function with Python values. Returns its first result. Raises LuauError."""
        try:
            found = function.call(*(self.give(one) for one in args))
        except RuntimeError as error:
            raise LuauError(str(error)) from None
        return found[0] if found else None

    def step(self, seconds: float) -> None:
        """Let time pass. Raises LuauError for errors in threads that nobody waits for."""
        self.call(self.engine.get("step"), seconds)
        if self.errors:
            raise LuauError("\n".join(self.errors))

    def set_clock(self, now: float) -> None:
        """Set the clock. The next step runs the threads that are due."""
        self.engine.get("clock").set("now", now)

    @property
    def now(self) -> float:
        return float(self.engine.get("clock").get("now"))

    @property
    def memory(self) -> int:
        """Return the bytes in use after a garbage collection."""
        self.lua.load_chunk("collectgarbage()").call()
        return int(self.lua.used_memory())

    @property
    def errors(self) -> list[str]:
        found: list[str] = list(take(self.engine.get("errors")) or [])
        return found

    @property
    def said(self) -> list[str]:
        found: list[str] = list(take(self.engine.get("said")) or [])
        return found

    def give(self, value: Any) -> Any:
        """Convert a Python value to Luau."""
        if isinstance(value, dict):
            table = self.lua.create_table_with_capacity(0, len(value))
            for key, item in value.items():
                table.raw_set(key, self.give(item))
            return table
        if isinstance(value, list | tuple):
            table = self.lua.create_table_with_capacity(len(value), 0)
            for item in value:
                table.raw_push(self.give(item))
            return table
        return value

    def _load(self, path: Path) -> pluau.Function:
        return self.lua.load_chunk(path.read_text(encoding="utf-8"), name=path.name)

    def _module(self, path: str) -> list[pluau.Function]:
        source = self._mutate(path, (HOME / path).read_text(encoding="utf-8"))
        return [self.lua.load_chunk(HEAD + source, name=path)]

    def _plant_below(self, node: Tree, parent: Any) -> None:
        for name, below in node.items():
            if not name.startswith("$"):
                self._plant(name, below, parent)

    def _plant(self, name: str, node: Tree, parent: Any) -> None:
        """Create an instance for a node of the project, and for its children."""
        service = self.lua.load_chunk(FIND).call(parent, name)[0]
        if service is not None:
            made = service
        elif "$path" in node:
            made = self._plant_files(name, HOME / node["$path"], parent)
        else:
            made = self._instance(node.get("$className", "Folder"), name, parent)
        self._plant_below(node, made)

    def _plant_files(self, name: str, path: Path, parent: Any) -> Any:
        if path.name.endswith(".project.json"):
            self._plant(name, read_tree(path.name), parent)
            return None
        if path.is_file():
            kind = "Script" if path.stem.endswith(".server") else "ModuleScript"
            return self._instance(kind, name, parent, path)
        init = path / "init.luau"
        found = init.is_file()
        made = self._instance(
            "ModuleScript" if found else "Folder", name, parent, init if found else None
        )
        for child in sorted(path.iterdir()):
            if child.is_dir():
                self._plant_files(child.name, child, made)
            elif child.suffix == ".luau" and child != init:
                self._plant_files(child.stem.removesuffix(".server"), child, made)
        return made

    def plant_copy(self, name: str, node: dict[str, Any], parent: Any) -> None:
        """Create a replicated instance: {kind, path?, attributes, below}, and those below it."""
        path = HOME / node["path"] if "path" in node else None
        made = self._instance(node["kind"], name, parent, path)
        for key, value in node["attributes"].items():
            self.lua.load_chunk("local one, name, value = ... one:SetAttribute(name, value)").call(
                made, key, self.give(value)
            )
        for child, below in node["below"].items():
            self.plant_copy(child, below, made)

    def _instance(self, class_name: str, name: str, parent: Any, path: Path | None = None) -> Any:
        make = self.engine.get("Instance")
        made = make.call(class_name, name, parent)[0]
        if path is not None:
            self.lua.load_chunk("local one, path = ... one.path = path").call(
                made, str(path.relative_to(HOME))
            )
        return made


def take(value: Any) -> Any:
    """Convert a Luau value to Python."""
    if isinstance(value, pluau.String):
        return str(value)
    if not isinstance(value, pluau.Table):
        return value
    found = {take(key): take(item) for key, item in value}
    if found and set(found) == set(range(1, len(found) + 1)):
        return [found[place] for place in range(1, len(found) + 1)]
    return found
