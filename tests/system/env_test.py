"""kiln env: definitions become versions, and versions images that are built once."""
import hashlib
import os
import re

from support import base_image
from support.case import SystemTest
from support.channel import make_package, repodata
from support.registry import RegistryCase

SHOW = "name version hash lock_hash image".split()


class EnvironmentTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.kilnd = self.daemon_with_base()
        self.packages = {}

    # --- channels

    def channel(self, *packages):
        """A directory of packages of one file each: "name version [dependency…]"."""
        where = self.path("channel")
        os.makedirs(os.path.join(where, "linux-64"), exist_ok=True)
        os.makedirs(os.path.join(where, "noarch"), exist_ok=True)
        for words in map(str.split, packages):
            name, version, depends = words[0], words[1], [" ".join(words[2:])] if words[2:] else []
            packed = make_package(name, depends, {f"share/{name}": f"{name} {version}\n"}, version)
            file = f"{name}-{version}-0.conda"
            self.write(os.path.join(where, "linux-64", file), packed)
            self.packages[file] = {
                "name": name, "version": version, "build": "0", "build_number": 0, "depends": depends,
                "subdir": "linux-64", "sha256": hashlib.sha256(packed).hexdigest(), "size": len(packed)}
        self.write(os.path.join(where, "linux-64", "repodata.json"), repodata(*self.packages.items()))
        self.write(os.path.join(where, "noarch", "repodata.json"), repodata(subdir="noarch"))
        return where

    # --- environments

    def define(self, text, file="env.yml"):
        return self.write(file, text)

    def env(self, *words, **options):
        return self.kilnd.kiln("env", *words, **options)

    def create(self, text, *words):
        return self.good(self.env("create", "-f", self.define(text), *words)).stdout.split()

    def show(self, reference):
        return self.good(self.env("show", reference)).json

    def system_managed(self, name="train", dependencies="[tool]", base="base:1", more=""):
        return (f"name: {name}\nimage: {base}\n{more}conda_file:\n"
                f"  channels: ['{self.path('channel')}', nodefaults]\n  dependencies: {dependencies}\n")


