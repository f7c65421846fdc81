"""kiln env curate: environments that are used as they are, out of a directory, a registry or another workspace."""
import os
import shutil

from env_test import EnvironmentTest
from support.registry import RegistryCase


class CuratedCase(EnvironmentTest):
    def rows(self, daemon=None, *words):
        listed = self.good((daemon or self.kilnd).kiln("env", "list", "--format", "json", *words)).json
        return {row["name"]: row for row in listed["environments"]}


class DirectoryTest(CuratedCase):
    def setUp(self):
        super().setUp()
        self.channel("tool 1.0")
        self.write("set/AzureML-plain.yml", "name: AzureML-plain\nimage: base:1\nversion: '3'\n")
        self.write("set/train/env.yaml", "name: train\nimage: base:1\nconda_file: conda.yml\n")
        self.write("set/train/conda.yml",
                   f"name: conda\nchannels: ['{self.path('channel')}', nodefaults]\ndependencies: [tool]\n")
        self.write("set/docker/env.yml", "name: docker\nbuild: {path: context}\n")
        self.write("set/docker/context/Dockerfile", "FROM base:1\nCOPY app /app\n")
        self.write("set/docker/context/app", "app\n")
        self.write("set/README.md", "no definition\n")

    def curate(self, *words):
        return self.env("curate", self.path("set"), *words)

    def test_a_set_is_taken_in_and_used_as_it_is(self):
        answer = self.good(self.curate())

        self.assertEqual(answer.stdout.split(), ["AzureML-plain:3", "docker:1", "train:1"])
        self.assertIn("3 of 3 are new", answer.stderr)
        self.assertEqual({row["origin"] for row in self.rows().values()}, {f"curated {self.path('set')}"})
        image = self.good(self.env("build", "train")).line
        self.assertEqual(self.content(self.kilnd, image, "opt/env/share/tool"), "tool 1.0\n")
        self.good(self.env("build", "docker"))
        self.assertIn("0 of 3 are new", self.good(self.curate()).stderr)

    def test_what_is_curated_is_changed_under_another_name_only(self):
        self.good(self.curate())
        another = self.define("name: train\nimage: base:1\n")

        self.refused(self.env("create", "-f", another), 4, "train is the name of a curated environment",
                     "save it under another name")
        for words in (("set", "train", "--tag", "a=b"), ("archive", "train"), ("archive", "train:1"),
                      ("refresh", "train")):
            self.refused(self.env(*words), 4, "train is curated", "kiln env copy train NAME")
        self.refused(self.env("copy", "docker", "train"), 4, "curated")
        self.refused(self.env("copy", "docker", "AzureML-mine"), 4, "reserved")
        self.assertEqual(self.good(self.env("copy", "train", "mine")).line, "mine:1")
        self.good(self.env("set", "mine", "--tag", "a=b"))
        self.assertEqual(self.rows()["train"]["tags"], {})
        self.assertNotIn("train", self.good(self.env("refresh", "--all")).stdout)

    def test_a_newer_set_brings_the_next_versions_and_keeps_the_old(self):
        self.good(self.curate())
        old = self.good(self.env("build", "docker")).line
        self.write("set/docker/context/app", "another\n")
        self.write("set/AzureML-plain.yml", "name: AzureML-plain\nimage: base:1\nversion: '3'\ndescription: plain\n")
        shutil.rmtree(self.path("set/train"))
        self.write("set/later.yml", "name: later\nimage: base:1\n")

        answer = self.good(self.curate())

        self.assertEqual(answer.stdout.split(), ["AzureML-plain:3", "later:1", "docker:2"])
        self.assertIn("2 of 3 are new", answer.stderr)
        self.assertEqual(self.good(self.env("build", "docker:1")).line, old)
        self.assertNotEqual(self.good(self.env("build", "docker")).line, old)
        self.assertEqual(self.rows()["AzureML-plain"]["description"], "plain")
        self.assertIn("train", self.rows())

    def test_what_is_refused_keeps_no_other_out(self):
        self.write("set/broken.yml", "name: broken\nimmage: base:1\n")
        self.refused(self.curate(), 2, "set/broken.yml:2", "immage")
        self.assertEqual(sorted(self.rows()), ["AzureML-plain", "docker", "train"])
        os.remove(self.path("set/broken.yml"))
        self.write("set/changed.yml", "name: AzureML-plain\nimage: base:1\nversion: '3'\nplatform: linux/arm64\n")
        self.refused(self.curate(), 4, "AzureML-plain:3 exists with another definition")

    def test_a_name_of_ones_own_is_not_taken_away(self):
        self.create("name: train\nimage: base:1\n")

        self.refused(self.curate(), 4, "train is an environment of the workspace default itself", "--workspace")

        self.assertEqual(self.rows()["train"]["origin"], "custom")
        self.good(self.curate("--workspace", "shipped"))
        self.assertEqual(sorted(self.rows(None, "--workspace", "shipped")), ["AzureML-plain", "docker", "train"])

    def test_sources_that_are_none(self):
        os.mkdir(self.path("empty"))
        self.refused(self.env("curate", self.path("empty")), 4, "there is no definition in", "*.yml")
        self.refused(self.env("curate", self.path("nowhere")), 4, "nowhere")
        self.refused(self.env("curate", "team/curated"), 2, "team/curated is neither a directory", "HOST/NAME")
        self.refused(self.env("curate", "workspace:nobody"), 4, "workspace:nobody holds no environment")
        self.refused(self.env("curate"), 2, "the workspace default has no curated source", "[workspaces.default]")


