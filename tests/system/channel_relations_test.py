"""What channels say of each other (cep-42): over HTTP and in directories, from a kiln conda lock to an image."""
import hashlib
import os
import shutil

from support.case import SystemTest
from support.channel import ChannelServer, channel, make_package, record, shards

TOOL = [record("tool", "1.0", depends=["lib"])]


class RelationsTest(SystemTest):
    def make(self, name, *records, **relations):
        """A channel below srv/; its relations stand in both subdirs."""
        info = {"channel_relations": relations} if relations else {}
        return channel(self.path("srv", name), records, **info)

    def serve(self, **options):
        server = ChannelServer(self.path("srv"), **options)
        self.addCleanup(server.close)
        return server

    def lock(self, daemon, specs, *channels):
        words = [word for each in channels for word in ("-c", each)]
        return daemon.kiln("conda", "lock", "-", *words, stdin="\n".join(specs).encode())

    def configured(self, setting, name="d"):
        text = f"[conda]\nchannel_relations_max_depth = {setting}\n"
        return self.daemon(name, arguments=["--config", self.write(f"{name}.toml", text)])

    def from_channel(self, answer):
        """Where each package of a lock comes from: the last name of its channel."""
        return {package["name"]: package["url"].split("/")[-3] for package in self.good(answer).json["packages"]}

    def bioconda(self):
        self.make("conda-forge", record("lib"), record("both", "1.0"))
        self.make("bioconda", *TOOL, record("both", "2.0"), base="../conda-forge")


class ServedTest(RelationsTest):
    def test_a_base_is_asked_first_and_said(self):
        self.bioconda()
        server, daemon = self.serve(), self.daemon()
        bioconda, forge = f"{server.url}/bioconda", f"{server.url}/conda-forge"

        answer = self.lock(daemon, ["tool", "both"], bioconda)
        again = self.lock(daemon, ["tool", "both"], bioconda)

        self.assertEqual(self.from_channel(answer),
                         {"tool": "bioconda", "lib": "conda-forge", "both": "conda-forge"})
        self.assertEqual(answer.json["inputs"]["channels"], [bioconda])
        self.assertEqual(answer.json["inputs"]["channel_order"], [forge, bioconda])
        self.assertIn(f"{bioconda} builds upon {forge}, which is asked first", answer.stderr)
        self.assertEqual(self.good(again).stdout, answer.stdout)
        self.assertEqual(len(server.answered(304)), 4)
        self.clean(daemon)

    def test_a_label_is_asked_before_what_it_overrides(self):
        self.make("forge", record("lib"), record("both", "2.0"))
        self.make("forge/label/rc", *TOOL, record("both", "1.0"), overrides="../..")
        server, daemon = self.serve(), self.daemon()

        answer = self.lock(daemon, ["tool", "both"], f"{server.url}/forge/label/rc")

        self.assertEqual(self.from_channel(answer), {"tool": "rc", "lib": "forge", "both": "rc"})
        self.assertIn(f"{server.url}/forge, which is asked after it", answer.stderr)

    def test_the_order_of_the_user_stays(self):
        self.bioconda()
        server, daemon = self.serve(), self.daemon()
        bioconda, forge = f"{server.url}/bioconda", f"{server.url}/conda-forge"

        answer = self.lock(daemon, ["both"], bioconda, forge)

        self.assertEqual(self.from_channel(answer), {"both": "bioconda"})
        self.assertNotIn("channel_order", answer.json["inputs"])
        self.assertNotIn("builds upon", answer.stderr)

    def test_the_index_of_shards_says_it_too(self):
        self.make("forge", record("lib"))
        where = self.make("bio", *TOOL)
        shards(where, TOOL, channel_relations={"base": "../forge", "later": [1]})
        server, daemon = self.serve(), self.daemon()

        answer = self.lock(daemon, ["tool"], f"{server.url}/bio")

        self.assertEqual(self.from_channel(answer), {"tool": "bio", "lib": "forge"})
        self.assertNotIn("/bio/linux-64/repodata.json", server.answered(200))

    def test_relations_are_followed_as_far_as_the_daemon_is_told(self):
        self.make("a", *TOOL, base="../b")
        self.make("b", base="../c")
        self.make("c", record("lib"))
        server = self.serve()

        self.assertEqual(self.from_channel(self.lock(self.configured(2, "two"), ["tool"], f"{server.url}/a")),
                         {"tool": "a", "lib": "c"})
        self.refused(self.lock(self.configured(1, "one"), ["tool"], f"{server.url}/a"), 2,
                     "further than 1 steps", f"{server.url}/c", "channel_relations_max_depth")
        server.requests.clear()
        self.refused(self.lock(self.configured(0, "none"), ["tool"], f"{server.url}/a"), 4, "lib")
        self.assertEqual([line for line in server.requests if "/a/" not in line], [])

    def test_what_cannot_be_followed_is_said_with_the_place_of_the_channel(self):
        self.make("a", *TOOL, base="../b")
        self.make("b", record("lib"), base="../a")
        self.make("odd", *TOOL, base="https://elsewhere.example/x")
        self.make("both", *TOOL, base="../a", overrides="../b/../a")
        self.make("list", *TOOL, base=["../a"])
        self.make("up", *TOOL, base="../../../etc")
        self.make("alone", *TOOL, base="../gone")
        server, daemon = self.serve(), self.daemon()
        for name, code, *said in (
                ("a", 2, "form a cycle", f"{server.url}/a before {server.url}/b, ", "in the order wanted"),
                ("odd", 2, "/odd names a channel", "does not begin with", "channel_relations_max_depth = 0"),
                ("both", 2, "no channel can be at once"),
                ("list", 2, '"base" of the channel_relations of', "/list must be a string"),
                ("up", 2, "leads above the host"),
                ("alone", 4, "gone has no repodata", "/alone builds upon", "channel_relations_max_depth = 0")):
            file = self.write("environment.yml", f"channels:\n  - nodefaults\n  - {server.url}/{name}\n"
                                                 "dependencies: [tool]\n")
            self.refused(daemon.kiln("conda", "lock", file), code, "environment.yml:3:5", "hint: ", *said)
        self.assertEqual([line for line in server.requests if "etc" in line], [])
        self.clean(daemon)

    def test_a_token_is_for_the_channel_it_was_given_for(self):
        self.bioconda()
        server, daemon = self.serve(token="s3cret"), self.daemon()

        refused = self.lock(daemon, ["tool"], f"{server.url}/t/s3cret/bioconda")

        self.refused(refused, 4, "conda-forge", "answers 403", "[conda.credentials]")
        self.assertEqual([line for line in server.requests if "conda-forge" in line and "s3cret" in line], [])
        self.assertNotIn("s3cret", refused.stderr + daemon.log_text)
        text = f'[conda.credentials."{server.url}"]\ntoken = "s3cret"\n'
        known = self.daemon("known", arguments=["--config", self.write("known.toml", text)])
        answer = self.lock(known, ["tool"], f"{server.url}/bioconda")
        self.assertEqual(self.from_channel(answer), {"tool": "bioconda", "lib": "conda-forge"})
        self.assertNotIn("s3cret", answer.stdout + answer.stderr)

    def test_an_image_is_built_of_both(self):
        for name, package, depends, relations in (("forge", "lib", [], {}), ("bio", "tool", ["lib"], {"base": "../forge"})):
            content = make_package(package, depends, {f"share/{package}": f"of {name}\n"})
            file_name, entry = record(package, depends=depends, size=len(content),
                                      sha256=hashlib.sha256(content).hexdigest(), md5=hashlib.md5(content).hexdigest())
            self.write(os.path.join(self.make(name, (file_name, entry), **relations), "linux-64", file_name), content)
        server, daemon = self.serve(), self.daemon()
        file = self.write("environment.yml", f"channels: [{server.url}/bio, nodefaults]\ndependencies: [tool]\n")

        image = self.good(self.build(daemon, "FROM env\n", {}, "--build-context", f"env=conda:{file}")).line

        self.assertEqual(self.content(daemon, image, "opt/env/share/lib"), "of forge\n")
        self.assertEqual(self.content(daemon, image, "opt/env/share/tool"), "of bio\n")
        self.clean(daemon)


