"""Others' programs read what kiln makes, and see what kiln sees."""
import json
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import unittest

from support import base_image, tree
from support.case import SystemTest
from support.daemon import PATIENCE

DOCKERFILE = """FROM rich:1
RUN rm /usr/share/empty && mkdir /made && echo x > /made/x && ln /made/x /made/y && ln -s x /made/z && chmod 4711 /made/x
COPY --chown=1000:29 --chmod=0604 a /srv/a
RUN rm -r /usr/share/big /made/y && mkdir /made/sub && chown app /made/sub
WORKDIR /srv
LABEL who=kiln
CMD ["/bin/sh", "-c", "cat a"]
"""


class JudgesTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.need_root()
        self.kilnd = self.daemon()
        self.load(self.kilnd, base_image.rich_tar(), "rich:1")
        self.digest = self.good(self.build(self.kilnd, DOCKERFILE, {"a": "content of a\n"}, "-t", "app:1")).line

    def save(self, name, *words):
        self.good(self.kilnd.kiln("save", "app:1", "-o", self.path(name), *words))
        return self.path(name)

    def inspected(self, where):
        return json.loads(self.run_tool("skopeo", "inspect", where))

    def copied(self, where):
        """skopeo verifies every digest on the way into a directory."""
        target = tempfile.mkdtemp(dir=self.directory)
        self.run_tool("skopeo", "--insecure-policy", "copy", "--preserve-digests", where, f"dir:{target}")
        with open(os.path.join(target, "manifest.json"), encoding="utf-8") as file:
            return json.load(file)

    def config_of(self, where):
        return json.loads(self.run_tool("skopeo", "inspect", "--config", where))

    def test_skopeo_reads_the_store_in_place(self):
        self.need("skopeo")
        where = f"oci:{self.kilnd.root}:app:1"

        self.assertEqual(self.inspected(where)["Digest"], self.digest)
        self.assertEqual(self.config_of(where), self.kilnd.kiln("inspect", "app:1").json["config"])
        self.assertEqual(len(self.copied(where)["layers"]), 4)

    def test_skopeo_reads_the_archives_of_save(self):
        self.need("skopeo")
        config = self.kilnd.kiln("inspect", "app:1").json["config"]
        for name, words in [("oci.tar", []), ("gzip.tar", ["--compression", "gzip"]),
                            ("none.tar", ["--compression", "none"])]:
            with self.subTest(name=name):
                where = f"oci-archive:{self.save(name, *words)}"
                self.copied(where)
                self.assertEqual(self.config_of(where), config)
        archive = f"docker-archive:{self.save('docker.tar', '--format', 'docker')}"
        self.run_tool("skopeo", "--insecure-policy", "copy", archive, f"dir:{self.path('from-docker')}")
        self.assertEqual(self.config_of(archive)["rootfs"], config["rootfs"])

    def test_umoci_unpacks_the_tree_that_export_writes(self):
        self.need("umoci")
        layout = self.path("layout")
        os.makedirs(layout)
        with tarfile.open(self.save("gzip.tar", "--compression", "gzip")) as archive:
            archive.extractall(layout)
        tag = self.only_tag(layout)

        self.run_tool("umoci", "unpack", "--image", f"{layout}:{tag}", self.path("bundle"))
        self.good(self.kilnd.kiln("export", "app:1", "-o", self.path("ours")))

        self.assertEqual(tree.differences(self.path("ours"), self.path("bundle", "rootfs")), [])

    def only_tag(self, layout):
        with open(os.path.join(layout, "index.json"), encoding="utf-8") as file:
            manifests = json.load(file)["manifests"]
        self.assertEqual(len(manifests), 1)
        return manifests[0]["annotations"]["org.opencontainers.image.ref.name"]

    def test_gnu_tar_unpacks_the_exported_tar_to_the_tree_of_the_exported_directory(self):
        self.good(self.kilnd.kiln("export", "app:1", "-o", self.path("ours")))
        self.good(self.kilnd.kiln("export", "app:1", "-o", self.path("tree.tar")))
        os.makedirs(self.path("theirs"))

        self.run_tool("tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", self.path("tree.tar"),
                      "-C", self.path("theirs"))

        self.assertEqual(tree.differences(self.path("ours"), self.path("theirs")), [])

    def test_what_run_sees_is_what_export_writes(self):
        self.good(self.kilnd.kiln("export", "app:1", "-o", self.path("ours")))
        seen = self.good(self.kilnd.kiln(
            "run", "app:1", "--", "/bin/sh", "-c", "cd / && find bin etc home made root srv tmp usr -exec stat -c '%n %a %u %g %F' {} +"))

        rows = tree.describe(self.path("ours"))
        ours = {(path, uid, gid) for path, (_, _, uid, gid, *_) in rows.items()}
        split = [line.split(" ") for line in seen.stdout.splitlines()]
        theirs = {(path, int(uid), int(gid)) for path, _, uid, gid, *_ in split}
        # These two are lent to the command; that no layer has them is what other tests are about.
        theirs -= {("etc/hosts", 0, 0), ("etc/resolv.conf", 0, 0)}
        self.assertEqual(ours ^ theirs, set())

    def test_every_layer_is_listed_by_gnu_tar_and_bsdtar(self):
        self.need("bsdtar")
        layers = self.good(self.kilnd.kiln("layers", "app:1", "--format", "json")).json["layers"]

        for layer in layers:
            with self.subTest(layer=layer["origin"]):
                blob = os.path.join(self.kilnd.root, "blobs", "sha256", layer["digest"].removeprefix("sha256:"))
                gnu = self.run_tool("tar", "--zstd", "-tf", blob).splitlines()
                bsd = self.run_tool("bsdtar", "-tf", blob, env={**os.environ, "LC_ALL": "C.UTF-8"}).splitlines()
                self.assertEqual(len(gnu), len(bsd))
                if layer["entries"] is not None:
                    self.assertEqual(len(gnu), layer["entries"])

    def test_buildah_reads_the_store_in_place(self):
        self.need("buildah")
        storage = ["--root", self.path("storage"), "--runroot", self.path("run"), "--storage-driver", "vfs"]
        policy = self.write("policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}')

        name = self.run_tool("buildah", *storage, "pull", "--signature-policy", policy,
                             f"oci:{self.kilnd.root}:app:1").strip()

        self.assertRegex(name, r"\A[0-9a-f]{64}\Z")


class DockerTest(SystemTest):
    def dockerd(self):
        self.need_root()
        self.need("dockerd", "docker")
        where = tempfile.mkdtemp(prefix="kd.", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, where, ignore_errors=True)
        log = open(os.path.join(where, "log"), "w+", encoding="utf-8")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            ["dockerd", "--data-root", f"{where}/data", "--exec-root", f"{where}/exec", "--pidfile", f"{where}/pid",
             "--host", f"unix://{where}/s", "--iptables=false", "--ip6tables=false", "--bridge=none",
             "--storage-driver=vfs", "--log-level=warn"],
            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.terminate)
        while process.poll() is None:
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(f"{where}/s")
                    return f"unix://{where}/s"
                except OSError:
                    pass
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                pass
        log.seek(0)
        self.skipTest(f"dockerd does not start here: {log.read()[-400:]}")

    def test_dockerd_loads_the_docker_archive_and_runs_it(self):
        host = self.dockerd()
        daemon = self.daemon_with_base()
        self.good(self.build(daemon, "FROM base:1\nCOPY a /a\nUSER app\nENV WHO=docker\nCMD echo $WHO; id -un; cat /a\n",
                             {"a": "in the image\n"}, "-t", "app:1"))
        self.good(daemon.kiln("save", "app:1", "--format", "docker", "-o", self.path("docker.tar")))

        loaded = self.run_tool("docker", "--host", host, "load", "-i", self.path("docker.tar"))

        self.assertIn("app:1", loaded)
        said = subprocess.run(["docker", "--host", host, "run", "--rm", "--network=none", "app:1"],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        if said.returncode == 125 and "cgroup" in said.stderr:
            self.skipTest(f"docker cannot run containers here: {said.stderr}")
        self.assertEqual(said.stdout, "docker\napp\nin the image\n", said.stderr)

    def test_what_dockerd_saves_is_loaded_and_has_its_layers(self):
        host = self.dockerd()
        daemon = self.daemon_with_base()
        self.good(daemon.kiln("save", "base:1", "--format", "docker", "-o", self.path("docker.tar")))
        self.run_tool("docker", "--host", host, "load", "-i", self.path("docker.tar"))
        self.run_tool("docker", "--host", host, "save", "base:1", "-o", self.path("again.tar"))

        other = self.daemon(name="other")
        self.good(other.kiln("load", "-i", self.path("again.tar"), "-t", "back:1"))

        rootfs = [each.kiln("inspect", name).json["config"]["rootfs"] for each, name in [(daemon, "base:1"), (other, "back:1")]]
        self.assertEqual(rootfs[0], rootfs[1])


if __name__ == "__main__":
    unittest.main()
