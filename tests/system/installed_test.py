"""What is installed in an image: listed, verified, compared, from the image alone."""
import os
import re
import unittest

from conda_test import COPY_ENV, CondaTest

FOUND = "FROM base:1\n" + COPY_ENV


class InstalledTest(CondaTest):
    def setUp(self):
        super().setUp()
        self.kilnd = self.daemon_with_base()
        _, self.lock = self.pack()

    def make(self, tag, extra="", lock=None):
        return self.good(self.build_with(self.kilnd, lock or self.lock, FOUND + extra, "-t", tag)).line

    def ask(self, *words):
        return self.kilnd.kiln(*words, "--format", "json")


class ListTest(InstalledTest):
    def test_each_package_of_the_lock_is_listed(self):
        digest = self.make("app:1")
        wanted = sorted(re.search(r"/([^/]+)-[^-]+-[^-]+\.conda", line)[1]
                        for line in self.lock.split("@EXPLICIT")[1].split())

        listed = self.good(self.ask("conda", "list", "app:1")).json

        self.assertEqual((listed["name"], listed["digest"]), ("app:1", digest))
        (environment,) = listed["environments"]
        self.assertEqual(environment["prefix"], "/opt/env")
        self.assertEqual([each["name"] for each in environment["packages"]], wanted)
        table = self.good(self.kilnd.kiln("conda", "list", "app:1")).stdout
        self.assertRegex(table, r"(?m)^# /opt/env: \d+ packages\nNAME +VERSION +BUILD +CHANNEL$")
        self.assertRegex(table, r"(?m)^xz +\S+ +kiln_0 ")

    def test_every_environment_of_an_image_has_its_own_list(self):
        lock = self.write("two.lock", self.lock)
        both = [word for name in ("one", "two")
                for word in ("--build-context", f"{name}=conda:{lock},prefix=/opt/{name}")]
        self.good(self.build(self.kilnd, "FROM scratch\nCOPY --link --from=one / /\nCOPY --link --from=two / /\n", {},
                             *both, "-t", "two:1"))

        listed = self.good(self.ask("conda", "list", "two:1")).json

        self.assertEqual([each["prefix"] for each in listed["environments"]], ["/opt/one", "/opt/two"])

    def test_an_image_without_conda_has_none_and_an_unknown_one_is_an_error(self):
        self.assertEqual(self.good(self.ask("conda", "list", "base:1")).json["environments"], [])
        said = self.good(self.kilnd.kiln("conda", "list", "base:1"))
        self.assertEqual(said.stdout, "")
        self.assertIn("no conda environment", said.stderr)
        self.refused(self.kilnd.kiln("conda", "list", "bsae:1"), 4, "base:1")