class DirectoryTest(RelationsTest):
    def test_a_directory_that_was_not_named_is_not_opened(self):
        self.bioconda()
        daemon = self.daemon()
        bioconda, forge = self.path("srv", "bioconda"), self.path("srv", "conda-forge")
        shutil.move(forge, self.path("srv", "hidden"))

        self.refused(self.lock(daemon, ["tool"], bioconda), 4, f"file://{bioconda} builds upon file://{forge}",
                     "was not named", f"-c file://{forge}", f"before file://{bioconda}")

        shutil.move(self.path("srv", "hidden"), forge)
        self.refused(self.lock(daemon, ["tool"], bioconda), 4, "was not named")

    def test_directories_that_were_named_are_asked_in_that_order(self):
        self.bioconda()
        daemon = self.daemon()
        bioconda, forge = self.path("srv", "bioconda"), self.path("srv", "conda-forge")

        for order, first in (((forge, bioconda), "conda-forge"), ((bioconda, forge), "bioconda")):
            answer = self.lock(daemon, ["tool", "both"], *order)

            self.assertEqual(self.from_channel(answer), {"tool": "bioconda", "lib": "conda-forge", "both": first})
            self.assertEqual(answer.json["inputs"]["channels"], [f"file://{each}" for each in order])
        self.clean(daemon)

    def test_a_daemon_that_follows_none_asks_for_none(self):
        self.bioconda()
        daemon = self.configured(0)

        answer = self.lock(daemon, ["both"], self.path("srv", "bioconda"))

        self.assertEqual(self.from_channel(answer), {"both": "bioconda"})
