"""Bases of environments: looked up in their registries, followed when they move, refused when they are archived."""
import os
import shutil
import socket
import subprocess
import time

from env_test import EnvironmentTest
from support import base_image
from support.daemon import PATIENCE
from support.registry import RegistryCase


def patched_tar(text):
    return base_image.tar([*base_image.busybox_entries(), base_image.file("etc/patched", text)])


class BaseCase(EnvironmentTest):
    def refresh(self, *words, code=0):
        answer = self.env("refresh", *words, "--format", "json")
        self.assertEqual(answer.code, code, str(answer))
        return {row["name"]: row for row in answer.json["environments"]}

    def digest(self, image):
        return self.good(self.kilnd.kiln("inspect", image)).json["digest"]

    def versions(self, name):
        return [row["version"] for row in self.good(self.env("history", name, "--format", "json")).json["versions"]]

    def jobs(self):
        builds = self.good(self.kilnd.kiln("builds", "--format", "json")).json["builds"]
        return [job for job in builds if job["name"] == "env auto_rebuild"]

    def running(self):
        return [job for job in self.jobs() if job["status"] not in ("done", "failed", "cancelled")]

    def followed(self):
        """What the daemon said of the environments that it followed to their base on its own."""
        deadline = time.monotonic() + PATIENCE
        while not self.jobs() or self.running():
            self.assertLess(time.monotonic(), deadline, "the base was not followed")
        said = self.good(self.kilnd.kiln("logs", self.jobs()[0]["id"]))
        return said.stdout + said.stderr


