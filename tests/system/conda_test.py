"""Conda environments in images: they run, their layers are shared, and what is wrong is refused."""
import functools
import hashlib
import http.server
import io
import json
import os
import re
import sys
import tarfile
import threading
import unittest

from support import base_image
from support.case import SystemTest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
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
            made = self.run_tool(sys.executable, PACK, kept, *words)
            with open(lock + ".new", "w", encoding="utf-8") as file:
                file.write(made)
            os.rename(lock + ".new", lock)
        with open(lock, encoding="utf-8") as file:
            return kept, file.read()

    def with_glibc(self, daemon):
        self.load(daemon, base_image.glibc_tar(), "glibc:1")

    def build_with(self, daemon, lock, dockerfile, *words, prefix=None, lock_name="env.lock", options=""):
        lock = self.write(lock_name, lock)
        value = f"env=conda:{lock}{options}" + (f",prefix={prefix}" if prefix else "")
        return self.build(daemon, dockerfile, {}, "--build-context", value, *words)

    def layers(self, daemon, image):
        return [layer["diff_id"] for layer in daemon.kiln("layers", image, "--format", "json").json["layers"]]


class RunningTest(CondaTest):
    def test_packages_of_both_formats_make_an_environment_that_runs(self):
        daemon = self.daemon()
        self.with_glibc(daemon)
        _, lock = self.pack("--format", "both")
        self.assertRegex(lock, r"\.conda[#\n]")
        self.assertRegex(lock, r"\.tar\.bz2[#\n]")

        image = self.good(self.build_with(daemon, lock, "FROM glibc:1\n" + COPY_ENV)).line

        said = self.good(daemon.kiln("run", image, "--", "/opt/env/bin/python", "-c",
                                     "import ssl, sqlite3, lzma, curses, sys; print(sys.prefix, ssl.OPENSSL_VERSION)"))
        self.assertRegex(said.stdout, r"\A/opt/env OpenSSL ")
        self.good(daemon.kiln("run", image, "--", "/bin/sh", "-c", "! grep -rl _placehold /opt/env | grep -v /conda-meta/ | grep ."))
        self.clean(daemon)

    def test_the_real_packages_import_what_they_are_known_to_import(self):
        if not os.path.exists(os.path.join(SHARED, "make-lock")):
            self.skipTest("the shared conda packages are not here")
        daemon = self.daemon()
        self.with_glibc(daemon)
        lock = self.run_tool(sys.executable, os.path.join(SHARED, "make-lock"), "runnable")

        image = self.good(self.build_with(daemon, lock, "FROM glibc:1\n" + COPY_ENV)).line

        said = daemon.kiln("run", image, "--", "/opt/env/bin/python", "-c",
                           "import ssl, sqlite3, lzma, curses, tkinter; print('all, with Tk', tkinter.TkVersion)")
        self.assertRegex(self.good(said).stdout, r"\Aall, with Tk 8\.")
        self.assertLess(len(self.layers(daemon, image)), 120)
        few = self.good(self.build_with(daemon, lock, "FROM glibc:1\n" + COPY_ENV, "--max-layers", "10")).line
        self.assertLessEqual(len(self.layers(daemon, few)), 10)


