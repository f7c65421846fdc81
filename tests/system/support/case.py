"""The case that all system tests are: a directory that disappears, daemons that end, failures with their log."""
import os
import pwd
import shutil
import subprocess
import unittest

from . import base_image
from .daemon import Daemon, have
from .scratch import scratch_directory


class SystemTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.directory = scratch_directory()
        self.addCleanup(self.remove_directory)
        self.daemons = []
        self.addCleanup(self.end_daemons)

    def remove_directory(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def end_daemons(self):
        failed = any(error for _, error in getattr(self._outcome, "errors", [])) or not getattr(
            self._outcome, "success", True)
        for daemon in self.daemons:
            if failed and daemon.log:
                print(f"--- log of kilnd at {daemon.root}\n{daemon.log_text}---", flush=True)
            daemon.kill()

    def need(self, *programs):
        for program in programs:
            if not have(program):
                self.skipTest(f"{program} is not installed")

    def need_root(self):
        if os.geteuid() != 0:
            self.skipTest("this needs root")

    # --- daemons and images

    def daemon(self, name="d", **options):
        """A started kilnd that this test owns."""
        directory = self.path(name)
        os.makedirs(directory, exist_ok=True)
        daemon = Daemon(directory, **options)
        self.daemons.append(daemon)
        return daemon.start()

    def user_daemon(self, name="u", user="kiln-test", **options):
        """A kilnd of an ordinary user, who has a range in /etc/subuid (tests/setup makes one)."""
        self.need_root()
        self.need("setpriv", "newuidmap")
        try:
            account = pwd.getpwnam(user)
        except KeyError:
            self.skipTest(f"there is no user {user}; tests/setup makes one")
        directory = self.path(name)
        os.makedirs(os.path.join(directory, "home"))
        for each in (directory, os.path.join(directory, "home")):
            os.chown(each, account.pw_uid, account.pw_gid)
        prefix = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        return self.daemon(name, prefix=prefix, environment={"HOME": directory}, **options)

    def daemon_with_base(self, **options):
        """With the busybox image `base:1`."""
        daemon = self.daemon(**options)
        self.load(daemon, base_image.busybox_tar(), "base:1")
        return daemon

    def load(self, daemon, archive, tag):
        return self.good(daemon.kiln("load", "-i", "-", "-t", tag, stdin=archive))

    def build(self, daemon, dockerfile, files=(), *words, name="context", **options):
        """Builds in a fresh context directory; whatever comes of it."""
        context = self.context(files, name)
        return daemon.kiln("build", "-f", "-", *words, context, stdin=dockerfile.encode(), **options)

    def context(self, files=(), name="context"):
        where = self.path(name)
        shutil.rmtree(where, ignore_errors=True)
        os.makedirs(where)
        for path, content in dict(files).items():
            self.write(os.path.join(where, path), content)
        return where

    # --- files

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, path, content, mode=0o644):
        path = os.path.join(self.directory, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(path, mode)
        return path

    # --- words about answers

    def good(self, answer):
        self.assertEqual(answer.code, 0, str(answer))
        return answer

    def refused(self, answer, code, *parts):
        """Exit code and key parts of the message."""
        self.assertEqual(answer.code, code, str(answer))
        for part in parts:
            self.assertIn(part, answer.stderr, str(answer))
        return answer

    def run_tool(self, *words, **options):
        """A program of others, which must succeed; its standard output."""
        done = subprocess.run(list(map(str, words)), capture_output=True, timeout=280, check=False, **options)
        said = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
        self.assertEqual(done.returncode, 0, f"{' '.join(map(str, words))}\n{said}")
        return done.stdout.decode("utf-8", "replace")

    def content(self, daemon, reference, path):
        """A file of an image, by running nothing."""
        target = self.path(f"tree-{len(os.listdir(self.directory))}")
        self.good(daemon.kiln("export", reference, "-o", target))
        with open(os.path.join(target, path), encoding="utf-8") as file:
            return file.read()

    def clean(self, daemon):
        report = self.good(daemon.kiln("verify", "--format", "json")).json
        self.assertEqual(report["problems"], [], report)

    def names(self, daemon):
        images = self.good(daemon.kiln("images", "--format", "json")).json
        return sorted(image["name"] for image in images.get("images", images))


class SharedDaemonTest(SystemTest):
    """For files of many small cases: one kilnd with its images for them all, each case has a directory of its own."""

    images = {"base:1": base_image.busybox_tar}

    @classmethod
    def setUpClass(cls):
        cls.shared_directory = scratch_directory()
        cls.addClassCleanup(shutil.rmtree, cls.shared_directory, ignore_errors=True)
        cls.kilnd = Daemon(cls.shared_directory).start()
        cls.addClassCleanup(cls.kilnd.kill)
        for name, tar in cls.images.items():
            answer = cls.kilnd.kiln("load", "-i", "-", "-t", name, stdin=tar())
            assert answer.code == 0, answer

    def image(self, dockerfile, files=(), *words, **options):
        """The digest of an image that must come out."""
        return self.good(self.build(self.kilnd, dockerfile, files, *words, **options)).line

    def says(self, image, command):
        """What a shell command prints inside the image."""
        answer = self.good(self.kilnd.kiln("run", image, "--", "/bin/sh", "-c", command))
        return answer.stdout

    def config(self, image):
        return self.good(self.kilnd.kiln("inspect", image)).json["config"]["config"]
