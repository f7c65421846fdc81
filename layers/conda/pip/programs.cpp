#include "layers/conda/pip/programs.hpp"

namespace kiln::conda {

const std::string_view k_pip_module = R"python(import glob
import importlib.util
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def pip_environment():
    """The environment in which `python -m pip` finds a pip."""
    if importlib.util.find_spec("pip"):
        return dict(os.environ)
    wheels = glob.glob(HERE + "/wheels/pip-*.whl")
    bundled = importlib.util.find_spec("ensurepip")
    if bundled:
        wheels += glob.glob(os.path.dirname(bundled.origin) + "/_bundled/pip-*.whl")
    if not wheels:
        sys.exit("the environment has no pip: add pip to its conda packages")
    return dict(os.environ, PYTHONPATH=wheels[0])


def pip(*words):
    code = subprocess.call([sys.executable, "-m", "pip", *words], env=pip_environment(), cwd=HERE)
    if code:
        sys.exit(code)
)python";

const std::string_view k_pip_install_program = R"python(import glob
import os
import shutil
import sys
import tarfile
import zipfile

from kiln_pip import HERE, pip


def install(*words):
    pip("install", "--quiet", "--no-index", "--no-deps", "--no-compile",
        "--no-warn-script-location", "--upgrade", *words)


def build(archive):
    """A wheel of sources: always at the same place, so that no random path gets into it."""
    source, made = HERE + "/tmp/source", HERE + "/tmp/made"
    for directory in (source, made):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
    if archive.endswith(".zip"):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(source)
    else:
        with tarfile.open(archive) as opened:
            if hasattr(tarfile, "data_filter"):
                opened.extractall(source, filter="data")
            else:
                opened.extractall(source)
    roots = [entry.path for entry in os.scandir(source) if entry.is_dir()]
    if len(roots) != 1:
        sys.exit(os.path.basename(archive) + " does not hold one directory of sources")
    pip("wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation",
        "--wheel-dir", made, roots[0])
    name, version = os.path.basename(glob.glob(made + "/*.whl")[0]).split("-")[:2]
    install("--find-links", made, name + "==" + version)


if os.path.exists(HERE + "/requirements.txt"):
    install("--require-hashes", "--find-links", HERE + "/wheels",
            "--requirement", HERE + "/requirements.txt")
for archive in sorted(glob.glob(HERE + "/sources/*/*")):
    build(archive)
)python";

const std::string_view k_pip_resolve_program = R"python(import sys

from kiln_pip import pip

pip("install", "--quiet", "--dry-run", "--upgrade", "--no-build-isolation", "--report", "-",
    *sys.argv[1:])
)python";

const std::string_view k_pip_compile_program = R"python(import compileall
import csv
import glob
import os
import py_compile
import sys
import sysconfig

paths = set()
for directory in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
    for record in glob.glob(directory + "/*.dist-info/RECORD"):
        installer = os.path.join(os.path.dirname(record), "INSTALLER")
        if not os.path.exists(installer) or open(installer).read().strip() != "pip":
            continue
        with open(record, newline="", encoding="utf-8") as rows:
            for row in csv.reader(rows):
                path = os.path.normpath(os.path.join(directory, row[0])) if row else ""
                if path.endswith(".py") and path.startswith(directory + "/"):
                    paths.add(path)
for path in sorted(paths):
    if os.path.isfile(path):
        compileall.compile_file(path, quiet=2, legacy=False,
                                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
)python";

}  // namespace kiln::conda