class DefinitionTest(EnvironmentTest):
    def test_a_definition_is_a_version_and_the_same_again_is_the_same_version(self):
        self.channel("tool 1.0")

        self.assertEqual(self.create(self.system_managed()), ["train:1"])
        self.assertEqual(self.create("# the same\n" + self.system_managed()), ["train:1"])
        self.assertEqual(self.create(self.system_managed(dependencies="[tool, 'tool <2']")), ["train:2"])
        shown = self.show("train:1")
        self.assertEqual([shown[key] for key in ("name", "version", "image")], ["train", "1", None])
        self.assertRegex(shown["hash"], "^sha256:[0-9a-f]{64}$")
        self.assertEqual(shown["kind"], "system-managed")
        self.assertEqual(shown["bases"][0]["name"], "base:1")
        canonical = self.good(self.env("show", "train:1", "--canonical")).stdout.rstrip("\n")
        self.assertEqual("sha256:" + hashlib.sha256(canonical.encode()).hexdigest(), shown["hash"])

    def test_a_file_that_is_not_there_is_told_with_the_line_that_names_it(self):
        for line, place in (("image: base:1\nconda_file: none.yml\n", "3:13"), ("image: base:1\nlock: none.yml\n", "3:7"),
                            ("build: {path: '.', dockerfile_path: none.yml}\n", "2:37")):
            self.refused(self.env("create", "-f", self.define("name: a\n" + line)), 4, "there is no ", "none.yml",
                         f"env.yml:{place}")

    def test_a_channel_that_is_none_makes_no_version(self):
        definition = "name: a\nimage: base:1\nconda_file: {channels: [./chan], dependencies: [tool]}\n"

        self.refused(self.env("create", "-f", self.define(definition)), 2, "./chan", "env.yml:3")

        secret = "name: a\nimage: base:1\nconda_file: {channels: ['https://h.example/t/s3cret/c'], dependencies: [tool]}\n"
        told = self.refused(self.env("create", "-f", self.define(secret)), 2, "holds a password or a token", "[conda.credentials]")
        self.assertNotIn("s3cret", told.stderr)
        self.refused(self.env("show", "a"), 4, "there is no environment a")

    def test_an_image_whose_name_was_taken_away_gets_it_again(self):
        image = self.create("name: plain\nimage: base:1\n", "--build")[1]
        name = self.show("plain")["image_name"]
        self.good(self.kilnd.kiln("rmi", name))

        self.assertEqual(self.good(self.env("build", "plain")).line, image)

        self.assertEqual(self.good(self.kilnd.kiln("inspect", name)).json["digest"], image)

    def test_the_channels_of_a_workspace_may_be_directories(self):
        where = self.channel("tool 1.0")
        self.kilnd.stop()
        self.kilnd.arguments = ["--config", self.write(
            "kilnd.toml", f'[workspaces.default]\ndefault_channels = ["file://{where}"]\n')]
        self.kilnd.start()

        image = self.create("name: tools\nimage: base:1\nconda_file: {dependencies: [tool]}\n", "--build")[1]

        self.assertEqual(self.content(self.kilnd, image, "opt/env/share/tool"), "tool 1.0\n")

    def test_an_explicit_version_does_not_change(self):
        self.create("name: plain\nversion: '7'\nimage: base:1\n")
        self.load(self.kilnd, base_image.glibc_tar(), "other:1")

        again = self.env("create", "-f", self.define("name: plain\nversion: '7'\nimage: other:1\n"))

        self.refused(again, 4, "plain:7 exists with another definition", "env.yml:2:10", "leave the version out")

    def test_notes_change_in_place_and_archived_ones_are_not_listed(self):
        self.create("name: plain\nimage: base:1\ntags: {team: a, old: x}\n")
        self.good(self.env("set", "plain", "--tag", "team=b", "--tag", "old=", "--description", "What it is for"))
        shown = self.show("plain")
        self.assertEqual((shown["version"], shown["tags"], shown["description"]), ("1", {"team": "b"}, "What it is for"))

        self.good(self.env("archive", "plain"))
        self.assertEqual(self.good(self.env("list", "--format", "json")).json["environments"], [])
        listed = self.good(self.env("list", "--include-archived", "--format", "json")).json["environments"]
        self.assertEqual([row["archived"] for row in listed], [True])
        self.assertEqual(self.good(self.env("list", "--name", "plain", "--format", "json")).json["versions"], [])
        self.assertIn("1 (archived)", self.good(self.env("list", "--name", "plain", "--include-archived")).stdout)
        self.good(self.env("build", "plain"))
        self.good(self.env("restore", "plain"))
        self.assertIn("plain", self.good(self.env("list")).stdout)

    def test_the_same_file_again_leaves_what_was_edited(self):
        file = self.define("name: plain\nimage: base:1\ntags: {team: a}\n")
        self.good(self.env("create", "-f", file))
        self.good(self.env("set", "plain", "--tag", "team=b", "--description", "edited", "--property", "p=1"))
        edited = self.show("plain")

        self.good(self.env("create", "-f", file))
        self.assertEqual(self.show("plain"), edited)

        self.good(self.env("create", "-f", self.define(
            "name: plain\nimage: base:1\ntags: {team: c}\nauto_rebuild: on_base_image_update\n")))
        shown = self.show("plain")
        self.assertEqual((shown["version"], shown["tags"], shown["description"], shown["auto_rebuild"]),
                         ("1", {"team": "c"}, "", "on_base_image_update"))

    def test_of_edits_that_meet_none_is_lost(self):
        self.create("name: plain\nimage: base:1\n")
        names = [f"tag{i}" for i in range(8)]

        for running in [self.kilnd.begin("env", "set", "plain", "--tag", f"{name}=x") for name in names]:
            self.assertEqual(running.communicate()[1], b"")

        self.assertEqual(sorted(self.show("plain")["tags"]), names)

    def test_files_beside_the_definition_are_brought_along(self):
        where = self.channel("tool 1.0")
        self.write("conf/conda.yml", f"channels: ['{where}', nodefaults]\ndependencies: [tool]\n")
        self.write("conf/docker/Dockerfile", "FROM base:1\nCOPY app /app\n")
        self.write("conf/docker/app", "app\n")
        self.write("conf/docker/ignored.log", "1\n")
        self.write("conf/docker/.dockerignore", "*.log\n")
        file = self.define("name: both\nbuild: {path: docker}\nconda_file: conda.yml\n", "conf/env.yml")

        image = self.good(self.env("build", "-f", file)).line
        self.write("conf/docker/ignored.log", "2\n")

        self.assertEqual(self.content(self.kilnd, image, "app"), "app\n")
        self.assertEqual(self.content(self.kilnd, image, "opt/env/share/tool"), "tool 1.0\n")
        self.assertEqual(self.good(self.env("build", "-f", file)).line, image)
        self.assertEqual(self.show("both")["version"], "1")
        self.write("conf/docker/app", "another\n")
        self.good(self.env("create", "-f", file))
        self.assertEqual(self.show("both")["version"], "2")
        self.clean(self.kilnd)

    def test_what_is_wrong_is_said_with_the_line(self):
        self.channel("tool 1.0")
        for text, code, *said in (
                ("name: a\nimmage: base:1\n", 2, "env.yml:2", "immage", "image"),
                ("name: a\nimage: base:1\nbuild: {path: .}\n", 2, "env.yml", "image", "build"),
                ("name: a\n", 2, "image", "build"),
                ("name: a\nconda_file: c.yml\n", 2, "conda_file"),
                ("name: a\nimage: base:1\nos_type: windows\n", 2, "indows"),
                ("name: AzureML-mine\nimage: base:1\n", 4, "AzureML-mine"),
                ("name: a\nimage: gone:1\n", 4, "env.yml:2", "gone:1"),
                ("name: a\nimage: base:1\nconda_file: nowhere.yml\n", 4, "nowhere.yml"),
                (self.system_managed(dependencies="[tool >=>1]"), 2, "env.yml")):
            self.refused(self.env("create", "-f", self.define(text)), code, *said)
        self.assertEqual(self.good(self.env("list", "--format", "json")).json["environments"], [])
        self.refused(self.env("show", "trian"), 4, "no environment trian")
        self.create("name: train\nimage: base:1\n")
        self.refused(self.env("show", "trian"), 4, "did you mean train?")
        self.refused(self.env("show", "train:9"), 4, "no version 9", "it has 1")