class FollowingTest(CuratedCase):
    def test_a_workspace_follows_what_another_curates(self):
        self.write("set/one.yml", "name: one\nimage: base:1\n")
        self.write("set/two.yml", "name: two\nimage: base:1\n")
        config = self.write("kilnd.toml", f'''
            [workspaces.shipped]
            curated_source = "{self.path('set')}"
            [workspaces.team]
            curated_source = "workspace:shipped"
            [workspaces.guests]
            curated_source = "workspace:team"
            ''')
        self.kilnd.stop()
        self.kilnd.arguments = ["--config", config]
        self.kilnd.start()
        two = self.define("name: two\nimage: base:1\ndescription: ours\n")
        self.good(self.env("create", "-f", two, "--workspace", "team"))

        self.good(self.env("curate", "--workspace", "shipped"))

        team, guests = self.rows(None, "--workspace", "team"), self.rows(None, "--workspace", "guests")
        self.assertEqual({name: row["origin"] for name, row in team.items()},
                         {"one": "curated workspace:shipped", "two": "custom"})
        self.assertEqual({name: row["origin"] for name, row in guests.items()}, {"one": "curated workspace:team"})
        self.refused(self.env("set", "one", "--tag", "a=b", "--workspace", "team"), 4, "curated")
        self.write("set/one.yml", "name: one\nimage: base:1\nplatform: linux/arm64\n")
        self.good(self.env("curate", "--workspace", "shipped"))
        self.assertEqual(self.rows(None, "--workspace", "guests")["one"]["version"], "2")
        self.assertIn("two is an environment of the workspace team itself", self.kilnd.log_text)

    def test_following_that_is_configured_later_catches_up(self):
        self.write("set/one.yml", "name: one\nimage: base:1\n")
        self.good(self.env("curate", self.path("set")))
        config = self.write("kilnd.toml", '[workspaces.team]\ncurated_source = "workspace:default"\n')
        self.kilnd.stop()
        self.kilnd.arguments = ["--config", config]
        self.kilnd.start()

        self.assertEqual(self.good(self.env("curate", "--workspace", "team")).stdout.split(), ["one:1"])

        self.assertEqual(list(self.rows(None, "--workspace", "team")), ["one"])


class RegistrySetTest(CuratedCase, RegistryCase):
    def test_a_repository_of_shared_environments_is_a_set(self):
        self.channel("tool 1.0")
        host = self.registry()
        team = self.daemon("team")
        for daemon in (self.kilnd, team):
            self.good(daemon.kiln("login", host, "-u", "me", "-p", "secret"))
        where = f"{host}/team/curated"
        self.create(self.system_managed(more="tags: {owner: platform}\n"), "--build")
        self.create("name: plain\nimage: base:1\n", "--build")
        self.good(self.env("share", "train", f"{where}:train-1"))
        self.good(self.env("share", "plain", f"{where}:plain-1"))
        self.good(self.build(self.kilnd, "FROM base:1\nCOPY a /a\n", {"a": "a"}, "-t", f"{where}:image"))
        self.good(self.kilnd.kiln("push", f"{where}:image"))

        answer = self.good(team.kiln("env", "curate", where))

        self.assertEqual(sorted(answer.stdout.split()), ["plain:1", "train:1"])
        self.assertIn(f"passed over: {where}:image is an image without an environment", answer.stderr)
        ours, theirs = self.rows(), self.rows(team)
        for name in ("train", "plain"):
            self.assertEqual([theirs[name][key] for key in ("hash", "image", "tags")],
                             [ours[name][key] for key in ("hash", "image", "tags")])
            self.assertEqual(theirs[name]["origin"], f"curated {where}")
        self.refused(team.kiln("env", "archive", "train"), 4, "curated")
        self.assertIn("0 of 2 are new", self.good(team.kiln("env", "curate", where)).stderr)
        self.refused(team.kiln("env", "import", f"{where}:train-1"), 4, "train is the name of a curated environment")
        self.refused(team.kiln("env", "curate", f"{where}:image"), 4, "is an image without an environment")
        self.refused(team.kiln("env", "curate", f"{host}/team/nothing"), 4, f"{host}/team/nothing")
        self.clean(team)


if __name__ == "__main__":
    import unittest
    unittest.main()
