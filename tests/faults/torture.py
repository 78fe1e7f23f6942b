"""torture.py: the test's side of tests/torture: which call of which process fails next, which ways our programs
take to such calls, and where in the source these are."""

import dataclasses
import mmap
import os
import re
import struct
import subprocess

MAGIC = 0x6F6666686F6F6B31
DEPTH, PATHS, NAME = 8, 8192, 24
HEAD = struct.Struct(f"<Q{NAME}sQII")  # struct torture, up to its paths
PATH = struct.Struct(f"<Q{NAME}s{DEPTH}Q")  # struct torture_path
ROLE, WANTED, PARTIAL, FIRED = 8, 32, 40, 44

# Those that can also be half done (tests/torture/wrap.h).
HALF = re.compile(r"read|write|recv|send|poll|ppoll|PQ(?!conninfoParse|connectStartParams).*")
# A failure in these is their caller's: so each statement fails, not one for all.
GENERAL = ("src/base/mem.c", "src/base/buf.c", "src/db/db.c")


@dataclasses.dataclass(frozen=True)
class Way:
    key: int
    function: str
    frames: tuple


class Control:
    """The file that the programs map."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as f:
            f.write(HEAD.pack(MAGIC, b"", 0, 0, 0))
            f.truncate(HEAD.size + PATHS * PATH.size)
        path.chmod(0o666)  # the stack's user is another than root
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)

    def arm(self, role, key=0, partial=False):
        """The next process of that role to come by that way sees the call fail; without one, ways are
        written down alone."""
        self.disarm()
        struct.pack_into("<II", self.map, PARTIAL, partial, 0)
        struct.pack_into(f"<{NAME}s", self.map, ROLE, role.encode())
        struct.pack_into("<Q", self.map, WANTED, key)

    def disarm(self):
        struct.pack_into("<Q", self.map, WANTED, 0)

    def fired(self):
        return struct.unpack_from("<I", self.map, FIRED)[0] == 1

    def ways(self):
        found = {}
        for i in range(PATHS):
            key, name, *frames = PATH.unpack_from(self.map, HEAD.size + i * PATH.size)
            if key != 0 and frames[0] != 0:
                found[key] = Way(key, name.rstrip(b"\0").decode(), tuple(f for f in frames if f))
        return found

    def forget(self):
        """Before another program is looked at, whose ways are others."""
        self.disarm()
        struct.pack_into(f"<{NAME}s", self.map, ROLE, b"")
        self.map[HEAD.size:] = bytes(PATHS * PATH.size)


class Source:
    """Where in the source the ways of one program lead by."""

    def __init__(self, program, top):
        self.program, self.top, self.known = program, str(top) + "/", {}

    def read(self, addresses):
        """The lines that these are in, with those that they were inlined into."""
        asked = sorted(set(addresses) - self.known.keys())
        if not asked:
            return
        done = subprocess.run(["addr2line", "-a", "-i", "-f", "-e", str(self.program)], text=True, check=True,
                              input="".join(f"{a:x}\n" for a in asked), capture_output=True)
        at, function = None, None
        for line in done.stdout.splitlines():
            if line.startswith("0x"):
                at, function = self.known.setdefault(int(line, 16), []), None
            elif function is None:
                function = line
            else:
                path, _, number = line.split(" (")[0].rpartition(":")
                path = os.path.normpath(path).replace(self.top, "")
                at.append((path, int(number) if number.isdigit() else 0, function))
                function = None

    def place(self, way):
        """(file, line, function) of the call in our own sources that asked for what fails."""
        self.read([f - 1 for f in way.frames])
        lines = [line for f in way.frames for line in self.known[f - 1]]
        for line in lines:
            if line[0] not in GENERAL:
                return line
        return lines[-1]

    def calls(self, files):
        """Every call in these files that can be made to fail, as {(file, line): what it calls}; of memory those
        of base/mem.h, behind which all of it is asked for."""
        code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", str(self.program)], text=True, check=True,
                              capture_output=True).stdout
        call = re.compile(r"^\s*([0-9a-f]+):\s+(?:call|jmp)\s+[0-9a-f]+ <(?:__wrap_|(?=mem_))(\w+)>$", re.M)
        found = [(int(at, 16), name) for at, name in call.findall(code) if name != "daemon_title"]
        self.read([at for at, _ in found])
        return {self.known[at][0][:2]: name for at, name in found if self.known[at][0][0] in files}
