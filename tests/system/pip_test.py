"""The pip part of an environment: locked by the environment's own pip, installed from what the lock names."""
import hashlib
import json
import os

from support import base_image
from support.case import SharedDaemonTest
from support.conda import COPY_ENV, CondaTest
from support.wheel import Index, sources, wheel

DOCKERFILE = "FROM glibc:1\n" + COPY_ENV
PYTHON = "/opt/env/bin/python"


class PipTest(CondaTest, SharedDaemonTest):
    """One kilnd for all, because python's packages become layers once in a store."""

    images = {"glibc:1": base_image.glibc_tar}

    def setUp(self):
        super().setUp()
        self.channel, self.conda_lock = self.pack("--pip")

    def other_daemon(self):
        daemon = self.daemon("other")
        self.with_glibc(daemon)
        return daemon

    def wheels(self, *made, directory="wheels"):
        for name, content in made:
            self.write(f"{directory}/{name}", content)
        return self.path(directory)

    def environment(self, *lines, name="environment.yml", dependencies=("python", "pip")):
        pip = "".join(f"    - {json.dumps(line)}\n" for line in lines)
        listed = "".join(f"  - {each}\n" for each in dependencies)
        return self.write(name, f"channels: ['file://{self.channel}', nodefaults]\ndependencies:\n{listed}  - pip:\n{pip}")

    def lock(self, daemon, file, *words, base="glibc:1"):
        return daemon.kiln("conda", "lock", file, *(["--base", base] if base else []), *words)

    def build_lock(self, daemon, text, *words):
        return self.good(self.build_with(daemon, text, DOCKERFILE, *words)).line

    def run_python(self, daemon, image, program):
        return self.good(daemon.kiln("run", image, "--", PYTHON, "-B", "-c", program)).stdout