class LayersTest(CondaTest):
    def test_two_bases_share_every_layer_of_the_environment(self):
        daemon = self.daemon_with_base()
        _, lock = self.pack()

        one = self.layers(daemon, self.good(self.build_with(daemon, lock, "FROM base:1\n" + COPY_ENV)).line)
        two = self.layers(daemon, self.good(self.build_with(daemon, lock, "FROM scratch\n" + COPY_ENV)).line)
        alone = self.layers(daemon, self.good(self.build_with(daemon, lock, "FROM env\n")).line)

        self.assertEqual(one[1:], two)
        self.assertEqual(alone, two)
        self.assertGreater(len(two), len(lock.split("@EXPLICIT")[1].split()))

    def test_from_env_has_path_and_prefix(self):
        daemon = self.daemon()
        _, lock = self.pack()

        image = self.good(self.build_with(daemon, lock, "FROM env\n", prefix="/srv/other")).line

        config = daemon.kiln("inspect", image).json["config"]["config"]
        self.assertIn("CONDA_PREFIX=/srv/other", config["Env"])
        self.assertTrue([each for each in config["Env"] if each.startswith("PATH=/srv/other/bin:")], config)
        target = self.path("tree")
        self.good(daemon.kiln("export", image, "-o", target))
        self.assertEqual(os.listdir(target), ["srv"])
        with open(os.path.join(target, "srv/other/conda-meta/history"), encoding="utf-8") as file:
            self.assertNotIn(self.directory, file.read())

    def test_every_form_of_a_lock_makes_the_same_package_layers(self):
        daemon = self.daemon()
        _, lock = self.pack()
        packages = re.findall(r"(file://\S+)#(?:sha256:)?([0-9a-f]{64})", lock)
        self.assertEqual(len(packages), len(lock.split("@EXPLICIT")[1].split()))
        conda_lock = "version: 1\nmetadata:\n  platforms: [linux-64, osx-64]\npackage:\n"
        pixi_used, pixi_packages = "", ""
        for url, sha256 in packages:
            name, version = url.rsplit("/", 1)[1].rsplit("-", 2)[:2]
            conda_lock += (f"- name: {name}\n  version: '{version}'\n  manager: conda\n  platform: linux-64\n"
                           f"  dependencies: {{}}\n  url: {url}\n  hash:\n    sha256: {sha256}\n  category: base\n")
            pixi_used += f"      - conda: {url}\n"
            pixi_packages += f"- conda: {url}\n  sha256: {sha256}\n"
        pixi_lock = ("version: 6\nenvironments:\n  prod:\n    channels:\n    - url: https://conda.example/c/\n"
                     f"    packages:\n      linux-64:\n{pixi_used}packages:\n{pixi_packages}")

        made = [
            self.good(self.build_with(daemon, text, "FROM env\n", lock_name=name, options=options)).line
            for text, name, options in ((lock, "env.lock", ""), (conda_lock, "conda-lock.yml", ",category=base"),
                                        (pixi_lock, "pixi.lock", ",environment=prod"))]

        explicit, *others = [self.layers(daemon, image)[:-1] for image in made]
        self.assertEqual(others, [explicit, explicit])

    def test_what_must_be_resolved_first_is_refused(self):
        daemon = self.daemon()

        answer = self.build_with(daemon, "dependencies:\n- python=3.11\n", "FROM env\n", lock_name="environment.yml")

        self.refused(answer, 2, "environment.yml")

    def test_one_changed_package_makes_its_layer_and_the_metadata_anew(self):
        daemon = self.daemon()
        _, lock = self.pack()
        _, changed = self.pack("--bump", "xz")

        one = self.layers(daemon, self.good(self.build_with(daemon, lock, "FROM env\n")).line)
        two = self.layers(daemon, self.good(self.build_with(daemon, changed, "FROM env\n")).line)

        self.assertEqual(len(set(two) - set(one)), 2)

    def test_the_same_environment_has_the_same_digest_in_another_root(self):
        _, lock = self.pack()
        digests = set()
        for workers in ("1", "8"):
            daemon = self.daemon(name=f"w{workers}", arguments=["--workers", workers])
            digests.add(self.good(self.build_with(daemon, lock, "FROM env\n")).line)

        self.assertEqual(len(digests), 1)


