"""What runs in an image once its conda packages lie there: link scripts, and compiling python."""
import hashlib
import json
import os
import unittest

from support.conda import COPY_ENV, CondaTest


class ScriptsTest(CondaTest):
    BASH = ("bash", {"bin/bash": ('#!/bin/sh\nexec /bin/sh "$@"\n', 0o755)})

    def scripted(self):
        script = ('echo "made for $PKG_NAME $PKG_VERSION" > $PREFIX/made\n'
                  'echo "a word of $PKG_NAME" >> $PREFIX/.messages.txt\nreturn 0\n')
        return self.lock_of(self.BASH, ("scripted", {"bin/.scripted-post-link.sh": (script, 0o755)}))

    def test_a_post_link_script_is_told_and_not_run_unless_it_is_allowed(self):
        daemon = self.daemon_with_base()
        dockerfile = "FROM base:1\n" + COPY_ENV

        denied = self.build_with(daemon, self.scripted(), dockerfile)

        self.assertIn("the post-link script of scripted-1.0-0 is not run", self.good(denied).stderr)
        target = self.path("denied")
        self.good(daemon.kiln("export", denied.line, "-o", target))
        self.assertFalse(os.path.exists(os.path.join(target, "opt/env/made")))

    def test_an_allowed_script_changes_a_layer_of_its_own_which_is_cached(self):
        daemon = self.daemon_with_base()
        dockerfile = "FROM base:1\n" + COPY_ENV
        denied = self.good(self.build_with(daemon, self.scripted(), dockerfile)).line

        allowed = self.good(self.build_with(daemon, self.scripted(), dockerfile, "--link-scripts=other,scripted"))
        again = self.good(self.build_with(daemon, self.scripted(), dockerfile, "--link-scripts=allow"))

        self.assertEqual(self.layers(daemon, allowed.line)[:-1], self.layers(daemon, denied))
        self.assertIn("a word of scripted", allowed.stderr)
        self.assertEqual(again.line, allowed.line)
        self.assertNotIn("a word of scripted", again.stderr)
        target = self.path("allowed")
        self.good(daemon.kiln("export", allowed.line, "-o", target))
        with open(os.path.join(target, "opt/env/made"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "made for scripted 1.0\n")
        self.assertFalse(os.path.exists(os.path.join(target, "opt/env/.messages.txt")))
        self.clean(daemon)

    def test_scripts_run_before_and_after_linking_and_only_those_of_the_list(self):
        daemon = self.daemon_with_base()
        lock = self.lock_of(self.BASH, *((name, {
            f"bin/.{name}-pre-link.sh": (f"echo pre {name} >> $PREFIX/log\n", 0o755),
            f"bin/.{name}-post-link.sh": (f"echo post {name} >> $PREFIX/log\n", 0o755)}, {"depends": depends})
            for name, depends in (("two", ["one"]), ("one", []), ("other", []))))

        answer = self.build_with(daemon, lock, "FROM base:1\n" + COPY_ENV, "--link-scripts=two,one")

        self.assertEqual(self.content(daemon, self.good(answer).line, "opt/env/log"), "pre one\npre two\npost one\npost two\n")
        for kind in ("pre-link", "post-link"):
            self.assertIn(f"the {kind} script of other-1.0-0 is not run", answer.stderr)
        self.assertNotIn("script of one-1.0-0 is not run", answer.stderr)

    def test_who_asks_for_a_list_is_given_one_that_answers(self):
        daemon = self.daemon_with_base()
        lock = self.lock_of(self.BASH, *((name, {f"bin/.{name}-post-link.sh": (f"echo {name} >> $PREFIX/log\n", 0o755)}) for name in ("two", "one")))
        dockerfile = "FROM base:1\n" + COPY_ENV
        asked = self.build_with(daemon, lock, dockerfile, "--link-scripts=ask-list")
        self.refused(asked, 2, "nothing says whether the link scripts of one, two may run", "--link-scripts=ask-list,one,two", "Dockerfile:2")
        self.assertEqual(self.names(daemon), ["base:1"])

        answered = self.good(self.build_with(daemon, lock, dockerfile, "--link-scripts=ask-list,one,two"))

        self.assertEqual(self.content(daemon, answered.line, "opt/env/log"), "two\none\n")
        self.refused(self.build_with(daemon, lock, dockerfile, "--link-scripts=one,allow"), 2, '"allow" does not go among names')

    def test_what_scripts_change_has_the_same_digest_in_another_store(self):
        lock = self.scripted()
        digests = set()
        for name in ("one", "two"):
            daemon = self.daemon_with_base(name=name)
            digests.add(self.good(self.build_with(daemon, lock, "FROM base:1\n" + COPY_ENV, "--link-scripts=allow")).line)
        self.assertEqual(len(digests), 1)

    def test_scripts_run_anew_on_another_base(self):
        daemon = self.daemon_with_base()
        words = (self.scripted(), "FROM base:1\nRUN echo other > /etc/other\n" + COPY_ENV, "--link-scripts=allow")
        self.good(self.build_with(daemon, words[0], "FROM base:1\n" + COPY_ENV, "--link-scripts=allow"))

        answer = self.good(self.build_with(daemon, *words))

        self.assertIn("a word of scripted", answer.stderr)

    def test_a_script_sees_the_environment_and_not_the_host(self):
        daemon = self.daemon_with_base()
        self.write("secret", "of the host")
        script = f'test ! -e {self.path("secret")} || exit 1\necho "$CONDA_PREFIX $(pwd) $SOURCE_DATE_EPOCH" > $PREFIX/seen\n'
        lock = self.lock_of(self.BASH, ("looking", {"bin/.looking-post-link.sh": (script, 0o755)}))

        image = self.good(self.build_with(daemon, lock, "FROM base:1\n" + COPY_ENV, "--link-scripts=looking")).line

        self.assertEqual(self.content(daemon, image, "opt/env/seen"), "/opt/env /opt/env/bin 315619200\n")

    def test_a_failing_script_fails_the_build_and_is_named(self):
        daemon = self.daemon_with_base()
        script = "echo why it cannot go on\nexit 3\n"
        lock = self.lock_of(self.BASH, ("failing", {"bin/.failing-post-link.sh": (script, 0o755)}))

        answer = self.build_with(daemon, lock, "FROM base:1\n" + COPY_ENV, "--link-scripts=allow")

        self.refused(answer, 1, "failing-1.0-0", "exit code 3", "why it cannot go on", "the post-link script of failing-1.0-0 ended with 3")
        self.assertEqual(self.names(daemon), ["base:1"])

    def with_hash(self, line):
        path = line.strip().removeprefix("file://")
        if not os.path.isfile(path):
            return line
        with open(path, "rb") as file:
            return f"file://{path}#{hashlib.sha256(file.read()).hexdigest()}\n"

    def test_a_definition_allows_them_by_name_and_is_told_of_those_that_do_not_run(self):
        daemon = self.daemon_with_base()
        self.write("env.lock", "".join(self.with_hash(line) for line in self.scripted().splitlines(True)))
        text = "name: plain\nimage: base:1\nlock: env.lock\n"

        denied = self.good(daemon.kiln("env", "build", "-f", self.write("plain.yml", text)))
        allowed = self.good(daemon.kiln("env", "build", "-f", self.write(
            "allowed.yml", text.replace("plain", "allowed") + "link_scripts: [other, scripted]\n")))

        self.assertIn("the post-link script of scripted-1.0-0 is not run", denied.stderr)
        self.assertIn("link_scripts in a definition", denied.stderr)
        self.assertNotIn("is not run", allowed.stderr)
        self.assertEqual(self.content(daemon, allowed.line, "opt/env/made"), "made for scripted 1.0\n")
        shown = {name: self.good(daemon.kiln("env", "show", name)).json for name in ("plain", "allowed")}
        self.assertEqual([shown[name]["link_scripts"] for name in shown], ["deny", "other,scripted"])
        self.assertNotEqual(shown["plain"]["hash"], shown["allowed"]["hash"])

    def test_a_policy_that_is_none_is_refused(self):
        daemon = self.daemon_with_base()
        answer = self.build_with(daemon, self.scripted(), "FROM base:1\n" + COPY_ENV, "--link-scripts=A B")
        self.refused(answer, 2, "A B")


class CompileTest(CondaTest):
    def with_sources(self):
        """Python, and a noarch package of two modules and one that no python 3 compiles."""
        _, lock = self.pack()
        hello = ("hello", {"site-packages/hello.py": ("def word():\n    return __cached__\n", 0o644),
                           "site-packages/greetings/__init__.py": ("from hello import word\n", 0o644),
                           "site-packages/of_python_2.py": ("print 'hello'\n", 0o644)},
                 {"depends": ["python"], "noarch": "python"})
        return lock + self.lock_of(hello).split("\n", 1)[1]

    def test_what_is_compiled_is_a_layer_of_its_own_which_is_cached(self):
        daemon = self.daemon()
        self.with_glibc(daemon)
        lock, dockerfile = self.with_sources(), "FROM glibc:1\n" + COPY_ENV
        plain = self.good(self.build_with(daemon, lock, dockerfile)).line

        compiled = self.good(self.build_with(daemon, lock, dockerfile, "--compile-pyc"))
        again = self.good(self.build_with(daemon, lock, dockerfile, "--compile-pyc"))

        # The one of the records before it is another one, for they name what is compiled (cep-32).
        self.assertEqual(self.layers(daemon, compiled.line)[:-2], self.layers(daemon, plain)[:-1])
        self.assertEqual(again.line, compiled.line)
        steps = [each for each in self.good(daemon.kiln("explain", self.last_build(daemon), "--format", "json")).json["steps"]]
        self.assertEqual({each["status"] for each in steps}, {"hit"}, steps)

    def last_build(self, daemon):
        builds = self.good(daemon.kiln("builds", "--format", "json")).json["builds"]
        return max(builds, key=lambda each: each["started"])["id"]

    def test_sources_of_noarch_packages_are_compiled_the_same_everywhere(self):
        lock = self.with_sources()
        digests = set()
        for name in ("one", "two"):
            daemon = self.daemon(name=name)
            self.with_glibc(daemon)
            image = self.good(self.build_with(daemon, lock, "FROM glibc:1\n" + COPY_ENV, "--compile-pyc")).line
            digests.add(image)
        self.assertEqual(len(digests), 1)

        said = self.good(daemon.kiln(
            "run", image, "--", "/opt/env/bin/python", "-c",
            "import greetings; path = greetings.word(); print(path, open(path, 'rb').read()[4])"))

        self.assertRegex(said.stdout, r"\A/opt/env/lib/python3[.]\d+/site-packages/__pycache__/hello[.]cpython-\d+[.]pyc 1\n")
        target = self.path("tree")
        self.good(daemon.kiln("export", image, "-o", target))
        self.assertNotIn(".kiln-compile", os.listdir(os.path.join(target, "opt/env")))
        with open(os.path.join(target, "opt/env/conda-meta/hello-1.0-0.json")) as file:
            record = json.load(file)
        module = [each for each in record["files"] if each.endswith(".pyc")]
        self.assertEqual(len(module), 3, record["files"])
        for each in module:
            made = os.path.exists(os.path.join(target, "opt/env", each))
            self.assertEqual(made, "of_python_2" not in each, each)
        self.good(daemon.kiln("conda", "verify", image))
        self.clean(daemon)


if __name__ == "__main__":
    unittest.main()