class LockingTest(PipTest):
    def test_local_wheels_are_locked_and_installed_without_any_network(self):
        daemon = self.kilnd
        self.wheels(wheel("greet", requires=["words>=2"], scripts={"greet": "greet:main"}), wheel("words", "2.1"), wheel("words", "1.0"),
                    wheel("unasked"))
        file = self.environment("--no-index", "--find-links ./wheels", "greet")

        answer = self.good(self.lock(daemon, file))
        pip = {entry["name"]: entry for entry in answer.json["pip"]}
        image = self.build_lock(daemon, answer.stdout)

        self.assertEqual({name: entry["version"] for name, entry in pip.items()}, {"greet": "1.0", "words": "2.1"})
        self.assertEqual(pip["words"]["url"], f"file://{self.path('wheels')}/words-2.1-py3-none-any.whl")
        self.assertRegex(pip["words"]["sha256"], "^[0-9a-f]{64}$")
        self.assertEqual(answer.json["inputs"]["pip"], ["--no-index", "--find-links ./wheels", "greet"])
        self.assertEqual(self.good(daemon.kiln("run", image, "--", "/opt/env/bin/greet")).stdout, "greet 1.0\n")
        self.clean(daemon)

    def test_an_index_is_asked_in_the_sandbox_and_its_files_are_fetched_once(self):
        daemon = self.kilnd
        index = Index(self.path("index"), wheel("greet", requires=["words"]), wheel("words", "2.1"))
        self.addCleanup(index.close)
        file = self.environment(f"--index-url http://me:secret@{index.host}/simple", "greet")

        answer = self.good(self.lock(daemon, file, "--network", "host"))
        lock = self.write("env.lock", answer.stdout)
        self.good(daemon.kiln("conda", "fetch", lock))
        index.close()
        image = self.build_lock(daemon, answer.stdout)

        self.assertNotIn("secret", answer.stdout)
        for directory, _, names in os.walk(daemon.root):
            for name in names:
                path = os.path.join(directory, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as kept:
                        self.assertNotIn(b"me:secret", kept.read(), path)
        self.assertEqual([entry["url"].rsplit("/", 1)[1] for entry in answer.json["pip"]],
                         ["greet-1.0-py3-none-any.whl", "words-2.1-py3-none-any.whl"])
        self.assertEqual(self.run_python(daemon, image, "import greet, words; print(words.VERSION)"), "2.1\n")

    def test_an_index_without_hashes_is_hashed_by_kiln(self):
        daemon = self.kilnd
        index = Index(self.path("index"), wheel("greet"), hashed=False)
        self.addCleanup(index.close)
        answer = self.good(self.lock(daemon, self.environment(f"-i {index.url}", "greet"), "--network", "host"))
        self.assertRegex(answer.json["pip"][0]["sha256"], "^[0-9a-f]{64}$")

    def test_requirements_and_constraints_of_files_count_from_where_they_stand(self):
        daemon = self.kilnd
        self.wheels(wheel("greet", "1.0"), wheel("greet", "2.0"), wheel("words"), directory="more/wheels")
        self.write("more/base.txt", "--no-index\n-f wheels\ngreet  # the one that we want\n./wheels/words-1.0-py3-none-any.whl\n")
        self.write("limits.txt", "greet <2\n")

        answer = self.good(self.lock(daemon, self.environment("-r more/base.txt", "-c limits.txt")))

        self.assertEqual([(entry["name"], entry["version"]) for entry in answer.json["pip"]],
                         [("greet", "1.0"), ("words", "1.0")])
        self.build_lock(daemon, answer.stdout)

    def test_what_conda_brings_is_not_locked_again_and_pip_is_added_where_it_lacks(self):
        daemon = self.kilnd
        self.wheels(wheel("greet", requires=["kiln-table"]))
        file = self.environment("--no-index", "-f wheels", "greet", dependencies=("python", "kiln-table"))

        answer = self.good(self.lock(daemon, file))

        self.assertEqual([entry["name"] for entry in answer.json["pip"]], ["greet"])
        self.assertIn("pip", [entry["name"] for entry in answer.json["packages"]])
        self.assertIn("pip is added", answer.stderr)

    def test_an_environment_file_is_a_build_context_with_its_pip_part(self):
        daemon = self.kilnd
        self.wheels(wheel("greet"))
        file = self.environment("--no-index", "-f wheels", "greet")

        image = self.good(self.build(daemon, DOCKERFILE, {}, "--build-context", f"env=conda:{file}")).line

        self.assertEqual(self.run_python(daemon, image, "import greet; greet.main()"), "greet 1.0\n")

    def test_what_cannot_be_locked_is_refused_by_name(self):
        daemon = self.kilnd
        self.wheels(wheel("greet"))
        for line, code, *said in (
                ("-e .", 2, "\"-e .\" cannot be locked", "environment.yml:6", "build a wheel"),
                ("git+https://example.com/a.git", 2, "no hash pins it", "archive of one commit"),
                ("./sources", 2, "neither a wheel nor an archive"),
                ("-r gone.txt", 4, "there is no gone.txt"),
                ("--global-option=x", 2, "--global-option=x", "not supported"),
                ("greet ${WHICH}", 2, "variables of the environment")):
            self.refused(self.lock(daemon, self.environment(line)), code, *said)
        good = self.environment("--no-index", "-f wheels", "greet")
        self.refused(self.lock(daemon, good, base=None), 2, "needs an image", "--base IMAGE")
        self.refused(self.lock(daemon, good, "--format", "explicit"), 2, "an explicit list cannot hold")
        self.refused(self.lock(daemon, self.environment("--no-index", "-f wheels", "nothing-like-it")), 1,
                     "cannot resolve the pip part", "No matching distribution found for nothing-like-it")
        self.clean(daemon)


class InstallingTest(PipTest):
    def locked(self, daemon, *made, lines=("greet",), words=()):
        self.wheels(*made)
        return self.good(self.lock(daemon, self.environment("--no-index", "-f wheels", *lines,
                         dependencies=("python", "pip", "setuptools", "wheel")), *words)).stdout

    def test_the_same_lock_has_the_same_digest_in_another_store(self):
        first, second = self.kilnd, self.other_daemon()
        lock = self.locked(first, wheel("greet", scripts={"greet": "greet:main"}), sources("built"), lines=("greet", "built"))

        images = [self.build_lock(daemon, lock) for daemon in (first, second)]
        target = self.path("target")
        self.good(first.kiln("export", images[0], "-o", target))
        packages = os.path.join(target, "opt/env/lib/python3.11/site-packages")

        self.assertEqual(images[0], images[1])
        self.assertFalse(os.path.exists(os.path.join(target, ".kiln-pip")))
        self.assertEqual(sorted(os.listdir(os.path.join(packages, "greet-1.0.dist-info"))),
                         ["INSTALLER", "METADATA", "RECORD", "REQUESTED", "WHEEL", "entry_points.txt"])
        self.assertFalse([path for path, _, _ in os.walk(packages) if "__pycache__" in path])

    def test_what_pip_installed_is_compiled_on_request_without_times(self):
        daemon = self.kilnd
        self.wheels(wheel("greet"))
        file = self.environment("--no-index", "-f wheels", "greet", dependencies=("python", "pip"))
        image = self.build_lock(daemon, self.good(self.lock(daemon, file)).stdout, "--compile-pyc")
        program = "import greet; print(open(greet.__cached__, 'rb').read(8)[4:])"

        self.assertEqual(self.run_python(daemon, image, program), "b'\\x01\\x00\\x00\\x00'\n")  # PEP 552: never stale

    def test_pip_has_a_layer_of_its_own_which_is_cached(self):
        daemon = self.kilnd
        lock = self.locked(daemon, wheel("greet"))

        first = self.build_lock(daemon, lock)
        again = self.good(self.build_with(daemon, lock, DOCKERFILE + "LABEL a=b\n"))

        self.assertEqual(self.layers(daemon, again.line), self.layers(daemon, first))
        origins = [layer["origin"] for layer in daemon.kiln("layers", first, "--format", "json").json["layers"]]
        self.assertEqual(origins[-1], "pip install greet-1.0")
        self.assertEqual(len([origin for origin in origins if "pip install" in origin]), 1)

    def test_conda_lock_and_pixi_locks_with_pip_build_the_same_way(self):
        daemon = self.kilnd
        own = self.locked(daemon, wheel("greet"))
        image = self.build_lock(daemon, own)
        conda_lock = self.good(daemon.kiln("conda", "lock", self.write("own.lock", own), "--format", "conda-lock")).stdout
        self.assertIn("manager: pip", conda_lock)

        other = self.good(self.build_with(daemon, conda_lock, DOCKERFILE, lock_name="conda-lock.yml")).line

        self.assertEqual(self.layers(daemon, other)[-1], self.layers(daemon, image)[-1])

    def test_a_wheel_that_is_another_one_is_refused(self):
        daemon = self.kilnd
        lock = self.locked(daemon, wheel("greet"))
        self.wheels(wheel("greet", files={"more.py": "1\n"}))
        other = self.other_daemon()

        self.refused(self.build_with(other, lock, DOCKERFILE), 5, "greet-1.0-py3-none-any.whl is sha256:", "the lock file says")

    def test_a_part_of_an_environment_with_pip_is_not_to_be_copied(self):
        daemon = self.kilnd
        lock = self.locked(daemon, wheel("greet"))
        self.refused(self.build_with(daemon, lock, "FROM glibc:1\nCOPY --from=env /opt/env /srv\n"), 2,
                     "env has packages of pip", "COPY --link --from=env / /")

    def test_a_lock_of_others_that_no_hash_pins_is_refused(self):
        daemon = self.kilnd
        entry = {"name": "greet", "version": "1.0", "url": "https://example.com/greet-1.0-py3-none-any.whl"}
        lock = json.loads(self.locked(daemon, wheel("greet")))
        for change, *said in (({}, "greet of pip has no sha256"),
                              ({"url": "git+https://example.com/greet"}, "no hash pins"),
                              ({"url": "./greet", "editable": True}, "may change (editable)"),
                              ({"url": "https://example.com/other-1.0-py3-none-any.whl", "sha256": "a" * 64}, "is no wheel of greet")):
            lock["pip"] = [{**entry, **change}]
            self.refused(self.build_with(daemon, json.dumps(lock), DOCKERFILE), 2, *said)


class InstalledTest(PipTest):
    """What pip installed, told from the image alone."""

    def make(self, daemon, tag, *made, extra=""):
        directory = self.wheels(*made)
        for file in set(os.listdir(directory)) - {name for name, _ in made}:
            os.remove(os.path.join(directory, file))
        file = self.environment("--no-index", "-f wheels", *[name.split("-")[0] for name, _ in made])
        context = {"changed": "not what it was"}
        self.good(self.build(daemon, DOCKERFILE + extra, context, "--build-context", f"env=conda:{file}", "-t", tag))

    def test_it_is_listed_verified_compared_and_in_the_bill_of_materials(self):
        daemon = self.kilnd
        greet = wheel("greet", requires=["words>=2"], scripts={"greet": "greet:main"})
        self.make(daemon, "app:1", greet, wheel("words", "2.1"))
        self.make(daemon, "app:2", greet, wheel("words", "2.2"),
                  extra="COPY changed /opt/env/lib/python3.11/site-packages/greet.py\n")

        (environment,) = self.good(daemon.kiln("conda", "list", "app:1", "--format", "json")).json["environments"]
        listed = {each["name"]: each for each in environment["packages"]}
        self.assertEqual((listed["greet"]["version"], listed["greet"]["build"], listed["greet"]["channel"]),
                         ("1.0", "pypi_0", "pypi"))
        self.assertEqual(len(listed), len(environment["packages"]))
        self.assertEqual(sorted(name for name, each in listed.items() if each["channel"] == "pypi"), ["greet", "words"])
        self.assertRegex(self.good(daemon.kiln("conda", "list", "app:1")).stdout, r"(?m)^words +2\.1 +pypi_0 +pypi$")

        self.assertIn("all as recorded", self.good(daemon.kiln("conda", "verify", "app:1")).stdout)
        said = daemon.kiln("conda", "verify", "app:2")
        self.assertEqual(said.code, 6, str(said))
        self.assertRegex(said.stdout, r"(?m)^content +greet-1\.0-pypi_0 +lib/python3\.11/site-packages/greet\.py +COPY ")

        difference = self.good(daemon.kiln("diff", "app:1", "app:2", "--format", "json")).json
        (environment,) = difference["environments"]
        self.assertEqual([(each["name"], each["change"]) for each in environment["packages"]], [("words", "upgraded")])
        self.assertEqual(difference["system"]["packages"], [])

        self.assertIn('"pkg:pypi/greet@1.0"', self.good(daemon.kiln("sbom", "app:1")).stdout)
        document = self.good(daemon.kiln("sbom", "app:1", "--format", "cyclonedx")).json
        needs = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
        self.assertEqual(needs["pkg:pypi/greet@1.0#/opt/env"], ["pkg:pypi/words@2.1#/opt/env"])


class EnvironmentTest(PipTest):
    """kiln env build of definitions whose conda_file has a pip part."""

    def define(self, *lines, name="train", more=""):
        self.environment(*lines)
        return self.write(f"{name}.yml", f"name: {name}\nimage: glibc:1\nconda_file: environment.yml\n{more}")

    def built(self, daemon, file, *words):
        return self.good(daemon.kiln("env", "build", "-f", file, *words)).line

    def test_it_is_locked_with_hashes_built_once_and_the_same_in_another_store(self):
        daemon = self.kilnd
        greet, words = wheel("greet", requires=["words>=2"], scripts={"greet": "greet:main"}), wheel("words", "2.1")
        self.wheels(greet, words)
        file = self.define("--no-index", "--find-links ./wheels", "greet")

        image = self.built(daemon, file)

        self.assertEqual(self.good(daemon.kiln("run", image, "--", "/opt/env/bin/greet")).stdout, "greet 1.0\n")
        lock = self.good(daemon.kiln("env", "export", "train", "--format", "conda-lock")).stdout
        for _, content in (greet, words):
            self.assertIn(hashlib.sha256(content).hexdigest(), lock)
        builds = len(self.good(daemon.kiln("builds", "--format", "json")).json["builds"])
        self.assertEqual(self.good(daemon.kiln("env", "build", "train")).line, image)
        self.assertEqual(self.built(daemon, file), image)
        self.assertEqual(len(self.good(daemon.kiln("builds", "--format", "json")).json["builds"]), builds)
        # Made anew of the same wheels it is the same image, here and elsewhere.
        self.assertEqual(self.good(daemon.kiln("env", "build", "train", "--rebuild")).line, image)
        other = self.other_daemon()
        self.assertEqual(self.built(other, file), image)
        self.assertEqual(self.good(other.kiln("env", "show", "train")).json["lock_hash"],
                         self.good(daemon.kiln("env", "show", "train")).json["lock_hash"])
        self.clean(daemon)

    def test_a_wheel_that_is_missing_is_told_with_its_line(self):
        daemon = self.kilnd
        answer = daemon.kiln("env", "build", "-f", self.define("./wheels/greet-1.0-py3-none-any.whl"))
        self.refused(answer, 4, "greet-1.0-py3-none-any.whl", "environment.yml:6")
