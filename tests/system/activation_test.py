"""What a conda environment sets where it lies: declared by its packages and specification, or by their scripts."""
import hashlib
import json
import unittest

from support import base_image
from support.channel import make_package, repodata
from support.conda import COPY_ENV, CondaTest

DECLARED = {"etc/conda/env_vars.d/data.json": (json.dumps({"DATA": "/opt/env/share", "WHO": "package"}), 0o644)}
SCRIPTED = {"etc/conda/activate.d/a.sh": ('echo "noise of a"\nexport GREETING="hello $WHO"\nexport PATH="$CONDA_PREFIX/more:$PATH"\n', 0o644),
            "etc/conda/activate.d/b.sh": ('export SECOND="$GREETING again"\nlocal_only=1\n', 0o644),
            "etc/conda/deactivate.d/a.sh": ("export NEVER=1\n", 0o644)}


class ActivationTest(CondaTest):
    def setUp(self):
        super().setUp()
        self.kilnd = self.daemon_with_base()

    def config(self, image):
        return self.good(self.kilnd.kiln("inspect", image)).json["config"]

    def variables(self, image):
        return dict(each.split("=", 1) for each in self.config(image)["config"]["Env"])

    def image(self, lock, dockerfile, *words, options=""):
        return self.good(self.build_with(self.kilnd, lock, dockerfile, *words, options=options)).line

    def specification(self, variables, *files):
        """An environment.yml of one package of a channel that is a directory."""
        packed = make_package("tool", [], dict(files))
        self.write("channel/linux-64/tool-1.0-0.conda", packed)
        entry = {"name": "tool", "version": "1.0", "build": "0", "build_number": 0, "depends": [], "subdir": "linux-64"}
        entry.update(sha256=hashlib.sha256(packed).hexdigest(), size=len(packed))
        self.write("channel/linux-64/repodata.json", repodata(("tool-1.0-0.conda", entry)))
        self.write("channel/noarch/repodata.json", repodata(subdir="noarch"))
        text = f"channels: ['file://{self.path('channel')}', nodefaults]\ndependencies: [tool]\n"
        return text + ("variables:\n" + "".join(f"  {k}: {json.dumps(v)}\n" for k, v in variables.items()) if variables else "")


