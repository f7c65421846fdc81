"""What tests of conda environments share: packages, locks of them, and builds with these."""
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile

from . import base_image
from .case import SystemTest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PACK = os.path.join(SOURCE, "tests", "support", "pack-conda")
SHARED = os.path.join(os.environ.get("KILN_SHARED_DIR", os.path.join(SOURCE, "..", "shared")), "conda")
COPY_ENV = "COPY --link --from=env / /\n"


class CondaTest(SystemTest):
    def pack(self, *words):
        """Debian's python as packages, packed once a build tree: (their directory, the lock's text)."""
        version = str(os.stat(PACK).st_mtime_ns)
        cache = os.environ.get("KILN_TEST_CACHE", self.directory)
        kept = os.path.join(cache, "-".join(["conda", version, *words]).replace("--", ""))
        lock = os.path.join(kept, "lock")
        if not os.path.exists(lock):
            fresh = f"{kept}.{os.getpid()}"  # another file of tests may be packing the same
            made = self.run_tool(sys.executable, PACK, fresh, *words)
            with open(os.path.join(fresh, "lock"), "w", encoding="utf-8") as file:
                file.write(made.replace(fresh, kept))
            try:
                os.rename(fresh, kept)
            except OSError:
                shutil.rmtree(fresh)
        with open(lock, encoding="utf-8") as file:
            return kept, file.read()

    def with_glibc(self, daemon):
        self.load(daemon, base_image.glibc_tar(), "glibc:1")

    def build_with(self, daemon, lock, dockerfile, *words, prefix=None, lock_name="env.lock", options=""):
        lock = self.write(lock_name, lock)
        value = f"env=conda:{lock}{options}" + (f",prefix={prefix}" if prefix else "")
        return self.build(daemon, dockerfile, {}, "--build-context", value, *words)

    def lock_of(self, *packages):
        """Packages that are written for one test: (name, files, what else package() is told)."""
        lines = []
        for name, files, *more in packages:
            told = more[0] if more else {}
            path = self.write(f"packages/{name}-{told.get('version', '1.0')}-0.tar.bz2", package(name, files, **told))
            lines.append(f"file://{path}\n")
        return "@EXPLICIT\n" + "".join(lines)

    def layers(self, daemon, image):
        return [layer["diff_id"] for layer in daemon.kiln("layers", image, "--format", "json").json["layers"]]


def package(name, files, version="1.0", depends=(), noarch=None, manifest=None):
    """The bytes of a .tar.bz2 package with these files: path -> (text, mode); or another manifest of them."""
    index = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": list(depends),
             "subdir": "noarch", "noarch": noarch or "generic"}
    paths = {"paths_version": 1, "paths": [
        {"_path": path, "path_type": "hardlink", "size_in_bytes": len(text),
         "sha256": hashlib.sha256(text.encode()).hexdigest()} for path, (text, _) in (manifest or files).items()]}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:bz2") as archive:
        texts = {"info/index.json": (json.dumps(index), 0o644), "info/paths.json": (json.dumps(paths), 0o644), **files}
        if noarch == "python":
            link = {"noarch": {"type": "python", "entry_points": []}, "package_metadata_version": 1}
            texts["info/link.json"] = (json.dumps(link), 0o644)
        for path, (text, mode) in texts.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode, info.mtime = len(text.encode()), mode, 1_600_000_000
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()
