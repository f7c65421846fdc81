"""Pushing to docker-registry on loopback, with a password; others fetch what arrived."""
import json
import os
import socket
import subprocess
import time
import unittest

from support.daemon import PATIENCE
from support.registry import RegistryCase

DOCKERFILE = "FROM base:1\nCOPY a /a\nRUN cat /a > /b\n"


class RegistryTest(RegistryCase):
    def uploads(self):
        """How many uploads the registry saw begin."""
        return self.asked().count('"POST /v2/')

    def fetched(self, host, name, password="me:secret"):
        target = self.path(f"fetched-{len(os.listdir(self.directory))}")
        words = ["--src-creds", password] if password else []
        self.run_tool("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", *words,
                      f"docker://{host}/{name}", f"dir:{target}")
        with open(os.path.join(target, "manifest.json"), "rb") as file:
            return json.loads(file.read())

    def login(self, daemon, host, password="secret"):
        return daemon.kiln("login", host, "-u", "me", "--password-stdin", stdin=password.encode())

    def image(self, daemon):
        return self.good(self.build(daemon, DOCKERFILE, {"a": os.urandom(3_000_000)}, "-t", "app:1")).line

    def test_what_is_pushed_is_what_skopeo_copies_out(self):
        host, daemon = self.registry(), self.daemon_with_base()
        digest = self.image(daemon)
        self.good(self.login(daemon, host))

        pushed = self.good(daemon.kiln("push", "app:1", f"{host}/team/app:1"))

        self.assertEqual(pushed.line, digest)
        ours = daemon.kiln("inspect", "app:1").json["manifest"]
        self.assertEqual(self.fetched(host, "team/app:1"), ours)
        self.assertEqual(self.fetched(host, f"team/app@{digest}"), ours)

    def test_a_second_push_uploads_nothing(self):
        host, daemon = self.registry(), self.daemon_with_base()
        self.image(daemon)
        self.good(self.login(daemon, host))
        self.good(daemon.kiln("push", "app:1", f"{host}/team/app:1"))
        before = self.uploads()
        self.assertGreater(before, 0)

        self.good(daemon.kiln("push", "app:1", f"{host}/team/app:2"))

        self.assertEqual(self.uploads(), before)
        self.fetched(host, "team/app:2")

    def test_a_push_as_gzip_is_another_dress_of_the_same_layers(self):
        host, daemon = self.registry(password=False), self.daemon_with_base()
        self.image(daemon)

        self.good(daemon.kiln("push", "app:1", f"{host}/app:gz", "--compression", "gzip", "--force-compression"))

        manifest = self.fetched(host, "app:gz", password=None)
        self.assertEqual({layer["mediaType"].rpartition("+")[2] for layer in manifest["layers"]}, {"gzip"})
        self.assertEqual(manifest["config"], daemon.kiln("inspect", "app:1").json["manifest"]["config"])

    def test_build_with_push_names_it_in_the_registry(self):
        host, daemon = self.registry(password=False), self.daemon_with_base()

        digest = self.good(self.build(daemon, DOCKERFILE, {"a": "a"}, "-t", f"{host}/built:1", "--push")).line

        self.assertEqual(self.fetched(host, f"built@{digest}", password=None)["schemaVersion"], 2)

    def test_a_wrong_password_is_refused_and_nothing_is_kept(self):
        host, daemon = self.registry(), self.daemon_with_base()

        self.refused(self.login(daemon, host, "wrong"), 4, host)
        answer = daemon.kiln("push", "base:1", f"{host}/team/app:1")

        self.assertIn(answer.code, (4, 5), str(answer))
        self.assertIn(host, answer.stderr)
        for secret in ("wrong", "secret"):
            self.assertNotIn(secret, daemon.log_text)

    def test_the_password_is_with_the_client_alone_and_logout_forgets_it(self):
        host, daemon = self.registry(), self.daemon_with_base()
        self.good(self.login(daemon, host))
        kept = os.path.join(daemon.home, ".config/kiln/auth.json")

        self.assertEqual(os.stat(kept).st_mode & 0o777, 0o600)
        self.good(daemon.kiln("push", "base:1", f"{host}/base:1"))
        found = subprocess.run(["grep", "-rl", "secret", daemon.root], capture_output=True, check=False)
        self.assertEqual(found.stdout, b"")
        self.good(daemon.kiln("logout", host))
        self.assertIn(daemon.kiln("push", "base:1", f"{host}/base:2").code, (4, 5))

    def test_a_registry_that_does_not_answer_is_named(self):
        daemon = self.daemon_with_base()
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            host = f"127.0.0.1:{closed.getsockname()[1]}"

            answer = daemon.kiln("push", "base:1", f"{host}/base:1")

        self.assertIn(answer.code, (5, 7), str(answer))
        self.assertIn(host, answer.stderr)

    def test_a_daemon_killed_during_a_push_pushes_again_and_whole(self):
        host, daemon = self.registry(password=False), self.daemon_with_base()
        digest = self.image(daemon)
        client = daemon.begin("push", "app:1", f"{host}/app:1")
        deadline = time.monotonic() + PATIENCE
        while not self.uploads() and client.poll() is None and time.monotonic() < deadline:
            pass
        daemon.kill()
        client.communicate()

        daemon.start()

        self.clean(daemon)
        self.assertEqual(self.good(daemon.kiln("push", "app:1", f"{host}/app:1")).line, digest)
        self.fetched(host, "app:1", password=None)


if __name__ == "__main__":
    unittest.main()