class DeclaredTest(ActivationTest):
    def test_an_environment_alone_or_on_a_base_sets_what_it_declares(self):
        lock = self.lock_of(("tool", DECLARED))
        for dockerfile in ("FROM env\n", "FROM base:1\n" + COPY_ENV):
            found = self.variables(self.image(lock, dockerfile))
            self.assertEqual((found["DATA"], found["WHO"]), ("/opt/env/share", "package"), dockerfile)
            self.assertEqual((found["CONDA_PREFIX"], found["CONDA_DEFAULT_ENV"]), ("/opt/env", "/opt/env"))
            self.assertTrue(found["PATH"].startswith("/opt/env/bin:/"), found["PATH"])
        elsewhere = self.variables(self.good(self.build_with(self.kilnd, lock, "FROM base:1\n" + COPY_ENV, prefix="/srv/e")).line)
        self.assertEqual(elsewhere["CONDA_PREFIX"], "/srv/e")
        part = self.variables(self.image(lock, "FROM base:1\nCOPY --from=env /opt/env/etc /etc/of-env\n"))
        self.assertFalse({"DATA", "CONDA_PREFIX"} & set(part))

    def test_later_steps_and_stages_see_it_and_the_dockerfile_has_its_way(self):
        self.need_root()
        lock = self.lock_of(("tool", DECLARED))
        image = self.image(lock, "FROM base:1 AS first\n" + COPY_ENV +
                           "RUN echo $DATA $WHO $CONDA_PREFIX > /seen\nENV WHO=dockerfile\nRUN echo $DATA $WHO >> /seen\n"
                           "FROM first\nRUN echo $DATA $WHO >> /seen\n")

        self.assertEqual(self.content(self.kilnd, image, "seen"),
                         "/opt/env/share package /opt/env\n/opt/env/share dockerfile\n/opt/env/share dockerfile\n")
        found = self.variables(image)
        self.assertEqual((found["DATA"], found["WHO"]), ("/opt/env/share", "dockerfile"))

    def test_later_instructions_take_up_what_it_sets(self):
        dockerfile = ("FROM base:1 AS first\n" + COPY_ENV + "ENV HERE=$DATA/x PATH=/x:$PATH\nWORKDIR $DATA/in\nCOPY a $DATA/b\n"
                      "COPY --link a /linked\nCOPY a .\nLABEL who=${WHO}\nEXPOSE ${PORT:-80}\n"
                      "FROM first\nCOPY a $DATA/of-second\nENV AGAIN=$HERE\n")
        words = (dockerfile, {"a": "a\n"}, "--build-context", f"env=conda:{self.write('env.lock', self.lock_of(('tool', DECLARED)))}")
        image = self.good(self.build(self.kilnd, *words)).line

        self.assertEqual(self.good(self.build(self.kilnd, *words)).line, image)
        config = self.config(image)["config"]
        found = self.variables(image)
        self.assertEqual((found["HERE"], found["AGAIN"]), ("/opt/env/share/x",) * 2)
        self.assertTrue(found["PATH"].startswith("/x:/opt/env/bin:/"), found["PATH"])
        self.assertEqual((config["WorkingDir"], config["Labels"]), ("/opt/env/share/in", {"who": "package"}))
        for path in ("opt/env/share/b", "opt/env/share/of-second", "opt/env/share/in/a", "linked"):
            self.assertEqual(self.content(self.kilnd, image, path), "a\n")
        self.clean(self.kilnd)

    def test_what_it_does_not_set_is_told_where_it_is_missed(self):
        lock = self.lock_of(("tool", DECLARED))
        missed = self.build_with(self.kilnd, lock, "FROM base:1\n" + COPY_ENV + "WORKDIR $NOWHERE\n")
        self.refused(missed, 2, "WORKDIR is empty", "Dockerfile:3")
        self.refused(self.build_with(self.kilnd, lock, "FROM base:1\n" + COPY_ENV + "COPY --from=none a /a\n"), 4, "none", "Dockerfile:3")

    def test_a_dockerfile_that_activates_it_itself_is_left_alone(self):
        lock = self.lock_of(("tool", {"share/tool": ("x", 0o644)}))
        image = self.image(lock, "FROM base:1\n" + COPY_ENV + "ENV PATH=/opt/env/bin:$PATH CONDA_PREFIX=/opt/env CONDA_DEFAULT_ENV=/opt/env\n")

        self.assertEqual(self.variables(image)["PATH"].count("/opt/env/bin"), 1)
        said = [each["created_by"] for each in self.config(image)["history"] if each.get("created_by", "").startswith("ENV")]
        self.assertEqual(len(said), 1)

    def test_variables_of_a_specification_stand_in_its_lock_in_the_environment_and_in_the_config(self):
        file = self.write("environment.yml", self.specification({"A": "1", "B": "two words"}, ("share/tool", "x")))
        lock = self.good(self.kilnd.kiln("conda", "lock", file, "--format", "json"))

        image = self.good(self.build(self.kilnd, "FROM base:1\n" + COPY_ENV, {}, "--build-context", f"env=conda:{file}")).line
        of_lock = self.image(lock.stdout, "FROM base:1\n" + COPY_ENV)

        self.assertEqual(lock.json["inputs"]["variables"], {"A": "1", "B": "two words"})
        found = self.variables(image)
        self.assertEqual((found["A"], found["B"]), ("1", "two words"))
        self.assertEqual(json.loads(self.content(self.kilnd, image, "opt/env/conda-meta/state")), {"env_vars": lock.json["inputs"]["variables"]})
        self.assertEqual(of_lock, image)
        self.assertIn("variables", self.good(self.kilnd.kiln("conda", "lock", file, "--format", "explicit")).stderr)

    def test_a_rebase_is_a_build_on_the_other_base(self):
        lock = self.lock_of(("tool", DECLARED))
        for tag, more in (("old:1", "LABEL a=b\n"), ("new:1", "ENV PATH=/new/bin:$PATH\n")):
            self.good(self.build(self.kilnd, "FROM base:1\n" + more, {}, "-t", tag))
        self.good(self.build_with(self.kilnd, lock, "FROM old:1\n" + COPY_ENV, "-t", "app:1"))

        rebased = self.good(self.kilnd.kiln("rebase", "app:1", "--onto", "new:1")).line

        self.assertEqual(rebased, self.image(lock, "FROM new:1\n" + COPY_ENV))
        self.assertTrue(self.variables(rebased)["PATH"].startswith("/opt/env/bin:/new/bin:"))

    def test_a_rebase_from_and_onto_a_base_that_says_no_path_is_a_build_on_it_too(self):
        lock = self.lock_of(("tool", DECLARED))
        self.good(self.build(self.kilnd, "FROM base:1\nENV PATH=/new/bin:/bin OTHER=1\n", {}, "-t", "said:1"))
        self.load(self.kilnd, base_image.rich_tar(), "rich:1")
        self.assertFalse(self.config("rich:1")["config"].get("Env"))
        steps = COPY_ENV + "ENV PATH=/x:$PATH\nLABEL where=$DATA\n"
        for old, new in (("rich:1", "said:1"), ("said:1", "rich:1"), ("rich:1", "base:1")):
            self.good(self.build_with(self.kilnd, lock, f"FROM {old}\n" + steps, "-t", "app:1"))
            rebased = self.good(self.kilnd.kiln("rebase", "app:1", "--onto", new, "-t", "app:2")).line
            self.assertEqual(self.config(rebased), self.config(self.image(lock, f"FROM {new}\n" + steps)))

    def test_what_is_no_variable_is_left_out_and_told(self):
        lock = self.lock_of(("tool", {"etc/conda/env_vars.d/bad.json": ('{"1X": "a", "GOOD": "1"}', 0o644)}))
        answer = self.good(self.build_with(self.kilnd, lock, "FROM base:1\n" + COPY_ENV))
        self.assertIn("bad.json: 1X is left out", answer.stderr)
        self.assertEqual(self.variables(answer.line)["GOOD"], "1")

    def test_environments_of_definitions_have_it_too(self):
        specification = self.specification({"A": "1"}, *((path, text) for path, (text, _) in DECLARED.items()))
        inline = "".join("  " + line + "\n" for line in specification.splitlines())
        file = self.write("env.yml", f"name: train\nimage: base:1\nconda_file:\n{inline}")
        other = self.write("other.yml", f"name: other\nimage: base:1\nconda_file:\n{inline.replace('A:', 'B:')}")

        image = self.good(self.kilnd.kiln("env", "build", "-f", file)).line
        second = self.good(self.kilnd.kiln("env", "build", "-f", other)).line

        found = self.variables(image)
        self.assertEqual((found["A"], found["DATA"], found["CONDA_PREFIX"]), ("1", "/opt/env/share", "/opt/env"))
        self.assertEqual(found["PATH"].count("/opt/env/bin"), 1)
        self.assertEqual(json.loads(self.content(self.kilnd, image, "opt/env/conda-meta/state")), {"env_vars": {"A": "1"}})
        # One lock for both, and the variables of each.
        self.assertEqual(json.loads(self.content(self.kilnd, second, "opt/env/conda-meta/state")), {"env_vars": {"B": "1"}})
        self.assertNotIn("A", self.variables(second))