class RegistryBaseTest(BaseCase, RegistryCase):
    """A base that a team pushes to its registry, and an environment elsewhere that stands on it."""

    def setUp(self):
        super().setUp()
        self.channel("tool 1.0")
        self.host = self.registry()
        self.base = f"{self.host}/team/base:1"
        self.origin = self.daemon("origin")
        for daemon in (self.kilnd, self.origin):
            self.good(daemon.kiln("login", self.host, "-u", "me", "-p", "secret"))
        self.push("first\n")

    def push(self, text):
        self.load(self.origin, patched_tar(text), "base:1")
        return self.good(self.origin.kiln("push", "base:1", self.base)).line

    def requests(self, method):
        return self.asked().count(f'"{method} /v2/team/base/')

    def test_a_tag_that_moved_in_its_registry_is_found_there(self):
        before = self.create(self.system_managed(base=self.base), "--build")[1]
        self.create("name: still\nimage: base:1\n", "--build")
        first = self.digest(self.base)
        self.assertEqual({row["status"] for row in self.refresh("--all").values()}, {"current"})
        second = self.push("second\n")

        self.assertEqual({row["status"] for row in self.refresh("--all", "--pull=never").values()}, {"current"})
        dry = self.refresh("--all", "--dry-run")["train"]
        self.assertEqual((dry["status"], dry["to_version"], dry["base_after"]), ("moved", None, second))
        self.assertGreater(dry["moved_bytes"], 0)
        self.assertEqual((self.digest(self.base), self.versions("train")), (first, ["1"]))
        done = self.refresh("--all")

        self.assertEqual((done["train"]["status"], done["train"]["to_version"]), ("rebased", "2"), done)
        self.assertEqual(done["still"]["status"], "current")
        self.assertEqual(self.digest(self.base), second)
        after = self.good(self.env("build", "train")).line
        self.assertEqual(self.content(self.kilnd, after, "etc/patched"), "second\n")
        self.assertEqual(self.content(self.kilnd, after, "opt/env/share/tool"), "tool 1.0\n")
        self.assertEqual(self.good(self.env("build", "train:1")).line, before)
        # What a build from scratch makes of it.
        self.assertEqual(self.good(self.env("build", "train", "--rebuild")).line, after)
        self.clean(self.kilnd)

    def test_one_request_tells_that_nothing_has_moved(self):
        for name in ("one", "two"):
            self.create(self.system_managed(name=name, base=self.base), "--build")
        heads, gets = self.requests("HEAD"), self.requests("GET")

        self.refresh("--all")

        self.assertEqual((self.requests("HEAD"), self.requests("GET")), (heads + 1, gets))

    def test_a_name_that_was_set_here_stays_what_it_was_set_to(self):
        self.create(self.system_managed(base=self.base), "--build")
        self.good(self.kilnd.kiln("tag", "base:1", self.base))
        mine = self.digest("base:1")

        row = self.refresh("train")["train"]

        self.assertEqual((row["status"], row["base_after"]), ("rebased", mine), row)

    def test_a_registry_out_of_reach_is_told_and_keeps_no_other_back(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            gone = f"127.0.0.1:{closed.getsockname()[1]}/team/base:1"
            self.good(self.kilnd.kiln("tag", "base:1", gone))
            self.create(f"name: cut\nimage: {gone}\n", "--build")
            self.create("name: still\nimage: base:1\n", "--build")

            rows = self.refresh("--all", code=1)

        self.assertEqual((rows["cut"]["status"], rows["still"]["status"]), ("failed", "current"))
        self.assertIn(gone.split("/")[0], rows["cut"]["reason"])
        self.assertEqual(self.refresh("cut", "--pull=never")["cut"]["status"], "current")


class MovedBaseTest(BaseCase):
    def until(self, name, version):
        """The daemon works on its own; nothing but its answer tells when it is done."""
        deadline = time.monotonic() + PATIENCE
        while self.show(name)["version"] != version or self.running():
            self.assertLess(time.monotonic(), deadline, "the base was not followed")

    def test_an_environment_that_wants_it_follows_its_base(self):
        self.channel("tool 1.0")
        self.load(self.kilnd, patched_tar("first\n"), "moving:1")
        follows = "auto_rebuild: on_base_image_update\n"
        before = self.create(self.system_managed(base="moving:1", more=follows), "--build")[1]
        self.write("docker/Dockerfile", "FROM moving:1\nRUN cat /etc/patched > /seen\n")
        self.create(f"name: docker\nbuild: {{path: docker}}\n{follows}", "--build")
        self.create("name: stays\nimage: moving:1\n", "--build")
        self.create(f"name: gone\nimage: moving:1\n{follows}", "--build")
        self.good(self.env("archive", "gone"))
        self.channel("tool 2.0")

        self.load(self.kilnd, patched_tar("second\n"), "moving:1")
        self.until("train", "2")
        self.until("docker", "2")

        after = self.show("train")["image"]
        self.assertEqual(self.content(self.kilnd, after, "etc/patched"), "second\n")
        self.assertEqual(self.content(self.kilnd, after, "opt/env/share/tool"), "tool 1.0\n")
        self.assertEqual(self.content(self.kilnd, self.show("docker")["image"], "seen"), "second\n")
        self.assertEqual(self.show("train:1")["image"], before)
        self.assertEqual((self.versions("stays"), self.versions("gone")), (["1"], ["1"]))
        self.assertEqual({job["status"] for job in self.jobs()}, {"done"})
        jobs = len(self.jobs())

        self.load(self.kilnd, patched_tar("third\n"), "unrelated:1")
        self.good(self.kilnd.kiln("tag", "base:1", "moving:1"))  # a third way to move
        self.until("train", "3")
        self.until("docker", "3")
        self.assertLessEqual(len(self.jobs()), jobs + 2)
        self.clean(self.kilnd)

    def test_what_moved_before_a_crash_is_followed_after_it(self):
        self.load(self.kilnd, patched_tar("first\n"), "moving:1")
        self.create("name: plain\nimage: moving:1\nauto_rebuild: on_base_image_update\n", "--build")
        self.good(self.kilnd.kiln("tag", "base:1", "moving:1"))
        self.kilnd.kill()  # whether it had begun or not

        self.kilnd.start()

        self.until("plain", "2")
        self.assertEqual(self.show("plain")["image"], self.digest("base:1"))

    def test_packages_that_do_not_fit_are_left_to_the_user_and_told(self):
        self.channel("picky 1.0 __glibc >=2.20", "picky 0.9")
        self.load(self.kilnd, base_image.glibc_tar(), "moving:1")
        self.create(self.system_managed(base="moving:1", dependencies="[picky]",
                                        more="auto_rebuild: on_base_image_update\n"), "--build")

        self.load(self.kilnd, base_image.busybox_tar(), "moving:1")

        self.assertIn("train stays on its base: picky-1.0-0.conda needs __glibc", self.followed())
        self.assertEqual(self.versions("train"), ["1"])

        dry = self.good(self.env("refresh", "train", "--dry-run"))
        self.assertIn("train: picky 1.0 to 0.9", dry.stderr)
        self.assertEqual(self.versions("train"), ["1"])
        self.good(self.env("refresh", "train"))
        self.assertEqual(self.content(self.kilnd, self.show("train")["image"], "opt/env/share/picky"), "picky 0.9\n")

    def test_a_base_of_more_than_thirty_days_is_told(self):
        month_ago = int(time.time()) - 31 * 24 * 3600
        for name, epoch in (("old:1", month_ago), ("new:1", month_ago + 5 * 24 * 3600), ("untimed:1", 315619200)):
            self.good(self.build(self.kilnd, "FROM base:1\nCOPY a /a\n", {"a": name}, "-t", name,
                                 "--source-date-epoch", str(epoch)))
            self.create(f"name: {name.split(':')[0]}\nimage: {name}\n")

        rows = self.refresh("--all")

        self.assertEqual({name: row["is_old"] for name, row in rows.items()},
                         {"old": True, "new": False, "untimed": False})
        self.assertIn("base older than 30 days", self.good(self.env("refresh", "old")).stdout)


class RebuiltTest(BaseCase):
    """What a rebase does not cover is built anew, and said so before and after."""

    def setUp(self):
        super().setUp()
        self.load(self.kilnd, patched_tar("first\n"), "moving:1")

    def test_a_step_that_ran_on_the_base_runs_again(self):
        self.write("docker/Dockerfile", "FROM moving:1\nRUN echo same > /file\n")
        self.create("name: runs\nbuild: {path: docker}\n", "--build")
        self.load(self.kilnd, patched_tar("second\n"), "moving:1")

        dry = self.refresh("runs", "--dry-run")["runs"]
        done = self.refresh("runs")["runs"]

        self.assertEqual((dry["status"], done["status"], done["to_version"]), ("moved", "rebuilt", "2"))
        for row in (dry, done):
            self.assertEqual(row["reason"], '"RUN /bin/sh -c echo same > /file" ran on the old base and depends on it')

    def test_a_base_of_an_earlier_stage_is_told(self):
        self.write("docker/Dockerfile", "FROM moving:1 AS first\nFROM base:1\nCOPY --from=first /etc/passwd /copied\n")
        self.create("name: stages\nbuild: {path: docker}\n", "--build")
        self.load(self.kilnd, patched_tar("second\n"), "moving:1")

        row = self.refresh("stages")["stages"]

        self.assertEqual((row["status"], row["reason"]),
                         ("rebuilt", "an earlier stage of its Dockerfile stands on that image"))

    def test_an_archived_environment_stays(self):
        self.create("name: gone\nimage: moving:1\n", "--build")
        self.good(self.env("archive", "gone"))
        self.load(self.kilnd, patched_tar("second\n"), "moving:1")

        row = self.refresh("gone", code=1)["gone"]

        self.assertEqual((row["status"], row["reason"]),
                         ("failed", "it is archived, and stays until kiln env restore gone"))

        self.assertEqual(self.versions("gone"), ["1"])


class UnresolvedTest(BaseCase):
    """Packages that ask for more than the new base has."""

    def setUp(self):
        super().setUp()
        self.load(self.kilnd, base_image.glibc_tar(), "moving:1")

    def picky(self, name, *packages):
        self.channel(*packages)
        self.create(self.system_managed(name=name, base="moving:1", dependencies="[picky]"), "--build")
        return self.show(name)["image"]

    def test_without_a_lock_there_is_no_next_version(self):
        image = self.picky("stuck", "picky 1.0 __glibc >=2.20")
        self.load(self.kilnd, base_image.busybox_tar(), "moving:1")

        for name in ("stuck", "stuck"):
            self.refused(self.env("refresh", name), 4, "picky", "__glibc", "resolving stuck")

        self.assertEqual(self.versions("stuck"), ["1"])
        self.assertEqual(self.good(self.env("build", "stuck")).line, image)
        self.assertEqual(self.refresh("stuck", "--dry-run", code=4)["stuck"]["status"], "unresolved")

    def test_one_that_cannot_be_resolved_keeps_no_other_back(self):
        self.picky("stuck", "picky 1.0 __glibc >=2.20")
        self.picky("worse", "picky 1.0 __glibc >=2.20")
        self.create("name: plain\nimage: moving:1\n", "--build")
        self.load(self.kilnd, base_image.busybox_tar(), "moving:1")

        for words in (("--all", "--dry-run"), ("--all",)):
            answer = self.refused(self.env("refresh", *words), 4, "resolving stuck", "resolving worse")

        self.assertRegex(answer.stdout, "plain +1 to 2 +rebased")
        self.assertEqual(self.versions("stuck") + self.versions("worse"), ["1", "1"])

    def test_what_was_resolved_anew_is_told_in_the_end(self):
        self.picky("train", "picky 1.0 __glibc >=2.20", "picky 0.9")
        self.load(self.kilnd, base_image.busybox_tar(), "moving:1")

        row = self.refresh("train")["train"]

        self.assertEqual((row["status"], row["to_version"]), ("rebuilt", "2"))
        self.assertEqual(row["image"], self.show("train")["image"])
        self.assertEqual(self.content(self.kilnd, row["image"], "opt/env/share/picky"), "picky 0.9\n")


class CutRefreshTest(BaseCase):
    def refresh_until_write(self, count):
        """A refresh on the store as it was, whose one worker dies as it begins that write; the versions it left."""
        shutil.rmtree(self.kilnd.root)
        shutil.copytree(self.path("before"), self.kilnd.root, symlinks=True)
        self.kilnd.start()
        tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(self.kilnd.pid), "-e", "trace=pwrite64",
             "-e", f"inject=pwrite64:signal=KILL:when={count}", "-o", self.path("writes")],
            stderr=subprocess.PIPE, text=True)
        if "attached" not in tracer.stderr.readline():
            tracer.wait(PATIENCE)
            self.skipTest("no tracing here")
        self.env("refresh", "train", "--pull=never")
        self.kilnd.kill()
        tracer.stderr.close()
        tracer.wait(PATIENCE)
        self.kilnd.start()
        return self.versions("train")

    def cut_behind_the_version(self):
        """A refresh ends where its version is there, and nothing that follows: at the first write that leaves one."""
        self.need("strace")
        self.channel("tool 1.0")
        self.load(self.kilnd, base_image.busybox_tar(), "moving:1")
        self.create(self.system_managed(base="moving:1"), "--build")
        self.load(self.kilnd, base_image.glibc_tar(), "moving:1")  # another target: no lock of its own is kept
        self.channel("tool 2.0")
        self.assertEqual(self.kilnd.stop(), 0)
        shutil.copytree(self.kilnd.root, self.path("before"), symlinks=True)
        self.kilnd.arguments += ["--workers", "1"]
        without, with_it = 0, 256
        while with_it - without > 1:
            count = (without + with_it) // 2
            if self.refresh_until_write(count) == ["1"]:
                without = count
            else:
                with_it = count
            self.kilnd.stop()
        self.assertEqual(self.refresh_until_write(with_it), ["2", "1"])
        self.assertIsNone(self.show("train")["image"], "it was added, and nothing was built")

    def test_the_lock_is_there_before_the_version(self):
        self.cut_behind_the_version()

        built = self.good(self.env("build", "train")).line

        self.assertEqual(self.content(self.kilnd, built, "opt/env/share/tool"), "tool 1.0\n")

    def test_a_refresh_goes_on_where_another_was_cut_off(self):
        self.cut_behind_the_version()

        done = self.refresh("train", "--pull=never")["train"]

        self.assertEqual((done["from_version"], done["to_version"], done["status"]), ("1", "2", "rebased"), done)
        self.assertEqual(self.content(self.kilnd, self.show("train")["image"], "opt/env/share/tool"), "tool 1.0\n")
        self.assertEqual(self.refresh("train", "--pull=never")["train"]["status"], "current")