class RefusalTest(CondaTest):
    def test_a_wrong_hash_names_the_package_and_both_digests(self):
        daemon = self.daemon()
        _, lock = self.pack()
        wrong = re.sub(r"(zlib-[^#\n]*)#\S+", lambda found: found[1] + "#" + "0" * 32, lock)
        self.assertNotEqual(wrong, lock)

        answer = self.build_with(daemon, wrong, "FROM env\n")

        self.refused(answer, 5, "zlib-", "0" * 32)
        self.good(self.build_with(daemon, lock, "FROM env\n"))

    def test_a_missing_package_is_named_with_its_line(self):
        daemon = self.daemon()
        _, lock = self.pack()

        answer = self.build_with(daemon, lock.replace("/zlib-", "/zlob-"), "FROM env\n")

        self.refused(answer, 4, "zlob-")

    def test_what_is_no_lock_is_refused_with_its_line(self):
        daemon = self.daemon()
        for text in ("numpy=1.26\n", "@EXPLICIT\nnot a url\n", "@EXPLICIT\nftp://x/y-1-0.conda\n", ""):
            with self.subTest(text=text):
                self.assertIn(self.build_with(daemon, text, "FROM env\n").code, (2, 4))

    def test_a_damaged_package_is_refused(self):
        daemon = self.daemon()
        kept, lock = self.pack()
        name = re.search(r"/([^/\n]*xz-[^/#\n]*)", lock)[1]
        found = [os.path.join(at, name) for at, _, files in os.walk(kept) if name in files][0]
        with open(found, "rb") as file:
            whole = file.read()
        for damaged in (whole[:len(whole) // 2], whole[:1000] + bytes(500) + whole[1500:], b""):
            with self.subTest(size=len(damaged)):
                path = self.write(name, damaged)
                answer = self.build_with(daemon, f"@EXPLICIT\nfile://{path}\n", "FROM env\n")
                self.assertIn(answer.code, (2, 5, 6), str(answer))
                self.assertIn("xz-", answer.stderr)
        self.clean(daemon)


def package(name, files, version="1.0", depends=(), noarch=None):
    """The bytes of a .tar.bz2 package with these files: path -> (text, mode)."""
    index = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": list(depends),
             "subdir": "noarch", "noarch": noarch or "generic"}
    paths = {"paths_version": 1, "paths": [
        {"_path": path, "path_type": "hardlink", "size_in_bytes": len(text),
         "sha256": hashlib.sha256(text.encode()).hexdigest()} for path, (text, _) in files.items()]}
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


class ScriptsTest(CondaTest):
    BASH = ("bash", {"bin/bash": ('#!/bin/sh\nexec /bin/sh "$@"\n', 0o755)})

    def lock_of(self, *packages):
        lines = []
        for name, files, *more in packages:
            path = self.write(f"packages/{name}-1.0-0.tar.bz2", package(name, files, **(more[0] if more else {})))
            lines.append(f"file://{path}\n")
        return "@EXPLICIT\n" + "".join(lines)

    def scripted(self):
        script = ('echo "made for $PKG_NAME $PKG_VERSION" > $PREFIX/made\n'
                  'echo "a word of $PKG_NAME" >> $PREFIX/.messages.txt\nreturn 0\n')
        return self.lock_of(self.BASH, ("scripted", {"bin/.scripted-post-link.sh": (script, 0o755)}))

    def test_a_post_link_script_is_told_and_not_run_unless_it_is_allowed(self):
        daemon = self.daemon_with_base()
        dockerfile = "FROM base:1\n" + COPY_ENV

        denied = self.build_with(daemon, self.scripted(), dockerfile)

        self.assertIn("the post-link script of scripted-1.0-0 is not run", self.good(denied).stderr)
        target = self.path("denied")
        self.good(daemon.kiln("export", denied.line, "-o", target))
        self.assertFalse(os.path.exists(os.path.join(target, "opt/env/made")))

    def test_an_allowed_script_changes_a_layer_of_its_own_which_is_cached(self):
        daemon = self.daemon_with_base()
        dockerfile = "FROM base:1\n" + COPY_ENV
        denied = self.good(self.build_with(daemon, self.scripted(), dockerfile)).line

        allowed = self.good(self.build_with(daemon, self.scripted(), dockerfile, "--link-scripts=other,scripted"))
        again = self.good(self.build_with(daemon, self.scripted(), dockerfile, "--link-scripts=allow"))

        self.assertEqual(self.layers(daemon, allowed.line)[:-1], self.layers(daemon, denied))
        self.assertIn("a word of scripted", allowed.stderr)
        self.assertEqual(again.line, allowed.line)
        self.assertNotIn("a word of scripted", again.stderr)
        target = self.path("allowed")
        self.good(daemon.kiln("export", allowed.line, "-o", target))
        with open(os.path.join(target, "opt/env/made"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "made for scripted 1.0\n")
        self.assertFalse(os.path.exists(os.path.join(target, "opt/env/.messages.txt")))
        self.clean(daemon)

    def test_a_failing_script_fails_the_build_and_is_named(self):
        daemon = self.daemon_with_base()
        lock = self.lock_of(self.BASH, ("failing", {"bin/.failing-post-link.sh": ("exit 3\n", 0o755)}))

        answer = self.build_with(daemon, lock, "FROM base:1\n" + COPY_ENV, "--link-scripts=allow")

        self.refused(answer, 1, "failing-1.0-0", "exit code 3")

    def test_a_policy_that_is_none_is_refused(self):
        daemon = self.daemon_with_base()
        answer = self.build_with(daemon, self.scripted(), "FROM base:1\n" + COPY_ENV, "--link-scripts=A B")
        self.refused(answer, 2, "A B")

    def test_sources_of_noarch_packages_are_compiled_the_same_everywhere(self):
        _, lock = self.pack()
        hello = ("hello", {"site-packages/hello.py": ("def word():\n    return __cached__\n", 0o644)},
                 {"depends": ["python"], "noarch": "python"})
        lock += self.lock_of(hello).split("\n", 1)[1]
        digests = set()
        for name in ("one", "two"):
            daemon = self.daemon(name=name)
            self.with_glibc(daemon)
            image = self.good(self.build_with(daemon, lock, "FROM glibc:1\n" + COPY_ENV, "--compile-pyc")).line
            digests.add(image)
        self.assertEqual(len(digests), 1)

        said = self.good(daemon.kiln(
            "run", image, "--", "/opt/env/bin/python", "-c",
            "import hello; path = hello.word(); print(path, open(path, 'rb').read()[4])"))

        self.assertRegex(said.stdout, r"\A/opt/env/lib/python3[.]\d+/site-packages/__pycache__/hello[.]cpython-\d+[.]pyc 1\n")
        target = self.path("tree")
        self.good(daemon.kiln("export", image, "-o", target))
        self.assertNotIn(".kiln-compile", os.listdir(os.path.join(target, "opt/env")))
        self.clean(daemon)


class ChannelTest(CondaTest):
    def serve(self, directory):
        """A channel on loopback; (url, paths that were asked for)."""
        asked = []

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                asked.append(self.path)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=directory))
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}", asked

    def test_packages_of_a_channel_are_fetched_once_and_are_those_of_the_files(self):
        kept, files = self.pack()
        url, asked = self.serve(kept)
        _, lock = self.pack()
        lock = re.sub(r"file://\S*?(/[^/\n]+/[^/\n]+\.(?:conda|tar\.bz2))", lambda found: url + found[1], files)
        self.assertIn(url, lock)
        daemon = self.daemon()

        image = self.good(self.build_with(daemon, lock, "FROM env\n")).line

        packages = len(lock.split("@EXPLICIT")[1].split())
        self.assertEqual(len(asked), packages)
        self.good(self.build_with(daemon, lock, "FROM env\n"))
        self.assertEqual(len(asked), packages)
        payload = self.layers(daemon, self.good(self.build_with(daemon, files, "FROM env\n")).line)[:-1]
        self.assertEqual(payload, self.layers(daemon, image)[:-1])

    def test_what_the_channel_lacks_or_changed_is_an_error_that_names_it(self):
        kept, files = self.pack()
        url, _ = self.serve(kept)
        daemon = self.daemon()
        answer = self.build_with(daemon, f"@EXPLICIT\n{url}/linux-64/nothing-1-0.conda#{'0' * 32}\n", "FROM env\n")

        self.assertIn(answer.code, (4, 5), str(answer))
        self.assertIn("nothing-1-0.conda", answer.stderr)
        name = re.search(r"/([^/\n]+/[^/\n]*xz-[^/#\n]*)", files)[1]
        wrong = self.build_with(daemon, f"@EXPLICIT\n{url}/{name}#{'0' * 32}\n", "FROM env\n")
        self.refused(wrong, 5, "xz-", "0" * 32)


if __name__ == "__main__":
    unittest.main()
