"""Repositories as contexts: of builds and of environments, fetched by the client's git from a server on loopback."""
import os
import socket
import subprocess
import time
import unittest

from support.case import SystemTest
from support.daemon import PATIENCE

GIT_DAEMON = "/usr/lib/git-core/git-daemon"
AUTHOR = {f"GIT_{who}_{what}": "kiln@example" if what == "EMAIL" else "kiln"
          for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class GitContextTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.need("git")
        if not os.path.exists(GIT_DAEMON):
            self.skipTest("git has no daemon here")
        self.kilnd = self.daemon_with_base()
        self.git("init", "-q", "-b", "main", self.path("repositories/app"))
        self.commit({"Dockerfile": "FROM base:1\nCOPY . /app/\n", ".dockerignore": "*.log\n", "a": "first\n",
                     "b.log": "no\n", "sub/Dockerfile": "FROM base:1\nCOPY only /\n", "sub/only": "only\n"})
        self.in_app("tag", "v1")
        self.commit({"a": "second\n"})
        self.url = self.serve()

    def git(self, *words):
        return self.run_tool("git", *words, env={**os.environ, **AUTHOR, "HOME": self.directory}).strip()

    def in_app(self, *words):
        return self.git("-C", self.path("repositories/app"), *words)

    def commit(self, files):
        for name, text in files.items():
            self.write(f"repositories/app/{name}", text)
        self.in_app("add", "-A", "-f")
        self.in_app("commit", "-q", "-m", "next")
        return self.in_app("rev-parse", "HEAD")

    def serve(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen(
            [GIT_DAEMON, "--export-all", "--listen=127.0.0.1", f"--port={port}", "--reuseaddr",
             f"--base-path={self.path('repositories')}", self.path("repositories")],
            env={**os.environ, "HOME": self.directory}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait, PATIENCE)
        self.addCleanup(server.terminate)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        return f"git://127.0.0.1:{port}/app"

    def kiln(self, *words):
        return self.kilnd.kiln(*words, environment={"TMPDIR": self.path("temporary")})

    def image(self, context, *words):
        os.makedirs(self.path("temporary"), exist_ok=True)
        return self.good(self.kiln("build", *words, context)).line

    def test_a_build_takes_a_branch_a_tag_a_commit_or_a_directory(self):
        head = self.image(self.url)
        self.assertEqual(self.content(self.kilnd, head, "app/a"), "second\n")
        self.assertEqual(self.image(self.url + "#main"), head)
        self.assertEqual(self.image(f"{self.url}#{self.in_app('rev-parse', 'HEAD')}"), head)
        first = self.image(self.url + "#v1")
        self.assertEqual(self.content(self.kilnd, first, "app/a"), "first\n")
        sub = self.image(self.url + "#v1:sub")
        self.assertEqual(self.content(self.kilnd, sub, "only"), "only\n")
        tree = self.path("tree")
        self.good(self.kilnd.kiln("export", head, "-o", tree))
        self.assertEqual(sorted(os.listdir(os.path.join(tree, "app"))), [".dockerignore", "Dockerfile", "a", "sub"])
        self.assertEqual(os.listdir(self.path("temporary")), [])

    def test_it_is_the_image_of_a_clone(self):
        clone = self.path("clone")
        self.git("clone", "-q", self.url, clone)
        subprocess.run(["rm", "-rf", os.path.join(clone, ".git")], check=True)

        self.assertEqual(self.image(self.url), self.image(clone))

    def test_a_repository_is_a_named_context(self):
        image = self.good(self.build(self.kilnd, "FROM base:1\nCOPY --from=app only /\n", {}, "--build-context",
                                     f"app={self.url}#v1:sub")).line

        self.assertEqual(self.content(self.kilnd, image, "only"), "only\n")

    def test_an_environment_is_built_from_a_repository(self):
        os.makedirs(self.path("temporary"))
        file = self.write("env.yml", f"name: app\nbuild: {{path: '{self.url}#main:sub'}}\n")

        created = self.good(self.kiln("env", "create", "-f", file, "--build")).stdout.split()

        self.assertEqual(created[0], "app:1")
        self.assertEqual(self.content(self.kilnd, created[1], "only"), "only\n")
        self.assertEqual(self.good(self.kiln("env", "create", "-f", file)).line, "app:1")
        self.commit({"sub/only": "changed\n"})
        self.assertEqual(self.good(self.kiln("env", "create", "-f", file)).line, "app:2")
        self.assertEqual(os.listdir(self.path("temporary")), [])

    def test_what_cannot_be_fetched_is_told(self):
        os.makedirs(self.path("temporary"))
        for context, code, *said in (
                (self.url + "#nowhere", 5, "git cannot fetch", "nowhere", "a branch, a tag or a whole commit id"),
                (self.url.replace("/app", "/none"), 5, "git cannot fetch", "/none"),
                (self.url + "#v1:nowhere", 4, "there is no directory nowhere in git://"),
                (self.url + "#--upload-pack=x", 2, "is no reference of git"),
                (self.url + "#main:.git", 4, "there is no Dockerfile"),
                (self.url + "#main:../..", 4, "there is no directory ../..")):
            self.refused(self.kiln("build", context), code, *said)
        file = self.write("env.yml", f"name: app\nbuild: {{path: '{self.url}#v1', dockerfile_path: none}}\n")
        self.refused(self.kiln("env", "create", "-f", file), 4, f"there is no {self.url}#v1/none")
        self.assertEqual(os.listdir(self.path("temporary")), [])

    def test_a_password_in_a_url_is_not_shown(self):
        os.makedirs(self.path("temporary"))
        url = self.url.replace("git://", "http://me:secret@") + ".git"
        file = self.write("env.yml", f"name: app\nbuild: {{path: '{url}'}}\n")

        answers = [self.refused(self.kiln("build", url), 5, "git cannot fetch"),
                   self.refused(self.kiln("env", "create", "-f", file), 2, "holds a password", "~/.netrc")]

        for answer in answers:
            self.assertNotIn("secret", answer.stdout + answer.stderr)


if __name__ == "__main__":
    unittest.main()
