"""Pulling from docker-registry on loopback; skopeo's copy of the same image is the judge."""
import http.client
import json
import os
import socket
import subprocess
import unittest

from support import base_image
from support.daemon import PATIENCE
from support.registry import RegistryCase
from support.token_server import TokenServer

DOCKERFILE = "FROM base:1\nCOPY a /a\nRUN cat /a > /b\n"
SPDX = "application/spdx+json"


class PullTest(RegistryCase):
    def login(self, daemon, host):
        self.good(daemon.kiln("login", host, "-u", "me", "--password-stdin", stdin=b"secret"))

    def filled(self, password=False, compression="zstd", tag="team/app:1"):
        """A registry with an image that another daemon pushed; its host and the image's digest."""
        host, origin = self.registry(password=password), self.daemon("origin")
        self.load(origin, base_image.busybox_tar(), "base:1")
        if password:
            self.login(origin, host)
        self.good(self.build(origin, DOCKERFILE, {"a": os.urandom(300_000)}, "-t", "app:1"))
        words = ("--compression", compression, "--force-compression") if compression != "zstd" else ()
        digest = self.good(origin.kiln("push", "app:1", f"{host}/{tag}", *words)).line
        return host, digest

    def requests(self, method="GET", part=""):
        """What the registry's access log holds of these."""
        return [line for line in self.asked().splitlines() if f'"{method} /v2/' in line and part in line]

    def blobs(self, directory):
        return sorted(os.listdir(os.path.join(directory, "blobs/sha256")))

    def judged(self, daemon, host, name, digest):
        """Our image is, blob for blob, what skopeo copies."""
        layout = self.path("judged")
        self.run_tool("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--preserve-digests",
                      f"docker://{host}/{name}", f"oci:{layout}:x")
        stored = self.blobs(daemon.root)
        for blob in self.blobs(layout):
            self.assertIn(blob, stored)
        self.assertIn(digest.removeprefix("sha256:"), stored)
        self.clean(daemon)

    def test_a_pulled_image_is_what_skopeo_copies_and_runs(self):
        host, digest = self.filled()
        daemon = self.daemon()

        pulled = self.good(daemon.kiln("pull", f"{host}/team/app:1"))

        self.assertEqual(pulled.line, digest)
        self.assertEqual(self.names(daemon), [f"{host}/team/app:1"])
        self.judged(daemon, host, "team/app:1", digest)
        self.assertEqual(
            self.good(daemon.kiln("run", f"{host}/team/app:1", "--", "wc", "-c", "/b")).line, "300000 /b")
        layers = self.good(daemon.kiln("layers", f"{host}/team/app:1", "--format", "json")).json
        self.assertTrue(all(row["entries"] for row in layers.get("layers", layers)))

    def test_what_the_store_has_is_not_asked_for(self):
        host, digest = self.filled(compression="gzip")
        daemon = self.daemon()
        self.good(daemon.kiln("pull", f"{host}/team/app:1"))
        before = len(self.requests(part="/blobs/"))
        self.assertEqual(before, 4)  # three layers and the config

        again = self.good(daemon.kiln("pull", f"{host}/team/app@{digest}"))

        self.assertEqual(again.line, digest)
        self.assertEqual(len(self.requests(part="/blobs/")), before)

    def test_a_password_is_wanted_and_the_login_is_used(self):
        host, digest = self.filled(password=True)
        daemon = self.daemon()

        self.refused(daemon.kiln("pull", f"{host}/team/app:1"), 4, "authentication required", f"kiln login {host}")
        self.login(daemon, host)

        self.assertEqual(self.good(daemon.kiln("pull", f"{host}/team/app:1")).line, digest)
        self.assertNotIn("secret", daemon.log_text)
        found = subprocess.run(["grep", "-rl", "secret", daemon.root], capture_output=True, check=False)
        self.assertEqual(found.stdout, b"")

    def test_a_build_pulls_its_base_once_and_then_needs_no_network(self):
        host, _ = self.filled(password=True)
        daemon = self.daemon()
        self.login(daemon, host)
        dockerfile = f"ARG WHERE\nFROM $WHERE/team/app:1\nCOPY --from={host}/team/app:1 /a /c\nRUN cat /c > /d\n"

        first = self.good(self.build(daemon, dockerfile, {}, "--build-arg", f"WHERE={host}", "-t", "x:1"))
        asked = self.asked().count('"GET /v2/')
        again = self.good(self.build(daemon, dockerfile, {}, "--build-arg", f"WHERE={host}", "-t", "x:1"))

        self.assertEqual(first.line, again.line)
        self.assertEqual(self.asked().count('"GET /v2/'), asked)
        self.clean(daemon)

    def test_docker_image_contexts_are_pulled_as_bases_are(self):
        host, _ = self.filled()
        daemon = self.daemon()

        self.good(self.build(daemon, "FROM start\nCOPY --from=start /a /e\n", {}, "-t", "x:1",
                             "--build-context", f"start=docker-image://{host}/team/app:1"))

        self.assertEqual(self.good(daemon.kiln("run", "x:1", "--", "wc", "-c", "/e")).line, "300000 /e")

    def test_pull_always_sees_that_a_tag_moved_and_never_asks_nobody(self):
        host, old = self.filled()
        daemon = self.daemon()
        dockerfile = f"FROM {host}/team/app:1\nCOPY x /x\n"
        self.refused(self.build(daemon, dockerfile, {"x": "1"}, "--pull=never"), 4, f"{host}/team/app:1")
        self.good(self.build(daemon, dockerfile, {"x": "1"}, "-t", "y:1"))
        origin = self.daemons[0]
        self.good(self.build(origin, DOCKERFILE, {"a": "moved"}, "-t", "app:1"))
        new = self.good(origin.kiln("push", "app:1", f"{host}/team/app:1")).line
        self.assertNotEqual(old, new)

        self.good(self.build(daemon, dockerfile, {"x": "1"}, "-t", "y:1"))
        self.assertEqual(self.good(daemon.kiln("inspect", f"{host}/team/app:1")).json["digest"], old)
        self.good(self.build(daemon, dockerfile, {"x": "1"}, "-t", "y:1", "--pull"))

        self.assertEqual(self.good(daemon.kiln("inspect", f"{host}/team/app:1")).json["digest"], new)
        self.assertEqual(self.content(daemon, "y:1", "a"), "moved")

    def test_bills_of_materials_come_along(self):
        host, origin = self.registry(password=False), self.daemon("origin")
        self.load(origin, base_image.busybox_tar(), "base:1")
        self.good(self.build(origin, DOCKERFILE, {"a": "a"}, "-t", "app:1", "--sbom", "spdx"))
        self.good(origin.kiln("push", "app:1", f"{host}/team/app:1"))
        daemon = self.daemon()

        self.good(daemon.kiln("pull", f"{host}/team/app:1"))

        theirs = self.good(origin.kiln("inspect", "app:1")).json["referrers"]
        self.assertEqual([each["artifact_type"] for each in theirs], [SPDX])
        self.assertEqual(self.good(daemon.kiln("inspect", f"{host}/team/app:1")).json["referrers"], theirs)
        self.good(daemon.kiln("gc"))
        self.clean(daemon)

    def test_an_index_gives_the_image_of_the_platform_or_says_which_there_are(self):
        host, digest = self.filled()
        manifest = self.run_tool("skopeo", "--insecure-policy", "inspect", "--raw", "--tls-verify=false",
                                 f"docker://{host}/team/app:1")
        entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest,
                 "size": len(manifest.encode())}
        machine = self.good(self.daemons[0].kiln("inspect", "app:1")).json["platform"].split("/")
        index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
            {**entry, "platform": {"os": "linux", "architecture": "s390x"}},
            {**entry, "platform": {"os": machine[0], "architecture": machine[1]}}]}
        self.put_manifest(host, "team/app", "many", index)
        daemon = self.daemon()

        self.assertEqual(self.good(daemon.kiln("pull", f"{host}/team/app:many")).line, digest)
        self.refused(daemon.kiln("pull", f"{host}/team/app:many", "--platform", "linux/ppc64le"), 4,
                     "linux/ppc64le", "linux/s390x", "/".join(machine))

    def put_manifest(self, host, repository, name, document):
        connection = http.client.HTTPConnection(host, timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.request("PUT", f"/v2/{repository}/manifests/{name}", json.dumps(document),
                           {"Content-Type": document["mediaType"]})
        answer = connection.getresponse()
        said = answer.read()
        self.assertEqual(answer.status, 201, said)

    def test_tokens_are_fetched_once_and_only_from_where_the_configuration_allows(self):
        self.need("openssl")
        tokens = TokenServer(self.directory)
        self.addCleanup(tokens.close)
        host = self.registry(tokens=tokens)
        trusting = ["--config", self.write("kilnd.toml", f'insecure_registries = ["{tokens.host}"]\n')]
        origin, stranger = self.daemon_with_base(name="origin", arguments=trusting), self.daemon("stranger")
        self.refused(origin.kiln("push", "base:1", f"{host}/team/app:1"), 4, f"kiln login {host}")
        self.login(origin, host)

        digest = self.good(origin.kiln("push", "base:1", f"{host}/team/app:1")).line
        anonymous = self.daemon("anonymous", arguments=trusting)
        self.assertEqual(self.good(anonymous.kiln("pull", f"{host}/team/app:1")).line, digest)
        asked = len(tokens.asked)
        self.good(anonymous.kiln("pull", f"{host}/team/app:1"))

        self.assertEqual(len(tokens.asked), asked)
        self.assertEqual(tokens.asked[-1], (["repository:team/app:pull"], False))
        self.refused(stranger.kiln("pull", f"{host}/team/app:1"), 4, tokens.host, "an address of this network")
        self.assertEqual(len(tokens.asked), asked)

    def test_docker_manifests_are_taken_as_they_are(self):
        host, _ = self.filled(compression="gzip")
        self.run_tool("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false",
                      "--format", "v2s2", f"docker://{host}/team/app:1", f"docker://{host}/team/docker:1")
        daemon = self.daemon()

        digest = self.good(daemon.kiln("pull", f"{host}/team/docker:1")).line

        self.judged(daemon, host, "team/docker:1", digest)
        shown = self.good(daemon.kiln("inspect", f"{host}/team/docker:1")).json
        self.assertIn("docker", shown["media_type"])
        self.good(self.build(daemon, f"FROM {host}/team/docker:1\nRUN cat /a > /f\n", {}, "-t", "x:1"))
        self.clean(daemon)

    def test_layers_of_another_repository_are_mounted(self):
        host, digest = self.filled()
        daemon = self.daemon()
        self.good(daemon.kiln("pull", f"{host}/team/app:1"))
        before = len(self.requests("PUT", "/blobs/uploads/"))
        daemon.kill()
        daemon.start()

        pushed = self.good(daemon.kiln("push", f"{host}/team/app:1", f"{host}/other/app:1"))

        self.assertEqual(pushed.line, digest)
        sent = len(self.requests("PUT", "/blobs/uploads/")) - before
        self.assertEqual(sent, 1)  # the config alone

    def test_what_is_not_there_is_told_with_what_is(self):
        host, _ = self.filled(tag="team/app:bookworm")
        daemon = self.daemon()

        self.refused(daemon.kiln("pull", f"{host}/team/app:bookwurm"), 4, "bookwurm", "did you mean",
                     "team/app:bookworm")
        self.refused(daemon.kiln("pull", f"{host}/nobody/app:1"), 4, "nobody/app:1")
        self.refused(self.build(daemon, f"FROM {host}/nobody/app:1\n"), 4, "nobody/app:1", "Dockerfile:1:6")
        self.refused(daemon.kiln("pull", f"{host}/team/app@sha256:{'a' * 64}"), 4, "a" * 64)
        self.refused(daemon.kiln("pull", "Not A Name"), 2)
        self.assertEqual(self.names(daemon), [])

    def test_a_registry_that_nobody_serves_is_named(self):
        daemon = self.daemon()
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            host = f"127.0.0.1:{closed.getsockname()[1]}"

            answer = daemon.kiln("pull", f"{host}/base:1")

        self.assertIn(answer.code, (5, 7), str(answer))
        self.assertIn(host, answer.stderr)

    def test_bytes_that_were_swapped_in_the_registry_are_refused(self):
        host, digest = self.filled()
        storage = self.path("registry/docker/registry/v2/blobs/sha256")
        largest = max((os.path.join(where, "data") for where, _, files in os.walk(storage) if files),
                      key=os.path.getsize)
        with open(largest, "r+b") as file:
            file.seek(os.path.getsize(largest) // 2)
            file.write(b"something else")
        daemon = self.daemon()

        answer = daemon.kiln("pull", f"{host}/team/app:1")

        self.assertIn(answer.code, (5, 6), str(answer))
        self.assertIn(largest.split("/")[-2], answer.stderr)
        self.assertEqual(self.names(daemon), [])
        self.assertNotIn(digest.removeprefix("sha256:"), self.blobs(daemon.root))

    def test_a_specification_is_locked_for_a_base_that_is_pulled_for_it(self):
        host, _ = self.filled()
        daemon = self.daemon()
        self.write("env/environment.yml", "channels: [nodefaults]\ndependencies: []\n")

        answer = self.build(daemon, f"FROM {host}/team/app:1\nCOPY --link --from=env / /\n", {}, "-t", "x:1",
                            "--build-context", f"env=conda:{self.path('env/environment.yml')}")

        self.assertNotIn("must be pulled", answer.stderr)
        self.assertEqual(self.names(daemon)[0], f"{host}/team/app:1", str(answer))


if __name__ == "__main__":
    unittest.main()