class TakenImageTest(BaseCase, RegistryCase):
    """An image that another daemon of the team built, on a base that moved here before it moved there."""

    def take(self, more=""):
        self.channel("tool 1.0")
        config = self.write("kilnd.toml", f'[workspaces.default]\nregistry = "{self.registry(password=False)}/team"\n')
        other = self.daemon("other", arguments=["--config", config])
        for daemon in (other, self.kilnd):
            self.load(daemon, base_image.busybox_tar(), "moving:1")
        definition = self.define(self.system_managed(base="moving:1", more=more))
        self.good(other.kiln("env", "create", "-f", definition, "--build"))
        self.kilnd.stop()
        self.kilnd.arguments = ["--config", config]
        self.kilnd.start()
        self.good(self.env("create", "-f", definition))
        self.good(self.env("build", "train", "--pull"))
        self.load(self.kilnd, patched_tar("twice"), "moving:1")

    def test_its_packages_are_sent_for_the_next_version(self):
        self.take()

        answer = self.good(self.env("refresh", "train"))

        self.assertRegex(answer.stdout, "train +1 to 2 +rebuilt")
        self.assertRegex(answer.stderr, "train is built from packages of this host: .*tool-1.0-0.conda was not sent")
        self.assertEqual(self.content(self.kilnd, self.show("train")["image"], "opt/env/share/tool"), "tool 1.0\n")
        self.assertEqual(self.refresh("train")["train"]["status"], "current")

    def test_a_daemon_that_follows_the_base_says_that_they_are_to_be_sent(self):
        self.take("auto_rebuild: on_base_image_update\n")

        self.assertRegex(self.followed(), "train:2 waits for its packages: .*tool-1.0-0.conda was not sent")

    def test_packages_that_are_gone_are_told_and_keep_no_other_back(self):
        self.take()
        self.create("name: plain\nimage: moving:1\n", "--build")
        os.unlink(self.path("channel/linux-64/tool-1.0-0.conda"))
        self.load(self.kilnd, patched_tar("again"), "moving:1")

        answer = self.env("refresh", "train", "plain")

        self.refused(answer, 4, "tool-1.0-0.conda", "building train:2")
        self.assertEqual(self.show("plain")["version"], "2")
        self.assertIsNone(self.show("train")["image"])