class BuildTest(EnvironmentTest):
    def test_one_definition_is_built_once_whatever_it_is_called(self):
        self.channel("tool 1.0", "base-tool 2.0")
        image = self.create(self.system_managed(), "--build")[1]
        builds = len(self.good(self.kilnd.kiln("builds", "--format", "json")).json["builds"])

        self.create(self.system_managed(name="another", more="description: the same\ntags: {a: b}\n"))
        self.assertEqual(self.good(self.env("build", "another")).line, image)
        self.good(self.env("copy", "train", "third:5"))
        self.assertEqual(self.good(self.env("build", "third:5")).line, image)

        self.assertEqual(len(self.good(self.kilnd.kiln("builds", "--format", "json")).json["builds"]), builds)
        self.assertEqual(self.content(self.kilnd, image, "opt/env/share/tool"), "tool 1.0\n")
        config = self.good(self.kilnd.kiln("inspect", image)).json["config"]["config"]
        shown = self.show("train")
        self.assertEqual(config["Labels"], {
            "kiln.environment.hash": shown["hash"], "kiln.environment.lock": shown["lock_hash"],
            "kiln.environment.prefix": "/opt/env"})
        self.assertIn("CONDA_PREFIX=/opt/env", config["Env"])
        self.assertTrue(any(each.startswith("PATH=/opt/env/bin:") for each in config["Env"]))
        which = self.good(self.env("which", image, "--format", "json")).json["environments"]
        self.assertEqual([row["name"] for row in which], ["another", "third", "train"])
        name = "kiln/env_" + shown["hash"].removeprefix("sha256:")[:32]
        self.assertIn(name, self.names(self.kilnd))

    def test_the_lock_stays_however_the_channel_moves(self):
        self.channel("tool 1.0")
        first = self.create(self.system_managed(), "--build")[1]
        self.channel("tool 1.1")

        self.create(self.system_managed(name="later", more="prefix: /opt/env\n"))
        self.assertEqual(self.good(self.env("build", "later")).line, first)
        rebuilt = self.good(self.env("build", "train", "--rebuild")).line

        self.assertNotEqual(rebuilt, first)
        self.assertEqual(self.content(self.kilnd, rebuilt, "opt/env/share/tool"), "tool 1.1\n")
        self.assertEqual(self.good(self.env("build", "later")).line, rebuilt)
        name = "kiln/env_" + self.show("train")["hash"].removeprefix("sha256:")[:32]
        self.assertEqual(self.good(self.kilnd.kiln("inspect", name)).json["digest"], rebuilt)
        self.assertEqual(self.good(self.kilnd.kiln("inspect", name + "-1")).json["digest"], first)
        self.assertIn("train", self.good(self.env("which", first)).stdout)

    def test_the_pinned_base_is_built_on_for_ever(self):
        self.create("name: plain\nimage: base:1\n")
        before = self.good(self.kilnd.kiln("inspect", "base:1")).json["digest"]
        self.load(self.kilnd, base_image.glibc_tar(), "base:1")

        self.assertEqual(self.good(self.env("build", "plain:1")).line, before)
        self.create("name: plain\nimage: base:1\n")
        self.assertNotEqual(self.good(self.env("build", "plain")).line, before)
        told = self.good(self.env("diff", "plain:1", "plain:2")).stdout
        self.assertRegex(told, "base")
        self.assertIn("base", self.good(self.env("history", "plain")).stdout)

    def test_what_a_version_needs_outlives_a_collection(self):
        where = self.channel("tool 1.0")
        self.write("docker/Dockerfile", "FROM base:1\nCOPY app /app\n")
        self.write("docker/app", "app\n")
        self.create("name: docker\nbuild: {path: docker}\n")
        self.create(self.system_managed())
        self.good(self.kilnd.kiln("rmi", "base:1"))
        self.good(self.kilnd.kiln("gc", "--keep-size", "0"))

        self.assertEqual(self.content(self.kilnd, self.good(self.env("build", "docker")).line, "app"), "app\n")
        self.good(self.env("build", "train"))
        self.clean(self.kilnd)

    def test_an_anonymous_one_is_known_by_its_hash(self):
        file = self.define("image: base:1\n")

        created = self.good(self.env("create", "--anonymous", "-f", file)).line

        self.assertRegex(created, "^[0-9a-f]{64}$")
        self.assertEqual(self.good(self.env("create", "--anonymous", "-f", file)).line, created)
        self.assertEqual(self.show(created)["hash"], "sha256:" + created)
        self.assertEqual(self.show("sha256:" + created)["version"], created)
        self.assertEqual(self.good(self.env("list", "--format", "json")).json["environments"], [])
        self.assertEqual(self.good(self.env("build", "-f", file)).line, self.good(self.env("build", created)).line)
        self.refused(self.env("create", "-f", file), 2, "the environment has no name", "env.yml:1:1", "--anonymous")

    def test_many_who_want_one_hash_wait_for_one_build(self):
        self.channel("tool 1.0")
        self.write("docker/Dockerfile", "FROM base:1\nRUN sleep 1; date +%s%N > /when\n")
        self.create("name: once\nbuild: {path: docker}\n")

        running = [self.kilnd.begin("env", "build", "once") for _ in range(4)]
        images = {process.communicate()[0].decode().strip() for process in running}

        self.assertEqual(len(images), 1)
        self.assertRegex(images.pop(), "^sha256:")
        self.assertEqual(len(self.show("once")["images"]), 1)

    def test_forms_of_others(self):
        self.channel("tool 1.0")
        self.create(self.system_managed(), "--build")
        for form, said in (("explicit", "tool-1.0-0.conda#"), ("conda-lock", "tool"), ("environment", "- tool"),
                           ("azureml", "name: train"), ("dockerfile", "FROM ")):
            self.assertIn(said, self.good(self.env("export", "train", "--format", form)).stdout, form)


