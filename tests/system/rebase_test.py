"""The base layers below an image exchanged, judged by a build on the new base and by others' programs."""
import json
import os
import tarfile
import tempfile

from support import base_image
from support.conda import COPY_ENV, CondaTest

STEPS = """
COPY --link app /srv/app
COPY --chown=1000:1000 data /home/app/data
WORKDIR /srv
ENV PATH=/srv:$PATH
LABEL app=one
ENTRYPOINT ["/bin/sh", "/srv/app"]
"""
FILES = {"app": "echo started\n", "data": "kept\n"}


def patched_tar(*more):
    """The busybox base after a patch: another file, another group file."""
    return base_image.tar([*base_image.busybox_entries(), base_image.file("etc/patched", "yes\n"), *more])


class RebaseTest(CondaTest):
    def setUp(self):
        super().setUp()
        self.kilnd = self.daemon_with_base()
        self.load(self.kilnd, patched_tar(), "base:2")

    def make(self, dockerfile, tag):
        return self.good(self.build(self.kilnd, dockerfile, FILES, "-t", tag)).line

    def rebase(self, *words):
        return self.kilnd.kiln("rebase", *words)

    def test_it_is_the_image_that_a_build_on_the_new_base_makes(self):
        old = self.make("FROM base:1" + STEPS, "app:1")

        rebased = self.good(self.rebase("app:1", "--onto", "base:2", "-t", "app:2"))

        self.assertEqual(rebased.line, self.make("FROM base:2" + STEPS, "app:built"))
        self.assertRegex(rebased.stderr, r"\d layers kept; 1 of sha256:[0-9a-f]{12} exchanged for 1 of sha256:")
        self.assertNotEqual(rebased.line, old)
        self.assertEqual(self.layers(self.kilnd, "app:1")[1:], self.layers(self.kilnd, "app:2")[1:])
        self.assertEqual(self.kilnd.kiln("inspect", "app:1").json["digest"], old)
        self.clean(self.kilnd)

    def test_skopeo_and_umoci_read_it(self):
        self.need_root()
        self.need("skopeo", "umoci")
        self.make("FROM base:1" + STEPS, "app:1")
        digest = self.good(self.rebase("app:1", "--onto", "base:2", "-t", "app:2")).line
        where = f"oci:{self.kilnd.root}:app:2"

        self.assertEqual(json.loads(self.run_tool("skopeo", "inspect", where))["Digest"], digest)
        self.run_tool("skopeo", "--insecure-policy", "copy", "--preserve-digests", where,
                      f"dir:{tempfile.mkdtemp(dir=self.directory)}")
        layout = self.path("layout")
        self.good(self.kilnd.kiln("save", "app:2", "-o", self.path("a.tar"), "--compression", "gzip"))
        with tarfile.open(self.path("a.tar")) as archive:
            archive.extractall(layout)
        with open(os.path.join(layout, "index.json"), encoding="utf-8") as file:
            name = json.load(file)["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
        self.run_tool("umoci", "unpack", "--image", f"{layout}:{name}", self.path("bundle"))

        for path, content in {"etc/patched": "yes\n", "srv/app": FILES["app"], "home/app/data": "kept\n"}.items():
            with open(self.path("bundle/rootfs", path), encoding="utf-8") as file:
                self.assertEqual(file.read(), content)

    def test_it_runs_on_the_new_base(self):
        self.make("FROM base:1" + STEPS, "app:1")

        self.good(self.rebase("app:1", "--onto", "base:2"))

        said = self.good(self.kilnd.kiln("run", "app:1", "--", "/bin/sh", "-c", "cat /etc/patched /home/app/data"))
        self.assertEqual(said.stdout, "yes\nkept\n")

    def test_a_conda_environment_stays_byte_for_byte(self):
        _, lock = self.pack()
        self.good(self.build_with(self.kilnd, lock, "FROM base:1\n" + COPY_ENV, "-t", "env:1"))

        rebased = self.good(self.rebase("env:1", "--onto", "base:2", "-t", "env:2")).line

        built = self.good(self.build_with(self.kilnd, lock, "FROM base:2\n" + COPY_ENV, "-t", "env:built")).line
        self.assertEqual(rebased, built)
        self.assertEqual(self.layers(self.kilnd, "env:1")[1:], self.layers(self.kilnd, "env:2")[1:])
        self.good(self.kilnd.kiln("conda", "verify", "env:2"))

    def test_the_old_base_is_known_when_its_tag_moved_and_gc_ran(self):
        self.make("FROM base:1" + STEPS, "app:1")
        self.load(self.kilnd, patched_tar(), "base:1")
        self.good(self.kilnd.kiln("gc"))

        rebased = self.good(self.rebase("app:1", "--onto", "base:1", "-t", "app:2", "--format", "json")).json

        self.assertEqual((rebased["layers_before"], rebased["layers_after"]), (1, 1))
        self.assertNotEqual(rebased["base_before"], rebased["base_after"])
        self.clean(self.kilnd)

    def test_what_depends_on_the_old_base_is_refused_with_the_step_and_a_hint(self):
        self.make("FROM base:1\nRUN echo a > /a\n", "run:1")
        self.make("FROM base:1\nCOPY --chown=app app /srv/app\n", "owned:1")
        moved = base_image.tar([
            *(each for each in base_image.busybox_entries() if each[0].name != "home"),
            base_image.directory("usr"), base_image.symlink("home", "usr"),
            base_image.file("etc/group", "root:x:0:\napp:x:2000:\n")])
        self.load(self.kilnd, moved, "base:3")
        self.make("FROM base:1\nCOPY data /home/app/data\n", "linked:1")
        before = self.names(self.kilnd)

        self.refused(self.rebase("run:1", "--onto", "base:2"), 2, "echo a > /a", "ran on the old base", "hint: build")
        self.refused(self.rebase("owned:1", "--onto", "base:3"), 2, "names an account", "/etc/group", "hint: ")
        self.refused(self.rebase("linked:1", "--onto", "base:3"), 2, "/home, which is a directory in the old base",
                     "a symlink to usr in the new one")
        self.refused(self.rebase("run:1", "--onto", "missing:1"), 4, "missing:1 is not in the store")
        self.refused(self.rebase("base:1", "--onto", "base:2", "--from", "run:1"), 2, "does not stand on run:1")
        self.refused(self.rebase("run:1"), 2, "--onto")
        self.assertEqual(self.names(self.kilnd), before)