class VerifyTest(InstalledTest):
    def test_what_was_installed_is_as_recorded(self):
        self.make("app:1")

        said = self.good(self.kilnd.kiln("conda", "verify", "app:1"))

        self.assertRegex(said.stdout, r"\A/opt/env: \d+ packages, \d+ paths: all as recorded\n\Z")

    def test_what_later_steps_did_is_named_with_the_step(self):
        self.need_root()
        context = {"changed": "not what it was"}
        lock = self.write("env.lock", self.lock)
        dockerfile = (FOUND + "COPY changed /opt/env/lib/python3.11/os.py\n"
                      "RUN rm /opt/env/lib/python3.11/bisect.py && echo x > /opt/env/etc-of-mine\n"
                      "RUN rm /opt/env/bin/python && echo x > /opt/env/bin/python\n")
        self.good(self.build(self.kilnd, dockerfile, context, "--build-context", f"env=conda:{lock}", "-t", "app:1"))

        said = self.ask("conda", "verify", "app:1")

        self.assertEqual(said.code, 6, str(said))
        (environment,) = said.json["environments"]
        problems = {each["path"]: each for each in environment["problems"]}
        self.assertEqual(sorted(problems), ["bin/python", "lib/python3.11/bisect.py", "lib/python3.11/os.py"])
        changed = problems["lib/python3.11/os.py"]
        self.assertEqual(changed["fault"], "content")
        self.assertNotEqual(changed["expected"], changed["found"])
        self.assertIn("COPY changed", changed["step"])
        self.assertEqual(problems["lib/python3.11/bisect.py"]["fault"], "missing")
        self.assertIn("rm /opt/env/lib", problems["lib/python3.11/bisect.py"]["step"])
        self.assertEqual(problems["bin/python"]["fault"], "type")
        self.assertEqual(environment["extra"], ["etc-of-mine"])
        table = self.kilnd.kiln("conda", "verify", "app:1")
        self.assertEqual(table.code, 6)
        self.assertRegex(table.stdout, r"(?m)^missing +python-\S+ +lib/python3.11/bisect.py +RUN /bin/sh -c rm /opt/env/lib")
        self.assertIn("3 problems, 1 file of no package", table.stdout)

    def test_bytes_that_rotted_in_the_store_are_found(self):
        self.make("app:1", "COPY --link --from=env /opt/env/lib/python3.11/os.py /copy\n")
        layers = self.ask("layers", "app:1").json["layers"]
        largest = max(layers[1:], key=lambda layer: layer["size_bytes"])["digest"].split(":")[1]
        blob = os.path.join(self.kilnd.root, "blobs/sha256", largest)
        with open(blob, "r+b") as file:
            file.seek(os.path.getsize(blob) // 2)
            file.write(bytes(64))

        self.assertEqual(self.kilnd.kiln("conda", "verify", "app:1").code, 6)


class DiffTest(InstalledTest):
    def test_files_and_packages_that_differ_are_told(self):
        _, changed = self.pack("--bump", "xz")
        self.make("app:1", "LABEL a=b\n")
        self.make("app:2", "WORKDIR /srv/new\n", lock=changed)

        said = self.good(self.ask("diff", "app:1", "app:2")).json

        (environment,) = said["environments"]
        (package,) = environment["packages"]
        self.assertEqual((package["name"], package["change"]), ("xz", "build"))
        self.assertEqual((package["before"]["build"], package["after"]["build"]), ("kiln_0", "kiln_1"))
        others = [each for each in said["files"] if each["package"] != "xz"]
        self.assertEqual([(each["path"], each["change"]) for each in others],
                         [("/srv", "added"), ("/srv/new", "added")])
        self.assertTrue([each for each in said["files"] if each["package"] == "xz" and each["change"] == "added"])
        table = self.good(self.kilnd.kiln("diff", "app:1", "app:2")).stdout
        self.assertRegex(table, r"(?m)^build +xz +\S+ kiln_0 +\S+ kiln_1$")
        self.assertRegex(table, r"(?m)^added +0 B +/srv/ ")
        self.assertNotIn("liblzma", table)
        self.assertIn("liblzma", self.good(self.kilnd.kiln("diff", "--all", "app:1", "app:2")).stdout
                      + self.good(self.kilnd.kiln("diff", "--all", "base:1", "app:2")).stdout)

    def test_turned_round_it_is_the_same_turned_round(self):
        self.make("app:1")
        there = self.good(self.ask("diff", "base:1", "app:1")).json
        back = self.good(self.ask("diff", "app:1", "base:1")).json

        self.assertEqual(there["summary"]["added"], back["summary"]["removed"])
        self.assertEqual([each["path"] for each in there["files"]], [each["path"] for each in back["files"]])
        self.assertEqual([each["after"] for each in there["files"]], [each["before"] for each in back["files"]])
        self.assertEqual(there["environments"][0]["prefix_before"], None)
        self.assertEqual({each["change"] for each in back["environments"][0]["packages"]}, {"removed"})

    def test_an_image_does_not_differ_from_itself_under_another_name(self):
        self.make("app:1")
        self.good(self.kilnd.kiln("tag", "app:1", "app:same"))

        said = self.good(self.kilnd.kiln("diff", "--exit-code", "app:1", "app:same"))

        self.assertEqual(said.stdout, "")
        self.assertIn("same files and packages", said.stderr)
        self.assertEqual(self.kilnd.kiln("diff", "--exit-code", "base:1", "app:1").code, 1)
        self.refused(self.kilnd.kiln("diff", "app:1", "nothing:1"), 4, "nothing:1")


if __name__ == "__main__":
    unittest.main()
