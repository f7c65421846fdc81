"""Conda channels in a registry (oci://): locked, fetched and built from docker-registry on loopback."""
import hashlib
import re
import unittest

from support.channel import make_package, record
from support.conda import COPY_ENV
from support.oci_channel import OciChannel
from support.registry import RegistryCase


class OciChannelTest(RegistryCase):
    def filled(self, login=None, form="zst"):
        """A channel of two packages, one of which has a name and a version that no tag can bear."""
        host = self.registry(password=login is not None)
        channel = OciChannel(host, login=login)
        records = []
        for name, version, depends in (("_base", "1!2.0+x", []), ("app", "1.0", ["_base"])):
            content = make_package(name, depends, {f"share/{name}": f"{name} is here\n"}, version=version)
            file_name = f"{name}-{version}-0.conda"
            channel.package("linux-64", file_name, content)
            records.append(record(name, version, depends=depends, size=len(content),
                                  sha256=hashlib.sha256(content).hexdigest(), md5=hashlib.md5(content).hexdigest()))
        channel.repodata("linux-64", *records, form=form)
        return channel

    def lock(self, daemon, channel, *words, specs="app\n"):
        return daemon.kiln("conda", "lock", "-", "-c", channel.url, *words, stdin=specs.encode())

    def gets(self, part):
        return [line for line in self.asked().splitlines() if '"GET /v2/' in line and part in line]

    def build_with(self, daemon, lock, *words):
        return self.build(daemon, "FROM base:1\n" + COPY_ENV, {}, "--build-context", f"env=conda:{lock}", *words)

    def test_a_lock_of_an_oci_channel_is_built_and_then_needs_no_registry(self):
        channel, daemon = self.filled(), self.daemon_with_base()
        lock = self.path("env.lock")

        self.good(self.lock(daemon, channel, "-o", lock))
        first = self.good(self.build_with(daemon, lock, "-t", "x:1")).line
        asked = len(self.gets("/v2/"))
        again = self.good(self.build_with(daemon, lock, "-t", "x:1")).line

        self.assertEqual(first, again)
        self.assertEqual(len(self.gets("/v2/")), asked)
        self.assertEqual(self.content(daemon, "x:1", "opt/env/share/_base"), "_base is here\n")
        with open(lock, encoding="utf-8") as file:
            self.assertIn(f"{channel.url}/linux-64/_base-1!2.0+x-0.conda", file.read())
        self.clean(daemon)

    def test_a_package_goes_on_where_an_ended_kilnd_left_it(self):
        channel, daemon = self.filled(), self.daemon()
        lock = self.path("env.lock")
        self.good(self.lock(daemon, channel, "-o", lock, "--format", "explicit"))
        daemon.stop()
        content = make_package("app", ["_base"], {"share/app": "app is here\n"}, version="1.0")
        digest = hashlib.sha256(content).hexdigest()
        with open(lock, encoding="utf-8") as file:
            self.assertIn(digest, file.read())
        for left in (content[:100], b"x" * 100, content, content + b"x"):
            with self.subTest(left[:8], size=len(left)):
                other = self.daemon(name=f"left-{len(left)}-{left[:1].hex()}")
                other.stop()
                with open(f"{other.root}/kiln/partial/{digest}", "wb") as file:
                    file.write(left)
                other.start()
                asked = len(self.gets(f"blobs/sha256:{digest}"))

                self.good(other.kiln("conda", "fetch", lock))

                answers = [re.search(r'" (\d+) ', line)[1] for line in self.gets(f"blobs/sha256:{digest}")[asked:]]
                self.assertEqual(answers, {100: ["206"] if left[:1] != b"x" else ["206", "200"]}.get(len(left), ["200"]))
                self.good(other.kiln("verify"))
                other.stop()

    def test_packages_are_fetched_ahead_and_once(self):
        channel, daemon = self.filled(form="plain"), self.daemon_with_base()
        lock = self.path("env.lock")
        self.good(self.lock(daemon, channel, "-o", lock, "--format", "explicit"))

        self.good(daemon.kiln("conda", "fetch", lock))
        asked = len(self.gets("/linux-64/"))
        self.good(daemon.kiln("conda", "fetch", lock))
        self.good(self.build_with(daemon, lock, "-t", "x:1"))

        self.assertEqual(len(self.gets("/linux-64/")), asked)
        self.assertEqual(len(self.gets("/linux-64/zzz_base/blobs/")), 1)

    def test_repodata_that_did_not_change_is_not_fetched_again(self):
        channel, daemon = self.filled(), self.daemon()
        self.good(self.lock(daemon, channel))
        before = len(self.gets("/repodata.json/blobs/"))

        self.good(self.lock(daemon, channel))

        self.assertEqual(before, 1)
        self.assertEqual(len(self.gets("/repodata.json/blobs/")), before)
        channel.repodata("linux-64", record("app", "3.0"))
        self.assertIn("3.0", self.good(self.lock(daemon, channel)).stdout)

    def test_credentials_stand_in_the_configuration(self):
        channel = self.filled(login="me:secret")
        text = f'[conda.credentials."{channel.url}"]\nusername = "me"\npassword = "secret"\n'
        known = self.daemon("known", arguments=["--config", self.write("kilnd.toml", text)])
        stranger = self.daemon("stranger")

        lock = self.good(self.lock(known, channel)).stdout
        self.refused(self.lock(stranger, channel), 4, "authentication required", "[conda.credentials]")

        self.assertNotIn("secret", lock)
        self.assertNotIn("secret", known.log_text)

    def test_a_mirror_may_be_a_registry(self):
        channel = self.filled()
        text = f'[conda.mirrors]\n"https://conda.example/forge" = ["{channel.url}"]\n'
        daemon = self.daemon(arguments=["--config", self.write("kilnd.toml", text)])

        answer = daemon.kiln("conda", "lock", "-", "-c", "https://conda.example/forge", stdin=b"app\n")

        self.assertIn("https://conda.example/forge/linux-64/app-1.0-0.conda", self.good(answer).stdout)

    def test_a_related_channel_lies_in_the_same_registry(self):
        forge, daemon = self.filled(), self.daemon()
        bio = OciChannel(forge.host, "mirrors/bio")
        bio.repodata("linux-64", record("tool", depends=["app"]), channel_relations={"base": "../forge"})

        lock = self.good(self.lock(daemon, bio, specs="tool\n"))

        self.assertIn(f"{bio.url} builds upon {forge.url}, which is asked first", lock.stderr)
        self.assertIn(f"{forge.url}/linux-64/app-1.0-0.conda", lock.stdout)

    def test_another_package_than_the_lock_names_is_refused(self):
        channel, daemon = self.filled(), self.daemon_with_base()
        lock = self.path("env.lock")
        self.good(self.lock(daemon, channel, "-o", lock))
        channel.package("linux-64", "app-1.0-0.conda", make_package("app", [], {"share/app": "another"}))

        self.refused(self.build_with(daemon, lock), 5, "app-1.0-0.conda", "is wanted")

    def test_what_is_not_in_the_channel_is_told(self):
        channel, daemon = self.filled(), self.daemon_with_base()
        lock = self.write("env.lock", f"@EXPLICIT\n{channel.url}/linux-64/gone-1.0-0.conda\n")

        self.refused(self.build_with(daemon, lock), 4, "gone-1.0-0.conda", "env.lock:2")
        self.refused(daemon.kiln("conda", "lock", "-", "-c", f"oci://{channel.host}/nowhere", stdin=b"app\n"), 4,
                     "nowhere")
        self.refused(self.lock(daemon, channel, specs="apq\n"), 4, "apq")


if __name__ == "__main__":
    unittest.main()