class RefreshTest(EnvironmentTest):
    def setUp(self):
        super().setUp()
        self.channel("tool 1.0", "picky 1.0 __glibc >=2.20")
        self.load(self.kilnd, base_image.glibc_tar(), "moving:1")

    def refresh(self, *words):
        return {row["name"]: row for row in self.good(self.env("refresh", *words, "--format", "json")).json["environments"]}

    def move(self, text="patched"):
        extra = base_image.tar([base_image.file("etc/patch", text)])
        self.write("patch.tar", extra)
        self.good(self.build(self.kilnd, f"FROM moving:1\nRUN true\nCOPY patch.tar /patch\n", {"patch.tar": extra}, "-t", "moving:1"))

    def test_environments_whose_base_moved_get_a_next_version_with_the_same_layers(self):
        before = self.create(self.system_managed(base="moving:1"), "--build")[1]
        self.create("name: still\nimage: base:1\n", "--build")
        self.assertEqual({name: row["status"] for name, row in self.refresh("--all").items()},
                         {"train": "current", "still": "current"})
        self.move()
        self.channel("tool 2.0")

        dry = self.refresh("--all", "--dry-run")["train"]
        self.assertEqual((dry["status"], dry["to_version"]), ("moved", None))
        self.assertGreater(dry["moved_bytes"], 0)
        self.assertEqual(self.show("train")["version"], "1")
        done = self.refresh("--all")["train"]

        self.assertEqual((done["status"], done["to_version"]), ("rebased", "2"), done)
        after = self.good(self.env("build", "train")).line
        self.assertEqual(done["image"], after)
        self.assertNotEqual(after, before)
        self.assertEqual(self.content(self.kilnd, after, "opt/env/share/tool"), "tool 1.0\n")
        layers = [[layer["diff_id"] for layer in self.kilnd.kiln("layers", image, "--format", "json").json["layers"]]
                  for image in (before, after)]
        self.assertEqual(layers[0][-2:], layers[1][-2:])
        self.assertEqual(self.good(self.env("build", "train:1")).line, before)
        self.assertEqual(self.refresh("train")["train"]["status"], "current")

    def test_a_step_that_looks_at_its_base_is_rebuilt_and_said_so(self):
        self.write("docker/Dockerfile", "FROM moving:1\nRUN echo built > /built\n")
        self.load(self.kilnd, base_image.busybox_tar(), "moving:1")
        self.create("name: docker\nbuild: {path: docker}\n", "--build")
        self.write("docker/Dockerfile", "FROM moving:1\nRUN cat /patch* > /built || true\n")
        self.create("name: docker\nbuild: {path: docker}\n", "--build")
        self.move()

        row = self.refresh("docker")["docker"]

        self.assertEqual(row["status"], "rebuilt", row)
        self.assertIn("ran on the old base and depends on it", row["reason"])

    def test_packages_that_do_not_fit_the_new_base_are_resolved_anew(self):
        self.create(self.system_managed(base="moving:1", dependencies="['tool', picky]"), "--build")
        self.load(self.kilnd, base_image.busybox_tar(), "moving:1")

        answer = self.env("refresh", "train")

        self.refused(answer, 4, "__glibc", "picky")



