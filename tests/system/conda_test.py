"""Conda environments in images: they run, their layers are shared, and what is wrong is refused."""
import functools
import hashlib
import http.server
import json
import os
import re
import sys
import threading
import unittest

from support.channel import make_package
from support.conda import COPY_ENV, SHARED, CondaTest, package


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


class BucketsTest(CondaTest):
    """More packages than layers."""
    LIMIT = 10

    def packages(self, versions):
        return self.lock_of(*((name, {f"share/{name}": (f"{name} {version}\n", 0o644)}, {"version": version})
                              for name, version in versions.items()))

    def setUp(self):
        super().setUp()
        self.kilnd = self.daemon_with_base()
        self.versions = {f"p{i:02}": "1.0" for i in range(40)}
        self.before = self.layers_with(self.versions)

    def layers_with(self, versions):
        answer = self.build_with(self.kilnd, self.packages(versions), "FROM base:1\nRUN true > /ran\n" + COPY_ENV,
                                 "--max-layers", str(self.LIMIT))
        return self.layers(self.kilnd, self.good(answer).line)

    def check_new(self, versions):
        """One bucket is new, and conda-meta."""
        after = self.layers_with(versions)
        self.assertLessEqual(len(after), self.LIMIT)
        self.assertEqual(len(set(after) - set(self.before)), 2)

    def test_the_image_has_no_more_layers_than_are_allowed(self):
        self.assertLessEqual(len(self.before), self.LIMIT)
        self.assertGreater(len(self.before), 4)

    def test_two_environments_share_the_layers_that_are_allowed(self):
        other = self.write("other.lock", self.packages({f"q{i:02}": "1.0" for i in range(40)}))
        built = self.good(self.build_with(
            self.kilnd, self.packages(self.versions),
            "FROM base:1\n" + COPY_ENV + "COPY --link --from=other / /\n", "--max-layers", str(self.LIMIT),
            "--build-context", f"other=conda:{other},prefix=/opt/two"))
        self.assertLessEqual(len(self.layers(self.kilnd, built.line)), self.LIMIT)

    def test_a_changed_package_changes_its_own_bucket_only(self):
        self.check_new({**self.versions, "p17": "2.0"})

    def test_a_package_more_changes_one_bucket_only(self):
        self.check_new({**self.versions, "q": "1.0"})

    def test_a_package_less_changes_one_bucket_only(self):
        del self.versions["p23"]
        self.check_new(self.versions)


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

        self.refused(answer, 4, "zlob-", "env.lock:", "lock again")

    def test_what_is_no_lock_is_refused_with_its_line(self):
        daemon = self.daemon()
        for text in ("numpy=1.26\n", "@EXPLICIT\nnot a url\n", "@EXPLICIT\nftp://x/y-1-0.conda\n", ""):
            with self.subTest(text=text):
                self.assertIn(self.build_with(daemon, text, "FROM env\n").code, (2, 4))

    def test_a_package_for_another_platform_is_refused_with_its_line(self):
        daemon = self.daemon()
        path = self.write("mac-1.0-0.conda", make_package("mac", [], {"share/m": "x"}, subdir="osx-64"))

        answer = self.build_with(daemon, f"@EXPLICIT\nfile://{path}\n", "FROM env\n")

        self.refused(answer, 2, "mac-1.0-0.conda is for osx-64, the image for linux-64", "env.lock:2", "kiln conda lock")
        # Of a channel without being fetched: nobody is at that port.
        far = self.build_with(daemon, "@EXPLICIT\nhttp://127.0.0.1:1/c/osx-64/mac-1.0-0.conda\n", "FROM env\n")
        self.refused(far, 2, "mac-1.0-0.conda is for osx-64, the image for linux-64", "env.lock:2")
        # A channel may be called like one, and hold its packages itself.
        flat = self.build_with(daemon, "@EXPLICIT\nhttp://127.0.0.1:1/conda-forge/a-1.0-0.conda\n", "FROM env\n")
        self.assertNotIn("is for conda-forge", self.refused(flat, 5, "a-1.0-0.conda").stderr)

    def test_a_manifest_that_lies_is_told_when_the_layer_is_made(self):
        lie = {"share/a": ("other", 0o644), "share/b": ("b", 0o644)}
        lock = self.lock_of(("a", {"share/a": ("a", 0o644), "share/b": ("b", 0o644)}, {"manifest": lie}))

        told = self.good(self.build_with(self.daemon(), lock, "FROM env\n")).stderr

        self.assertIn("a-1.0-0.tar.bz2: 1 of its files is not what its own paths.json says (sha256): share/a", told)

    def test_a_faulty_package_with_the_hash_of_the_lock_is_not_to_be_fetched_again(self):
        faulty = package("a", {}, manifest={"share/a": ("a", 0o644)})
        path = self.write("a-1.0-0.tar.bz2", faulty)
        lock = f"@EXPLICIT\nfile://{path}#sha256:{hashlib.sha256(faulty).hexdigest()}\n"

        self.refused(self.build_with(self.daemon(), lock, "FROM env\n"), 6, "share/a", "env.lock:2:1",
                     "hint: a-1.0-0.tar.bz2 is the one that was locked, and faulty itself; lock another build")

    def test_a_package_of_another_size_than_the_lock_says_is_refused(self):
        daemon = self.daemon()
        path = self.write("a-1.0-0.tar.bz2", package("a", {"share/a": ("a", 0o644)}))
        locked = self.good(daemon.kiln("conda", "lock", self.write("a.txt", f"@EXPLICIT\nfile://{path}\n"),
                                       "--format", "json")).json
        locked["packages"][0]["size"] = 7

        answer = self.build_with(daemon, json.dumps(locked), "FROM env\n")

        self.refused(answer, 5, "a-1.0-0.tar.bz2 is ", "bytes long, the lock file says 7")

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
                self.refused(answer, 6, "env.lock:2:1", f"hint: {name} is cut off or damaged; fetch it again")
        lock = f"@EXPLICIT\nfile://{self.write(name, whole)}#{'a' * 64}\n"
        self.refused(self.build_with(daemon, lock, "FROM env\n"), 5, "the lock file says sha256:aaaa", "env.lock:2:1",
                     "hint: the package is not the one that was locked")
        self.clean(daemon)

    def test_a_package_that_breaks_off_is_told_with_its_line(self):
        daemon = self.daemon()
        text = os.urandom(20_000).hex()
        made = {"a-1.0-0.conda": make_package("a", [], {"share/x": text}),
                "b-1.0-0.tar.bz2": package("b", {"share/x": (text, 0o644)})}
        for name, whole in made.items():
            middle = len(whole) // 2
            for damaged in (whole[:middle], whole[:-200], whole[:middle] + bytes(40) + whole[middle + 40:]):
                with self.subTest(name=name, size=len(damaged)):
                    lock = f"@EXPLICIT\n# a comment\nfile://{self.write(name, damaged)}\n"
                    self.refused(self.build_with(daemon, lock, "FROM env\n"), 6, "env.lock:3:1",
                                 f"hint: {name} is cut off or damaged; fetch it again")
        self.assertEqual(self.names(daemon), [])
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

    def test_a_damaged_package_is_fetched_again_once_the_channel_has_put_it_right(self):
        daemon = self.daemon()
        whole = package("a", {"share/x": ("text", 0o644)})
        path = self.write("channel/a-1.0-0.tar.bz2", whole[:len(whole) // 2])
        url, asked = self.serve(self.path("channel"))
        lock = f"@EXPLICIT\n{url}/a-1.0-0.tar.bz2\n"
        self.refused(self.build_with(daemon, lock, "FROM env\n"), 6, "env.lock:2:1", "fetch it again")

        self.write(path, whole)

        self.good(self.build_with(daemon, lock, "FROM env\n"))
        self.assertEqual(len(asked), 2)


if __name__ == "__main__":
    unittest.main()
