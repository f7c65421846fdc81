"""kiln bundle and unbundle: what a host without network needs, in one file."""
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import threading

from support import base_image
from support.case import SystemTest
from support.channel import ChannelServer, make_package, repodata
from support.conda import CondaTest
from support.wheel import wheel

# How a host without any network is had: a network namespace with nothing but a loopback device that is down.
AIR_GAP = ["unshare", "--net"]
TRY_TO_CONNECT = "import socket; socket.socket().connect_ex(('127.0.0.1', 1))"


class Tap:
    """A socket in front of a daemon's, which counts the blobs that pass."""

    def __init__(self, path, daemon):
        self.daemon, self.blobs = daemon, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.path = path
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = self.daemon.connect()
            server.settimeout(None)
            threading.Thread(target=self.pass_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(server, client, False), daemon=True).start()

    def pass_on(self, source, target, is_request):
        kept = b""
        try:
            while piece := source.recv(1 << 16):
                if is_request:
                    seen = kept + piece
                    self.blobs += re.findall(rb"PUT /v1/blobs/(sha256:[0-9a-f]{64}) ", seen)
                    kept = seen[-80:] if not re.search(rb"PUT /v1/blobs/sha256:[0-9a-f]{64} ", seen[-80:]) else b""
                target.sendall(piece)
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def kiln(self, *words):
        return self.daemon.kiln(*words, environment={"KILN_HOST": f"unix://{self.path}"})


class BundleTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.kilnd = self.daemon_with_base()
        self.packages = {}

    def channel(self, *packages):
        """A channel behind HTTP, so that what looks for it elsewhere would have to connect."""
        where = self.path("channel")
        for words in map(str.split, packages):
            name, version, depends = words[0], words[1], words[2:]
            packed = make_package(name, depends, {f"share/{name}": f"{name} {version}\n" * 50}, version)
            file = f"{name}-{version}-0.conda"
            self.write(os.path.join(where, "linux-64", file), packed)
            self.packages[file] = {
                "name": name, "version": version, "build": "0", "build_number": 0, "depends": depends,
                "subdir": "linux-64", "sha256": hashlib.sha256(packed).hexdigest(), "size": len(packed)}
        self.write(os.path.join(where, "linux-64", "repodata.json"), repodata(*self.packages.items()))
        self.write(os.path.join(where, "noarch", "repodata.json"), repodata(subdir="noarch"))
        if not hasattr(self, "server"):
            self.server = ChannelServer(where)
            self.addCleanup(self.server.close)

    def system_managed(self, dependencies, name="train"):
        return self.write(f"{name}.yml", f"name: {name}\nimage: base:1\nconda_file:\n"
                          f"  channels: ['{self.server.url}', nodefaults]\n  dependencies: [{dependencies}]\n")

    def with_docker(self, name="docker"):
        """Docker steps with a context, and a lock on top."""
        specification = self.write("tool.yml", f"channels: ['{self.server.url}', nodefaults]\ndependencies: [tool]\n")
        self.good(self.kilnd.kiln("conda", "lock", specification, "--base", "base:1", "-o", self.path("env.lock")))
        self.write("docker/Dockerfile", "FROM base:1\nCOPY app sub /srv/\nRUN cat /srv/* > /srv/all\n")
        self.write("docker/app", "app\n")
        for number in range(80):
            self.write(f"docker/sub/{number}", f"{number}\n")
        self.write("docker/sub/large", bytes(range(256)) * 70_000)  # so large that a build would borrow it
        return self.write(f"{name}.yml", f"name: {name}\nbuild: {{path: docker}}\nlock: env.lock\ndescription: both\n")

    def create(self, file, *words):
        """(reference, image)"""
        return self.good(self.kilnd.kiln("env", "create", "-f", file, "--build", *words)).stdout.split()

    def show(self, daemon, reference, *words):
        return self.good(daemon.kiln("env", "show", reference, *words)).json

    def bundle(self, *names, file="all.kiln", daemon=None):
        path = self.path(file)
        self.good((daemon or self.kilnd).kiln("bundle", *names, "-o", path))
        return path

    def rebuilt(self, daemon, reference):
        return self.good(daemon.kiln("env", "build", reference, "--rebuild")).line

    def forget_images(self, daemon):
        """Nothing stays of what was built, neither names nor cache."""
        names = self.names(daemon)
        if names:
            self.good(daemon.kiln("rmi", *names))
        self.good(daemon.kiln("gc", "--keep-size", "0"))