class RegistryTest(RegistryCase):
    """Two daemons of one team: what one built, the other finds by its name."""

    def two_daemons(self, registry):
        config = self.write("kilnd.toml", f'[workspaces.default]\nregistry = "{registry}/team"\n')
        self.write("docker/Dockerfile", "FROM base:1\nCOPY app /app\n")
        self.write("docker/app", "app\n")
        self.definition = self.write("env.yml", "name: shared\nbuild: {path: docker}\n")
        both = [self.daemon(name, arguments=["--config", config]) for name in ("one", "two")]
        for daemon in both:
            self.load(daemon, base_image.busybox_tar(), "base:1")
        return both

    def test_what_one_daemon_built_the_other_takes_from_the_registry(self):
        registry = self.registry()
        one, two = self.two_daemons(registry)
        for daemon in (one, two):
            self.good(daemon.kiln("login", registry, "-u", "me", "-p", "secret"))
        built = self.good(one.kiln("env", "create", "-f", self.definition, "--build")).stdout.split()[1]

        found = self.good(two.kiln("env", "build", "-f", self.definition))
        self.assertEqual(found.line, built)
        self.assertIn("it is in the registry, as ", found.stderr)
        self.assertIsNone(self.good(two.kiln("env", "show", "shared")).json["image"])

        self.assertEqual(self.good(two.kiln("env", "build", "shared", "--pull")).line, built)
        self.assertEqual(self.content(two, built, "app"), "app\n")
        shown = [self.good(daemon.kiln("env", "show", "shared")).json for daemon in (one, two)]
        self.assertEqual([shown[1][key] for key in SHOW], [shown[0][key] for key in SHOW])
        self.clean(two)

    def test_a_shared_environment_is_the_same_elsewhere(self):
        registry = self.registry(password=False)
        one, two = self.daemon_with_base(name="one"), self.daemon(name="two")
        definition = self.write("env.yml", "name: carried\nimage: base:1\nversion: '3'\ntags: {team: blue}\n")
        self.good(one.kiln("env", "create", "-f", definition))
        where = f"{registry}/team/carried:3"

        shared = self.good(one.kiln("env", "share", "carried:3", where)).line
        taken = self.good(two.kiln("env", "import", where)).line

        self.assertEqual(taken, "carried:3")
        shown = [self.good(daemon.kiln("env", "show", "carried")).json for daemon in (one, two)]
        self.assertEqual([shown[1][key] for key in SHOW], [shown[0][key] for key in SHOW])
        self.assertEqual((shown[1]["tags"], shown[1]["image"]), ({"team": "blue"}, shared))
        attached = self.good(two.kiln("inspect", shared)).json["referrers"]
        self.assertIn("application/spdx+json", [each["artifact_type"] for each in attached])
        self.assertEqual(self.good(two.kiln("env", "import", where)).line, taken)
        self.good(two.kiln("env", "create", "-f", self.write("env.yml", f"name: other\nimage: {where}\n")))
        self.good(two.kiln("tag", shared, f"{registry}/team/plain:1"))
        self.good(two.kiln("push", f"{registry}/team/plain:1"))
        self.clean(two)

    def test_a_shared_environment_brings_its_build_context(self):
        registry = self.registry(password=False)
        one, two = self.daemon_with_base(name="one"), self.daemon(name="two")
        self.write("docker/Dockerfile", "FROM base:1\nCOPY app sub /srv/\n")
        self.write("docker/app", "app\n")
        for number in range(70):
            self.write(f"docker/sub/{number}", f"{number}\n")
        definition = self.write("env.yml", "name: docker\nbuild: {path: docker}\n")
        built = self.good(one.kiln("env", "create", "-f", definition, "--build")).stdout.split()[1]
        where = f"{registry}/team/docker:1"

        self.good(one.kiln("env", "share", "docker:1", where))
        self.good(two.kiln("env", "import", where))
        self.load(two, base_image.busybox_tar(), "base:1")
        self.good(two.kiln("gc", "--keep-size", "0"))

        self.assertEqual(self.good(two.kiln("env", "build", "docker", "--rebuild")).line, built)
        self.clean(two)

    def test_a_registry_that_is_gone_is_no_reason_not_to_build(self):
        one, _ = self.two_daemons("127.0.0.1:1")

        # It was built; only the push could not be.
        self.refused(one.kiln("env", "build", "-f", self.definition), 5, "127.0.0.1:1")

        image = self.good(one.kiln("env", "build", "shared")).line
        self.assertEqual(self.content(one, image, "app"), "app\n")


if __name__ == "__main__":
    import unittest
    unittest.main()
