#pragma once

#include "daemon/environments/canonical.hpp"

#include <map>
#include <string>

namespace kiln::testing {

/// A definition with all that it names and what its names stand for on some day. The default is a
/// conda specification on a base; a test changes what it is about.
struct Told {
    std::string definition =
        "name: train\nversion: 1\nimage: base:1\nconda_file: environment.yml\n";
    std::string conda =
        "name: train\nchannels: [forge, main]\ndependencies:\n  - python=3.11\n  - numpy=1.26.4\n";
    std::map<std::string, std::string> tags = {{"base:1", "first"}, {"base:2", "second"}};
    std::map<std::string, std::string> context = {
        {"Dockerfile", "FROM base:1\nRUN make\n"}, {"app.py", "print(1)\n"}};
    std::string ignore = {};
    std::map<std::string, std::string> pip_files = {};
};

/// The record of a definition, found the way the daemon finds it.
Result<daemon::CanonicalRecord> identify(const Told& told);

/// A digest that stands for a content.
Digest digest_for(std::string_view content);

}  // namespace kiln::testing