class AirGapCase(SystemTest):
    """A host without any network."""

    def gapped_daemon(self):
        """Without network, and with every connect() written down."""
        self.need_root()
        self.need("unshare", "strace")
        self.connects = self.path("connects")
        traced = ["strace", "-D", "-f", "-qq", "-e", "trace=connect", "-e", "signal=none", "-o", self.connects]
        try:
            subprocess.run([*AIR_GAP, *traced, sys.executable, "-c", TRY_TO_CONNECT],
                           check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            self.skipTest(f"no namespace, or no tracing, here: {error}")
        self.assertEqual(len(self.others()), 1, "strace shows who tries")
        return self.daemon("gapped", prefix=[*AIR_GAP, *traced])

    def gapped(self, daemon, *words):
        """The client is as cut off as the daemon."""
        return self.good(daemon.kiln(*words, prefix=AIR_GAP))

    def others(self):
        """Whatever was connected to beside Unix sockets."""
        with open(self.connects, encoding="utf-8", errors="replace") as file:
            return [line for line in file if "connect(" in line and "AF_UNIX" not in line]

    def assert_nothing_was_connected_to(self):
        self.assertEqual(self.others(), [])


class AirGapTest(AirGapCase, BundleTest):
    def carry(self, *references):
        """Bundled here, taken in there; the daemon there."""
        file = self.bundle(*(f"env:{each}" for each in references))
        self.server.close()
        gapped = self.gapped_daemon()
        self.gapped(gapped, "unbundle", file)
        return gapped

    def check_the_same(self, gapped, reference):
        here, there = self.show(self.kilnd, reference), self.show(gapped, reference)
        for key in "name version hash lock_hash image description".split():
            self.assertEqual(here[key], there[key], key)
        self.assertEqual(self.gapped(gapped, "env", "build", reference).line, here["image"])
        self.assertEqual(self.gapped(gapped, "env", "build", reference, "--rebuild").line, here["image"])
        self.forget_images(gapped)
        self.assertEqual(self.gapped(gapped, "env", "build", reference).line, here["image"])
        self.forget_images(gapped)
        self.assertEqual(self.gapped(gapped, "env", "build", reference, "--rebuild").line, here["image"])
        self.clean(gapped)

    def test_a_specification_on_a_base_is_built_again_without_network(self):
        self.channel("tool 1.0 dep", "dep 2.0")
        reference, _ = self.create(self.system_managed("tool"))

        gapped = self.carry(reference)

        self.check_the_same(gapped, reference)
        self.assert_nothing_was_connected_to()

    def test_docker_steps_with_a_lock_are_built_again_without_network(self):
        self.channel("tool 1.0")
        reference, image = self.create(self.with_docker())

        gapped = self.carry(reference)

        self.check_the_same(gapped, reference)
        self.assertEqual(self.content(gapped, image, "srv/app"), "app\n")
        self.assert_nothing_was_connected_to()

    def test_of_one_bundle_every_environment_and_image_arrives(self):
        self.channel("tool 1.0 dep", "dep 2.0")
        self.create(self.system_managed("tool"))
        self.create(self.with_docker())
        self.good(self.build(self.kilnd, "FROM base:1\nRUN echo > /made\n", (), "-t", "app:1", "--sbom", "spdx"))
        file = self.bundle("app:1", "env:train", "env:docker:1")
        gapped = self.gapped_daemon()

        taken = self.gapped(gapped, "unbundle", file).stdout

        for name in ("app:1 sha256:", "env:train:1 sha256:", "env:docker:1 sha256:"):
            self.assertIn(name, taken)
        self.assertEqual(self.good(gapped.kiln("inspect", "app:1")).json, self.good(self.kilnd.kiln("inspect", "app:1")).json)
        self.gapped(gapped, "run", "app:1", "--", "/bin/cat", "/made")
        again = self.bundle("app:1", "env:train", "env:docker:1", file="again.kiln", daemon=gapped)
        with open(file, "rb") as first, open(again, "rb") as second:
            self.assertEqual(first.read(), second.read(), "a bundle of what was unbundled is the same bundle")
        self.assert_nothing_was_connected_to()


class WheelTest(AirGapCase, CondaTest):
    def test_wheels_come_along_and_are_installed_again_without_network(self):
        kilnd = self.daemon()
        self.with_glibc(kilnd)
        channel, _ = self.pack("--pip")
        for name, content in (wheel("greet", requires=["words>=2"]), wheel("words", "2.1")):
            self.write(f"wheels/{name}", content)
        self.write("environment.yml", f"channels: ['file://{channel}', nodefaults]\ndependencies:\n"
                   "  - python\n  - pip\n  - pip:\n    - --no-index\n    - -f wheels\n    - greet\n")
        definition = self.write("env.yml", "name: wheels\nimage: glibc:1\nconda_file: environment.yml\n")
        image = self.good(kilnd.kiln("env", "create", "-f", definition, "--build")).stdout.split()[1]
        self.good(kilnd.kiln("bundle", "env:wheels:1", "-o", self.path("all.kiln")))
        shutil.rmtree(self.path("wheels"))
        gapped = self.gapped_daemon()

        self.gapped(gapped, "unbundle", self.path("all.kiln"))

        self.assertEqual(self.gapped(gapped, "env", "build", "wheels", "--rebuild").line, image)
        said = self.gapped(gapped, "run", image, "--", "/opt/env/bin/python", "-B", "-c", "import words; print(words.VERSION)")
        self.assertEqual(said.stdout, "2.1\n")
        self.assert_nothing_was_connected_to()


class FileTest(BundleTest):
    def test_the_same_is_the_same_file_with_a_layout_inside(self):
        self.channel("tool 1.0")
        self.create(self.system_managed("tool"))
        first = self.bundle("env:train:1", "base:1")
        second = self.bundle("base:1", "env:train", "base:1", file="second.kiln")
        with open(first, "rb") as a, open(second, "rb") as b:
            self.assertEqual(a.read(), b.read())
        with tarfile.open(first) as archive:
            names = archive.getnames()
            index = json.load(archive.extractfile("index.json"))
            for name in names:
                if name.startswith("blobs/sha256/"):
                    content = archive.extractfile(name).read()
                    self.assertEqual(hashlib.sha256(content).hexdigest(), name[13:])
        self.assertIn("oci-layout", names)
        called = [each.get("annotations", {}).get("org.opencontainers.image.ref.name") for each in index["manifests"]]
        self.assertIn("base:1", called)
        for file, record in self.packages.items():
            self.assertIn(f"blobs/sha256/{record['sha256']}", names, file)

    def test_an_interrupted_writing_goes_on_where_it_ended(self):
        whole = self.bundle("base:1")
        with open(whole, "rb") as file:
            content = file.read()
        os.remove(whole)
        self.write("all.kiln.part", content[:len(content) // 2])
        self.bundle("base:1")
        with open(whole, "rb") as file:
            self.assertEqual(file.read(), content)
        self.assertFalse(os.path.exists(whole + ".part"))
        self.assertEqual(self.good(self.kilnd.kiln("bundle", "base:1", "-o", "-")).raw, content)

    def test_what_cannot_be_bundled_is_said(self):
        self.channel("tool 1.0")
        self.create(self.with_docker())
        for words, code, *said in (
                (["gone:1"], 4, "gone:1"), (["env:gone:1"], 4, "gone"),
                (["base:1", "--since", self.path("gone.kiln")], 4, "gone.kiln"),
                (["base:1", "--since", self.path("x.kiln")], 2, "both the older bundle and the new one")):
            self.refused(self.kilnd.kiln("bundle", *words, "-o", self.path("x.kiln")), code, *said)
            self.assertFalse(os.path.exists(self.path("x.kiln")))
        self.refused(self.kilnd.kiln("unbundle", "-"), 2, "stdin", "file first")

    def test_packages_that_are_not_here_any_more_are_fetched_for_it(self):
        self.channel("tool 1.0")
        self.create(self.system_managed("tool"))
        self.good(self.kilnd.kiln("gc", "--keep-size", "0"))
        before = len(self.server.requests)

        file = self.bundle("env:train:1")

        self.assertEqual([line for line in self.server.requests[before:]], ["200 /linux-64/tool-1.0-0.conda"])
        with tarfile.open(file) as archive:
            self.assertIn("blobs/sha256/" + self.packages["tool-1.0-0.conda"]["sha256"], archive.getnames())


    def test_a_package_that_a_lock_names_by_its_path_alone_comes_along_as_it_was_built(self):
        self.channel("tool 1.0")
        file = self.path("channel/linux-64/tool-1.0-0.conda")
        with open(file, "rb") as package:
            content = package.read()
        self.write("env.lock", f"@EXPLICIT\nfile://{file}#{hashlib.md5(content).hexdigest()}\n")
        image = self.create(self.write("train.yml", "name: train\nimage: base:1\nlock: env.lock\n"))[1]
        bundle = self.bundle("env:train:1")
        os.remove(file)
        other = self.daemon("other")
        self.good(other.kiln("unbundle", bundle))

        self.assertEqual(self.rebuilt(other, "train:1"), image)
        self.assertEqual(self.good(other.kiln("env", "export", "train:1", "--format", "explicit")).stdout.split()[-1],
                         f"file://{file}#{hashlib.sha256(content).hexdigest()}")


class TakingInTest(BundleTest):
    def parts(self, file):
        """(what, offset, size) of each part in the file."""
        found = []
        with tarfile.open(file) as archive:
            index = json.load(archive.extractfile("index.json"))
            document = index["annotations"]["kiln.bundle"][7:]
            parts = json.load(archive.extractfile("blobs/sha256/" + document))["parts"]
            for part in parts:
                if part["carried"]:
                    member = archive.getmember("blobs/sha256/" + part["digest"][7:])
                    found.append((part["what"], member.offset_data, member.size))
        return found

    def tap(self, daemon):
        tap = Tap(self.path("tap"), daemon)
        self.addCleanup(tap.close)
        return tap

    def altered(self, file, offset, name="altered.kiln"):
        with open(file, "rb") as source:
            content = bytearray(source.read())
        content[offset] ^= 1
        return self.write(name, bytes(content))

    def assert_nothing_is_named(self, daemon):
        self.assertEqual(self.names(daemon), [])
        self.assertEqual(self.good(daemon.kiln("env", "list", "--format", "json")).json["environments"], [])

    def test_what_was_damaged_on_the_way_is_refused_with_its_place(self):
        self.channel("tool 1.0")
        self.create(self.system_managed("tool"))
        file = self.bundle("env:train:1")
        there = self.daemon("there")
        what, offset, size = next(part for part in self.parts(file) if part[0].startswith("package tool"))
        with open(file, "rb") as whole:
            content = whole.read()

        cut = self.write("cut.kiln", content[:offset + size // 2])
        self.refused(there.kiln("unbundle", cut), 2, "cut.kiln is cut short", what, "copy it again")
        damaged = self.altered(file, offset + 1)
        self.refused(there.kiln("unbundle", damaged), 5, "altered.kiln is altered", what, str(offset), "copy it again")
        self.refused(there.kiln("unbundle", self.altered(file, 700)), 2, "is no bundle")
        self.refused(there.kiln("unbundle", self.altered(file, 1600)), 5, "altered.kiln")
        self.refused(there.kiln("unbundle", self.altered(file, offset - 10)), 5, f"altered at byte {offset - 10}", what)
        self.refused(there.kiln("unbundle", self.write("text", "text\n")), 2, "text is no bundle", "kiln load")
        self.good(self.kilnd.kiln("save", "base:1", "-o", self.path("saved.tar")))
        self.refused(there.kiln("unbundle", self.path("saved.tar")), 2, "is no bundle", "archive of images")
        self.refused(there.kiln("unbundle", self.path("gone.kiln")), 4, "gone.kiln")

        self.assert_nothing_is_named(there)
        self.good(there.kiln("unbundle", file))
        self.clean(there)

    def test_a_bundle_that_lacks_what_its_environment_needs_names_nothing(self):
        self.channel("tool 1.0")
        self.create(self.system_managed("tool"))
        there = self.daemon("there")
        with tarfile.open(self.bundle("env:train:1")) as archive:
            blobs = {name[13:]: archive.extractfile(name).read()
                     for name in archive.getnames() if name.startswith("blobs/sha256/")}
            index = json.load(archive.extractfile("index.json"))
        document = json.loads(blobs[index["annotations"]["kiln.bundle"][7:]])
        base = document["manifests"][-1]["digest"][7:]
        for lost, said in ((lambda part: part["what"].startswith("package"), "tool-1.0-0.conda of train:1 is not in the bundle"),
                           (lambda part: part["digest"][7:] == base, "is no part of it")):
            text = json.dumps({**document, "parts": [each for each in document["parts"] if not lost(each)]}).encode()
            digest = hashlib.sha256(text).hexdigest()
            for name, content in {**blobs, digest: text}.items():
                if name not in [part["digest"][7:] for part in document["parts"] if lost(part)]:
                    self.assertEqual(there.request("PUT", f"/v1/blobs/sha256:{name}", content)[0], 201)

            _, answer = there.api("POST", "/v1/unbundles", {"document": f"sha256:{digest}", "workspace": None})

            if answer.get("id"):
                _, events = there.request("GET", f"/v1/builds/{answer['id']}/events")
                answer = json.loads(events.splitlines()[-1])["result"]["error"]
            self.assertIn(said, answer["detail"])
            self.assert_nothing_is_named(there)

    def test_what_arrived_before_an_interruption_is_not_sent_again(self):
        self.channel("tool 1.0")
        self.create(self.system_managed("tool"))
        file = self.bundle("env:train:1")
        parts = self.parts(file)
        damaged = self.altered(file, parts[-1][1])
        there = self.daemon("there")
        tap = self.tap(there)

        self.refused(tap.kiln("unbundle", damaged), 5, "altered")
        self.assertEqual(len(tap.blobs), len(parts) + 1)
        self.refused(tap.kiln("unbundle", damaged), 5, "altered")
        self.assertEqual(len(tap.blobs), len(parts) + 2)
        there.kill()
        there.start()
        self.good(there.kiln("gc"))
        tap.blobs.clear()
        self.good(tap.kiln("unbundle", file))

        self.assertEqual(len(tap.blobs), 1)
        tap.blobs.clear()
        self.good(tap.kiln("unbundle", file))
        self.assertEqual(tap.blobs, [])
        self.clean(there)

    def test_what_the_store_has_is_not_sent(self):
        self.channel("tool 1.0", "other 1.0")
        self.create(self.system_managed("tool"))
        there = self.daemon("there")
        tap = self.tap(there)
        self.good(tap.kiln("unbundle", self.bundle("env:train:1")))
        self.create(self.system_managed("tool, other"))
        tap.blobs.clear()

        file = self.bundle("env:train:2", file="second.kiln")
        self.good(tap.kiln("unbundle", file))

        self.assertLess(len(tap.blobs), len(self.parts(file)))
        base = self.good(self.kilnd.kiln("inspect", "base:1")).json["manifest"]["layers"][0]["digest"]
        self.assertNotIn(base.encode(), tap.blobs)

    def test_only_the_difference_is_carried_since_an_older_one(self):
        self.channel("tool 1.0", "other 1.0")
        self.create(self.with_docker())
        self.create(self.system_managed("tool"))
        older = self.bundle("env:train:1", "env:docker:1", file="older.kiln")
        self.create(self.system_managed("tool, other"))
        self.write("docker/sub/1", "changed\n")
        self.create(self.path("docker.yml"))
        newer = self.path("newer.kiln")
        self.good(self.kilnd.kiln("bundle", "env:train:2", "env:docker:2", "-o", newer, "--since", older))
        there = self.daemon("there")

        carried = [what for what, _, _ in self.parts(newer)]
        self.assertIn("package other-1.0-0.conda", carried)
        self.assertNotIn("package tool-1.0-0.conda", carried)
        self.assertLess(os.path.getsize(newer), os.path.getsize(older) / 10)
        self.refused(there.kiln("unbundle", newer), 4, "newer.kiln carries only", "of that one the store lacks",
                     "older one first")
        self.assert_nothing_is_named(there)
        self.good(there.kiln("unbundle", older))
        self.good(there.kiln("unbundle", newer))
        for reference in ("train:2", "docker:2"):
            image = self.show(self.kilnd, reference)["image"]
            self.forget_images(there)
            self.assertEqual(self.rebuilt(there, reference), image)
        self.clean(there)

    def test_a_version_with_another_definition_is_refused_and_taken_in_elsewhere(self):
        self.channel("tool 1.0")
        reference, image = self.create(self.system_managed("tool"))
        file = self.bundle("env:train:1")
        there = self.daemon("there")
        self.load(there, base_image.busybox_tar(), "base:1")
        self.good(there.kiln("env", "create", "-f", self.write("plain.yml", "name: train\nimage: base:1\n")))
        before = self.show(there, reference)

        self.refused(there.kiln("unbundle", file), 4, "train:1 exists in the workspace default", "--workspace")
        self.assertEqual(self.show(there, reference), before)
        self.good(there.kiln("unbundle", file, "--workspace", "carried"))

        self.assertEqual(self.show(there, reference, "--workspace", "carried")["image"], image)
        self.assertEqual(self.show(there, reference), before)

    def test_an_image_that_stands_alone_and_one_without_a_name_are_environments_too(self):
        self.create(self.write("plain.yml", "name: plain\nimage: base:1\ntags: {team: blue}\n"))
        nameless = self.good(self.kilnd.kiln(
            "env", "create", "--anonymous", "-f", self.write("nameless.yml", "image: base:1\nprefix: /opt/other\n"))).line
        there = self.daemon("there")

        self.good(there.kiln("unbundle", self.bundle("env:plain", f"env:{nameless}")))

        self.assertEqual(self.show(there, "plain")["tags"], {"team": "blue"})
        for reference in ("plain", nameless):
            self.assertEqual(self.show(there, reference)["image"], self.show(self.kilnd, reference)["image"])
            self.good(there.kiln("env", "build", reference))
        self.clean(there)

    def test_its_workspace_comes_along(self):
        self.channel("tool 1.0")
        self.create(self.system_managed("tool"), "--workspace", "team")
        path = self.path("team.kiln")
        self.good(self.kilnd.kiln("bundle", "env:train:1", "-o", path, "--workspace", "team"))
        there = self.daemon("there")

        self.good(there.kiln("unbundle", path))

        self.assertEqual(self.show(there, "train:1", "--workspace", "team")["name"], "train")
        self.refused(there.kiln("env", "show", "train:1"), 4, "train")