class ArchivedBaseTest(BaseCase):
    def test_the_image_of_an_archived_environment_is_no_base_for_new_ones(self):
        self.channel("tool 1.0")
        self.create(self.system_managed(), "--build")
        name = self.show("train")["image_name"]
        self.create(f"name: above\nimage: {name}\n", "--build")
        self.good(self.env("archive", "train"))

        self.refused(self.env("create", "-f", self.define(f"name: next\nimage: {name}\n")), 4, "env.yml:2:8",
                     f"{name} is the image of train:1, which is archived", "kiln env restore train:1")
        self.write("docker/Dockerfile", f"# on it\nFROM {name}\n")
        self.refused(self.env("create", "-f", self.define("name: next\nbuild: {path: docker}\n")), 4,
                     "Dockerfile:2:6", "which is archived")
        self.assertEqual(self.refresh("above")["above"]["status"], "current")
        self.good(self.env("build", "above"))
        self.good(self.env("restore", "train"))
        self.create(f"name: next\nimage: {name}\n")

    def test_an_archived_image_of_ones_own_is_still_everybodys_base(self):
        self.create("name: plain\nimage: base:1\n", "--build")
        self.good(self.env("archive", "plain"))

        self.create("name: next\nimage: base:1\n", "--build")

    def test_the_name_of_an_environment_is_no_image(self):
        self.refused(self.env("create", "-f", self.define("name: a\nimage: azureml:train:3\n")), 2, "env.yml:2",
                     "azureml:train:3 names an environment", "kiln env show train:3")


if __name__ == "__main__":
    import unittest
    unittest.main()
