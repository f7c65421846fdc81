#include "tests/daemon/environments/identity.hpp"
#include "tests/support/matchers.hpp"

#include <vector>

namespace kiln::daemon {
namespace {

using kiln::testing::identify;
using kiln::testing::Told;

enum class Hash { same, differs };

/// One line of "Identity and reuse": two definitions, and whether they are one environment.
struct Pair {
    std::string what;
    Told left;
    Told right;
    Hash hash;
};

Told with(std::string definition) {
    return {.definition = std::move(definition)};
}

/// The usual definition and another conda_file.
Told conda(std::string text) {
    return {.conda = std::move(text)};
}

/// The usual conda_file with these dependencies.
Told needs(const std::string& dependencies) {
    return conda("channels: [forge, main]\ndependencies: " + dependencies + "\n");
}

/// A lock instead of a specification.
Told locked(std::string lock) {
    return {.definition = "name: train\nimage: base:1\nlock: env.lock\n", .conda = std::move(lock)};
}

/// Docker steps, and what lies in their context.
Told built(std::map<std::string, std::string> context, std::string ignore = {}) {
    return {
        .definition = "name: train\nbuild:\n  path: .\n",
        .context = std::move(context),
        .ignore = std::move(ignore)};
}

Told built_as(std::string definition) {
    return {
        .definition = std::move(definition),
        .context = {
            {"Dockerfile", "FROM base:1\n"}, {"docker/Dockerfile", "FROM base:1\n"}, {"a", "1"}}};
}

Told tagged(Told told, const std::string& tag, const std::string& content) {
    told.tags[tag] = content;
    return told;
}

const std::string k_start = "image: base:1\nconda_file: environment.yml\n";
const std::string k_numpy_sha = "1111111111111111111111111111111111111111111111111111111111111111";
const std::string k_python_sha = "2222222222222222222222222222222222222222222222222222222222222222";
const std::string k_other_sha = "3333333333333333333333333333333333333333333333333333333333333333";
const std::string k_numpy =
    "https://conda.example/forge/linux-64/numpy-1.26.4-py311_0.conda#" + k_numpy_sha + "\n";
const std::string k_python =
    "https://conda.example/forge/linux-64/python-3.11.9-h1_0.conda#" + k_python_sha + "\n";
const std::string k_explicit = "@EXPLICIT\n";

/// The same two packages in the form of conda-lock.
std::string conda_lock(const std::string& numpy_build = "py311_0") {
    const auto package = [](const char* name,
                            const char* version,
                            const std::string& build,
                            const std::string& sha256) {
        return fmt::format(
            "- name: {0}\n  version: {1}\n  manager: conda\n  platform: linux-64\n"
            "  dependencies: {{}}\n"
            "  url: https://mirror.example/c/linux-64/{0}-{1}-{2}.conda\n"
            "  hash:\n    sha256: {3}\n  category: main\n  optional: false\n",
            name,
            version,
            build,
            sha256
        );
    };
    return "version: 1\nmetadata:\n  content_hash: {linux-64: x}\n  channels: []\n"
           "  platforms: [linux-64]\n  sources: []\npackage:\n"
           + package("python", "3.11.9", "h1_0", k_python_sha)
           + package("numpy", "1.26.4", numpy_build, k_numpy_sha);
}

std::vector<Pair> of_names_and_notes() {
    return {
        {"the name", with("name: a\n" + k_start), with("name: b\n" + k_start), Hash::same},
        {"the version",
         with("name: a\nversion: 1\n" + k_start),
         with("name: a\nversion: 2\n" + k_start),
         Hash::same},
        {"the description",
         with("name: a\ndescription: for training\n" + k_start),
         with("name: a\n" + k_start),
         Hash::same},
        {"tags",
         with("name: a\ntags: {team: vision}\n" + k_start),
         with("name: a\ntags: {team: speech}\n" + k_start),
         Hash::same},
        {"properties",
         with("name: a\nproperties: {cost: low}\n" + k_start),
         with("name: a\n" + k_start),
         Hash::same},
        {"inference_config",
         with("name: a\ninference_config: {liveness_route: {path: /live, port: 80}}\n" + k_start),
         with("name: a\n" + k_start),
         Hash::same},
        {"auto_rebuild",
         with("name: a\nauto_rebuild: on_base_image_update\n" + k_start),
         with("name: a\nauto_rebuild: disabled\n" + k_start),
         Hash::same},
        {"$schema",
         with("$schema: https://example.com/environment.schema.json\nname: a\n" + k_start),
         with("name: a\n" + k_start),
         Hash::same},
        {"os_type written out",
         with("name: a\nos_type: linux\n" + k_start),
         with("name: a\n" + k_start),
         Hash::same},
    };
}

std::vector<Pair> of_how_it_is_written() {
    return {
        {"the order of the definition's keys",
         with("name: a\nimage: base:1\nconda_file: environment.yml\n"),
         with("conda_file: environment.yml\nimage: base:1\nname: a\n"),
         Hash::same},
        {"comments and empty lines of the definition",
         with("# by us\n\nname: a # the first\n" + k_start),
         with("name: a\n" + k_start),
         Hash::same},
        {"quotes",
         with("name: 'a'\nimage: \"base:1\"\nconda_file: 'environment.yml'\n"),
         with("name: a\n" + k_start),
         Hash::same},
        {"a definition in flow style",
         with("{name: a, image: base:1, conda_file: environment.yml}\n"),
         with("name: a\n" + k_start),
         Hash::same},
        {"a definition in JSON",
         with(R"({"name": "a", "image": "base:1", "conda_file": "environment.yml"})"),
         with("name: a\n" + k_start),
         Hash::same},
        {"the name of the conda file",
         with("name: a\nimage: base:1\nconda_file: other/env.yaml\n"),
         with("name: a\n" + k_start),
         Hash::same},
        {"a specification in the file of its own or inline",
         with("name: a\nimage: base:1\nconda_file:\n  channels: [forge, main]\n  dependencies:\n"
              "    - python=3.11\n    - numpy=1.26.4\n"),
         with("name: a\n" + k_start),
         Hash::same},
        {"an inline specification in flow style",
         with("name: a\nimage: base:1\nconda_file: {channels: [forge, main], "
              "dependencies: [python=3.11, numpy=1.26.4]}\n"),
         with("name: a\n" + k_start),
         Hash::same},
        {"anchors and aliases",
         with("name: &it a\ndescription: *it\n" + k_start),
         with("name: a\n" + k_start),
         Hash::same},
        {"the order of the specification's keys",
         conda("channels: [forge]\ndependencies: [python]\n"),
         conda("dependencies: [python]\nchannels: [forge]\n"),
         Hash::same},
        {"comments of the specification",
         conda("# ours\nchannels: [forge]\ndependencies: # all\n  - python # the language\n"),
         conda("channels: [forge]\ndependencies: [python]\n"),
         Hash::same},
        {"lines that end in carriage returns",
         conda("channels: [forge]\r\ndependencies:\r\n  - python\r\n"),
         conda("channels: [forge]\ndependencies: [python]\n"),
         Hash::same},
        {"the specification's own name",
         conda("name: x\nchannels: [forge]\ndependencies: [python]\n"),
         conda("name: y\nchannels: [forge]\ndependencies: [python]\n"),
         Hash::same},
        {"the specification's own prefix",
         conda("prefix: /home/me/x\nchannels: [forge]\ndependencies: [python]\n"),
         conda("channels: [forge]\ndependencies: [python]\n"),
         Hash::same},
        {"white space within a dependency",
         needs("[numpy >=1.26]"),
         needs("[numpy>=1.26]"),
         Hash::same},
        {"capitals in a package's name", needs("[NumPy]"), needs("[numpy]"), Hash::same},
        {"a dependency for another system",
         conda("channels: [forge]\ndependencies:\n  - python\n  - pywin32  # [win]\n"),
         conda("channels: [forge]\ndependencies:\n  - python\n"),
         Hash::same},
    };
}

std::vector<Pair> of_specifications() {
    return {
        {"the order of dependencies",
         needs("[python, numpy]"),
         needs("[numpy, python]"),
         Hash::differs},
        {"the order of channels",
         conda("channels: [forge, main]\ndependencies: [python]\n"),
         conda("channels: [main, forge]\ndependencies: [python]\n"),
         Hash::differs},
        {"another channel",
         conda("channels: [forge]\ndependencies: [python]\n"),
         conda("channels: [main]\ndependencies: [python]\n"),
         Hash::differs},
        {"nodefaults",
         conda("channels: [forge, nodefaults]\ndependencies: [python]\n"),
         conda("channels: [forge]\ndependencies: [python]\n"),
         Hash::differs},
        {"a token in the URL of a channel",
         conda("channels: [https://conda.example/t/SECRET/forge]\ndependencies: [python]\n"),
         conda("channels: [https://conda.example/forge]\ndependencies: [python]\n"),
         Hash::same},
        {"a pin", needs("[numpy=1.26.3]"), needs("[numpy=1.26.4]"), Hash::differs},
        {"a pin or none", needs("[numpy=1.26.4]"), needs("[numpy]"), Hash::differs},
        {"a pin by = or by ==", needs("[numpy=1.26]"), needs("[numpy==1.26]"), Hash::differs},
        {"a pinned build",
         needs("[numpy=1.26.4=py311_0]"),
         needs("[numpy=1.26.4=py311_1]"),
         Hash::differs},
        {"a dependency more", needs("[python, numpy]"), needs("[python]"), Hash::differs},
        {"the channel of a dependency",
         needs("[forge::numpy]"),
         needs("[main::numpy]"),
         Hash::differs},
        {"the order of pip lines",
         needs("[python, pip, {pip: [a, b]}]"),
         needs("[python, pip, {pip: [b, a]}]"),
         Hash::differs},
        {"a pin of pip",
         needs("[python, pip, {pip: [a==1.0]}]"),
         needs("[python, pip, {pip: [a==1.1]}]"),
         Hash::differs},
        {"a pip part or none",
         needs("[python, pip, {pip: [a]}]"),
         needs("[python, pip]"),
         Hash::differs},
        {"white space in a pip line",
         needs("[python, pip, {pip: ['a >= 1.0,  < 2']}]"),
         needs("[python, pip, {pip: ['a>=1.0,<2']}]"),
         Hash::same},
        {"a comment in a pip line",
         needs("[python, pip, {pip: ['a>=1  # why']}]"),
         needs("[python, pip, {pip: ['a>=1']}]"),
         Hash::same},
        {"a wheel that pip installs, of other content",
         {.conda = "dependencies: [pip, {pip: [./a.whl]}]\n", .pip_files = {{"./a.whl", "one"}}},
         {.conda = "dependencies: [pip, {pip: [./a.whl]}]\n", .pip_files = {{"./a.whl", "two"}}},
         Hash::differs},
        {"a variable",
         conda("dependencies: [python]\nvariables: {A: 1}\n"),
         conda("dependencies: [python]\nvariables: {A: 2}\n"),
         Hash::differs},
        {"the order of variables",
         conda("dependencies: [python]\nvariables: {A: 1, B: 2}\n"),
         conda("dependencies: [python]\nvariables: {B: 2, A: 1}\n"),
         Hash::same},
    };
}

std::vector<Pair> of_bases_and_targets() {
    return {
        {"a base tag that moved",
         tagged({}, "base:1", "first"),
         tagged({}, "base:1", "patched"),
         Hash::differs},
        {"two tags of one image",
         tagged(with("name: a\nimage: base:2\nconda_file: environment.yml\n"), "base:2", "first"),
         with("name: a\n" + k_start),
         Hash::same},
        {"another base",
         with("name: a\nimage: base:2\nconda_file: environment.yml\n"),
         with("name: a\n" + k_start),
         Hash::differs},
        {"a base alone or with a specification",
         with("name: a\nimage: base:1\n"),
         with("name: a\n" + k_start),
         Hash::differs},
        {"the platform",
         with("name: a\nplatform: linux/arm64\n" + k_start),
         with("name: a\nplatform: linux/amd64\n" + k_start),
         Hash::differs},
        {"the platform in conda's words",
         with("name: a\nplatform: linux-64\n" + k_start),
         with("name: a\nplatform: linux/amd64\n" + k_start),
         Hash::same},
        {"the host's platform written out",
         with("name: a\nplatform: linux/x86_64\n" + k_start),
         with("name: a\n" + k_start),
         Hash::same},
        {"the prefix",
         with("name: a\nprefix: /opt/a\n" + k_start),
         with("name: a\nprefix: /opt/b\n" + k_start),
         Hash::differs},
        {"the default prefix written out",
         with("name: a\nprefix: /opt/env\n" + k_start),
         with("name: a\n" + k_start),
         Hash::same},
        {"a '/' at the end of the prefix",
         with("name: a\nprefix: /opt/env/\n" + k_start),
         with("name: a\nprefix: /opt/env\n" + k_start),
         Hash::same},
        {"activation in the build",
         with("name: a\nactivate: true\n" + k_start),
         with("name: a\n" + k_start),
         Hash::differs},
        {"no activation, written out",
         with("name: a\nactivate: false\n" + k_start),
         with("name: a\n" + k_start),
         Hash::same},
        {"whose link scripts run",
         with("name: a\nlink_scripts: allow\n" + k_start),
         with("name: a\nlink_scripts: [perl]\n" + k_start),
         Hash::differs},
        {"the order and form of those names",
         with("name: a\nlink_scripts: [perl, ant]\n" + k_start),
         with("name: a\nlink_scripts: ant,perl\n" + k_start),
         Hash::same},
        {"no link scripts, written out",
         with("name: a\nlink_scripts: deny\n" + k_start),
         with("name: a\n" + k_start),
         Hash::same},
    };
}

std::vector<Pair> of_docker_steps() {
    const std::map<std::string, std::string> context = {
        {"Dockerfile", "FROM base:1\nCOPY a /a\n"}, {"a", "1"}, {"notes.md", "x"}};
    auto changed = context;
    changed["a"] = "2";
    auto noted = context;
    noted["notes.md"] = "y";
    auto grown = context;
    grown["b"] = "1";
    auto renamed = context;
    renamed.erase("a");
    renamed["c"] = "1";
    auto redone = context;
    redone["Dockerfile"] = "FROM base:1\nCOPY a /b\n";
    auto rebased = context;
    rebased["Dockerfile"] = "FROM base:2\nCOPY a /a\n";
    const std::string build = "name: a\nbuild:\n  path: .\n";
    return {
        {"a file of the context", built(context), built(changed), Hash::differs},
        {"a file more in the context", built(context), built(grown), Hash::differs},
        {"a file of the context under another name", built(context), built(renamed), Hash::differs},
        {"an ignored file", built(context, "*.md\n"), built(noted, "*.md\n"), Hash::same},
        {"the same file, not ignored", built(context), built(noted), Hash::differs},
        {"the Dockerfile", built(context), built(redone), Hash::differs},
        {"the Dockerfile, though it is ignored",
         built(context, "Dockerfile\n"),
         built(redone, "Dockerfile\n"),
         Hash::differs},
        {"the FROM of the Dockerfile", built(context), built(rebased), Hash::differs},
        {"the tag that FROM names moved",
         built(context),
         tagged(built(context), "base:1", "patched"),
         Hash::differs},
        {"a tag that no FROM names moved",
         built(context),
         tagged(built(context), "base:2", "patched"),
         Hash::same},
        {"the Dockerfile's path",
         built_as(build + "  dockerfile_path: docker/Dockerfile\n"),
         built_as(build),
         Hash::differs},
        {"the default path of the Dockerfile written out",
         built_as(build + "  dockerfile_path: ./Dockerfile\n"),
         built_as(build),
         Hash::same},
        {"where the context lies",
         built_as("name: a\nbuild: {path: ./src}\n"),
         built_as(build),
         Hash::same},
        {"a build argument",
         built_as(build + "  args: {N: 1}\n"),
         built_as(build + "  args: {N: 2}\n"),
         Hash::differs},
        {"a build argument or none",
         built_as(build + "  args: {N: 1}\n"),
         built_as(build),
         Hash::differs},
        {"the order of build arguments",
         built_as(build + "  args: {N: 1, M: 2}\n"),
         built_as(build + "  args: {M: 2, N: 1}\n"),
         Hash::same},
        {"a specification above the Docker steps",
         built_as(build + "conda_file: environment.yml\n"),
         built_as(build),
         Hash::differs},
    };
}

std::vector<Pair> of_locks() {
    const std::string numpy_elsewhere =
        "https://mirror.example/x/linux-64/numpy-1.26.4-py311_0.conda#" + k_numpy_sha + "\n";
    const std::string numpy_rebuilt =
        "https://conda.example/forge/linux-64/numpy-1.26.4-py311_1.conda#" + k_numpy_sha + "\n";
    const std::string numpy_older =
        "https://conda.example/forge/linux-64/numpy-1.26.3-py311_0.conda#" + k_numpy_sha + "\n";
    const std::string numpy_changed =
        "https://conda.example/forge/linux-64/numpy-1.26.4-py311_0.conda#" + k_other_sha + "\n";
    const Told lock = locked(k_explicit + k_python + k_numpy);
    return {
        {"the order of a lock", lock, locked(k_explicit + k_numpy + k_python), Hash::same},
        {"the URL of a locked package",
         lock,
         locked(k_explicit + k_python + numpy_elsewhere),
         Hash::same},
        {"comments of a lock",
         lock,
         locked("# made today\n# platform: linux-64\n" + k_explicit + k_python + k_numpy),
         Hash::same},
        {"the form of a lock", lock, locked(conda_lock()), Hash::same},
        {"the form of a lock, of another build",
         lock,
         locked(conda_lock("py311_1")),
         Hash::differs},
        {"the key that names the lock",
         lock,
         {.definition = "name: a\nimage: base:1\nconda_file: env.lock\n",
          .conda = k_explicit + k_python + k_numpy},
         Hash::same},
        {"a locked version", lock, locked(k_explicit + k_python + numpy_older), Hash::differs},
        {"a locked build", lock, locked(k_explicit + k_python + numpy_rebuilt), Hash::differs},
        {"a locked hash", lock, locked(k_explicit + k_python + numpy_changed), Hash::differs},
        {"a locked package more", lock, locked(k_explicit + k_python), Hash::differs},
        {"a lock or the specification it fits",
         lock,
         needs("[python=3.11.9, numpy=1.26.4]"),
         Hash::differs},
    };
}

std::vector<Pair> every_pair() {
    std::vector<Pair> all;
    for (const auto& part :
         {of_names_and_notes(),
          of_how_it_is_written(),
          of_specifications(),
          of_bases_and_targets(),
          of_docker_steps(),
          of_locks()}) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

TEST(DefinitionHash, IsThatOfTheTable) {
    const std::vector<Pair> pairs = every_pair();

    ASSERT_GE(pairs.size(), 60U);
    for (const Pair& pair : pairs) {
        SCOPED_TRACE(pair.what);
        const auto left = identify(pair.left);
        const auto right = identify(pair.right);
        EXPECT_THAT(left, kiln::testing::Succeeds());
        EXPECT_THAT(right, kiln::testing::Succeeds());
        if (left && right) {
            EXPECT_EQ(left->hash == right->hash, pair.hash == Hash::same) << left->text << "\n"
                                                                          << right->text;
            EXPECT_EQ(left->text == right->text, pair.hash == Hash::same);
        }
    }
}

}  // namespace
}  // namespace kiln::daemon
