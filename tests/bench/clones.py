"""Conda packages by the hundred: real ones under other names, in folders of their own, with other bytes all through."""
import bz2
import hashlib
import io
import json
import os
import random
import subprocess
import tarfile
import zipfile

FOLDER = "share/clones"


class Original:
    """A real package, unpacked once: its members below the payload and what its manifest says of them."""

    def __init__(self, path):
        self.members, self.index, self.paths = [], {}, {}
        for archive in self.open(path):
            for info in archive:
                data = archive.extractfile(info).read() if info.isreg() else b""
                if info.name == "info/index.json":
                    self.index = json.loads(data)
                elif info.name == "info/paths.json":
                    self.paths = {each["_path"]: each for each in json.loads(data)["paths"]}
                elif not info.name.startswith("info/"):
                    self.members.append((info, data))
        self.members = [each for each in self.members if each[0].name in self.paths]

    @staticmethod
    def open(path):
        if not path.endswith(".conda"):
            with open(path, "rb") as file:
                yield tarfile.open(fileobj=io.BytesIO(bz2.decompress(file.read())))
            return
        with zipfile.ZipFile(path) as outer:
            for name in outer.namelist():
                if name.endswith(".tar.zst"):
                    plain = subprocess.run(["zstd", "-dcq"], input=outer.read(name), stdout=subprocess.PIPE, check=True)
                    yield tarfile.open(fileobj=io.BytesIO(plain.stdout))

    def clone(self, name, seed, directory):
        """Writes NAME as a .conda package; its line in a lock. Another seed is another content."""
        noise = random.Random(f"{name} {seed}")
        manifest, payload = [], io.BytesIO()
        with tarfile.open(fileobj=payload, mode="w") as archive:
            for info, data in self.members:
                entry = dict(self.paths[info.name])
                copy = tarfile.TarInfo(f"{FOLDER}/{name}/{info.name}")
                copy.type, copy.mode, copy.mtime = info.type, info.mode, info.mtime
                copy.linkname = f"{FOLDER}/{name}/{info.linkname}" if info.islnk() else info.linkname
                if info.isreg():
                    data = self.other_bytes(data, "prefix_placeholder" in entry, noise)
                    copy.size = len(data)
                    entry["size_in_bytes"] = len(data)
                    entry["sha256"] = hashlib.sha256(data).hexdigest()
                entry["_path"] = copy.name
                manifest.append(entry)
                archive.addfile(copy, io.BytesIO(data) if info.isreg() else None)
        index = {**self.index, "name": name, "depends": [], "constrains": []}
        info = {"info/index.json": index, "info/paths.json": {"paths": manifest, "paths_version": 1}}
        return self.write(f"{name}-{index['version']}-{index['build']}", payload.getbuffer(), info, directory)

    @staticmethod
    def other_bytes(data, has_prefix, noise):
        """A few bytes of each page are others; a file with a prefix in it only gets longer."""
        if has_prefix:
            return data + noise.randbytes(8)
        data = bytearray(data)
        for first in range(0, min(32, len(data)), 4):
            data[first::4096] = noise.randbytes(len(range(first, len(data), 4096)))
        return bytes(data)

    @staticmethod
    def write(dist, payload, info, directory):
        texts = io.BytesIO()
        with tarfile.open(fileobj=texts, mode="w") as archive:
            for path, value in info.items():
                text = json.dumps(value).encode()
                member = tarfile.TarInfo(path)
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text))
        path = f"{directory}/{dist}.conda"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as outer:
            outer.writestr("metadata.json", '{"conda_pkg_format_version": 2}')
            for kind, tar in (("pkg", payload), ("info", texts.getvalue())):
                packed = subprocess.run(["zstd", "-3", "-T2", "-cq"], input=tar, stdout=subprocess.PIPE, check=True)
                outer.writestr(f"{kind}-{dist}.tar.zst", packed.stdout)
        with open(path, "rb") as file:
            return f"file://{path}#sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


class Clones:
    """250 packages of the `runnable` set: 60,000 files, 3 GB. Four of each, more of two with few and large files."""
    MORE = {"git": 65, "libstdcxx-ng": 41}

    def __init__(self, files, directory):
        os.makedirs(directory)
        self.directory = directory
        self.originals = {}  # by the clone's name
        self.lines = {}
        for file in files:
            original = Original(file)
            for number in range(self.MORE.get(original.index["name"], 4)):
                name = f"{original.index['name']}-{number:02}"
                self.originals[name] = original
                self.lines[name] = original.clone(name, 0, directory)

    def lock(self, lines):
        path = f"{self.directory}/{len(os.listdir(self.directory))}.lock"
        with open(path, "w") as file:
            file.write("\n".join(["@EXPLICIT", *lines]) + "\n")
        return path

    def changed(self, names, seed):
        """The lines of a lock in which these packages, and no others, are other ones."""
        directory = f"{self.directory}/seed-{seed}"
        os.makedirs(directory)
        return {**self.lines, **{name: self.originals[name].clone(name, seed, directory) for name in names}}