class ScriptsTest(ActivationTest):
    def setUp(self):
        super().setUp()
        self.need_root()

    def test_scripts_run_when_asked_for_and_what_they_set_is_kept(self):
        lock, dockerfile = self.lock_of(("tool", {**DECLARED, **SCRIPTED})), "FROM base:1\n" + COPY_ENV
        plain = self.image(lock, dockerfile)

        answer = self.good(self.build_with(self.kilnd, lock, dockerfile, options=",activate=yes"))
        again = self.good(self.build_with(self.kilnd, lock, dockerfile, options=",activate=yes"))

        self.assertNotIn("GREETING", self.variables(plain))
        self.assertEqual(self.layers(self.kilnd, answer.line), self.layers(self.kilnd, plain))
        found = self.variables(answer.line)
        self.assertEqual((found["GREETING"], found["SECOND"]), ("hello package", "hello package again"))
        self.assertTrue(found["PATH"].startswith("/opt/env/more:/opt/env/bin:"))
        self.assertFalse({"_", "SHLVL", "PWD", "OLDPWD", "NEVER", "local_only", "CONDA_SHLVL", "HOME"} & set(found))
        self.assertIn("noise of a", answer.stderr)
        self.assertEqual(again.line, answer.line)
        self.assertNotIn("noise of a", again.stderr)
        self.assertEqual(self.image(lock, dockerfile, options=",activate=no"), plain)
        self.clean(self.kilnd)

    def test_what_scripts_put_into_path_stays_and_what_they_unset_is_gone(self):
        scripts = {"etc/conda/activate.d/a.sh": ('export PATH="$CONDA_PREFIX/more:$PATH"\nunset OF_BASE WHO HOME\n', 0o644)}
        lock = self.lock_of(("tool", {**DECLARED, **scripts}))
        for tag, more in (("old:1", "PATH=/old/bin:/bin OF_BASE=1"), ("new:1", "PATH=/new/bin:/bin OF_BASE=2 NEW=1")):
            self.good(self.build(self.kilnd, f"FROM base:1\nENV {more}\n", {}, "-t", tag))
        steps = COPY_ENV + "ENV PATH=/x:$PATH\nWORKDIR $DATA\nLABEL of=\"<$OF_BASE>\"\n"

        image = self.good(self.build_with(self.kilnd, lock, "FROM old:1\n" + steps, "-t", "app:1", options=",activate=yes")).line
        ran = self.image(lock, "FROM old:1\n" + steps + "RUN echo ${OF_BASE-none} ${WHO-none} $PATH > /seen\n", options=",activate=yes")
        rebased = self.good(self.kilnd.kiln("rebase", "app:1", "--onto", "new:1")).line

        found = self.variables(image)
        self.assertEqual(found["PATH"], "/x:/opt/env/more:/opt/env/bin:/old/bin:/bin")
        self.assertFalse({"OF_BASE", "WHO"} & set(found))
        self.assertEqual(self.config(image)["config"]["Labels"], {"of": "<>"})
        self.assertEqual(self.content(self.kilnd, ran, "seen"), f"none none {found['PATH']}\n")
        self.assertEqual(rebased, self.image(lock, "FROM new:1\n" + steps, options=",activate=yes"))
        self.assertEqual(self.variables(rebased)["PATH"], "/x:/opt/env/more:/opt/env/bin:/new/bin:/bin")

    def test_another_store_comes_to_the_same_image(self):
        lock = self.lock_of(("tool", SCRIPTED))
        words = (lock, "FROM base:1\n" + COPY_ENV + "RUN echo $GREETING > /seen\n")
        one = self.good(self.build_with(self.kilnd, *words, options=",activate=yes")).line
        self.assertEqual(self.content(self.kilnd, one, "seen"), "hello\n")
        other = self.daemon_with_base(name="other")
        self.assertEqual(self.good(self.build_with(other, *words, options=",activate=yes")).line, one)

    def test_a_script_that_leaves_the_shell_fails_the_build_and_says_why(self):
        lock = self.lock_of(("tool", {"etc/conda/activate.d/x.sh": ("echo it cannot go on\nexit 0\n", 0o644)}))
        answer = self.build_with(self.kilnd, lock, "FROM base:1\n" + COPY_ENV, options=",activate=yes")
        self.refused(answer, 1, "/opt/env/etc/conda/activate.d", "it cannot go on", "Dockerfile:2")

    def test_an_environment_without_a_shell_is_told(self):
        lock = self.lock_of(("tool", SCRIPTED))
        answer = self.build_with(self.kilnd, lock, "FROM env\n", options=",activate=yes")
        self.refused(answer, 2, "/opt/env/etc/conda/activate.d/a.sh", "no shell", "base")
        self.refused(self.build_with(self.kilnd, lock, "FROM env\n", options=",activate=maybe"), 2, "activate=yes|no")

    def test_a_definition_asks_for_it_by_a_key_that_is_part_of_its_hash(self):
        specification = self.specification({}, *((path, text) for path, (text, _) in SCRIPTED.items()))
        inline = "".join("  " + line + "\n" for line in specification.splitlines())
        text = f"name: train\nimage: base:1\nconda_file:\n{inline}"
        self.good(self.kilnd.kiln("env", "create", "-f", self.write("plain.yml", text)))
        self.good(self.kilnd.kiln("env", "create", "-f", self.write("active.yml", text + "activate: true\n")))

        image = self.good(self.kilnd.kiln("env", "build", "train:2")).line

        self.assertEqual(self.variables(image)["SECOND"], "hello  again")
        shown = [self.good(self.kilnd.kiln("env", "show", f"train:{version}")).json for version in (1, 2)]
        self.assertEqual([each["activate"] for each in shown], [False, True])
        self.assertNotEqual(shown[0]["hash"], shown[1]["hash"])
        self.assertIn("activate", self.good(self.kilnd.kiln("env", "diff", "train:1", "train:2")).stdout)
        self.refused(self.kilnd.kiln("env", "create", "-f", self.write("bad.yml", text + "activate: perhaps\n")), 2,
                     "activate is \"perhaps\"", "bad.yml:")


if __name__ == "__main__":
    unittest.main()
