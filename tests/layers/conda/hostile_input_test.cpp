#include "tests/support/check_conda_package.hpp"
#include "tests/support/check_conda_record.hpp"
#include "tests/support/check_dpkg_status.hpp"
#include "tests/support/check_lockfile.hpp"
#include "tests/support/check_pip_metadata.hpp"
#include "tests/support/package_maker.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

// The checkers of the fuzz harnesses, on what rapidcheck makes of good input.

namespace kiln::testing {
namespace {

std::string damaged(std::string text) {
    const auto wounds = *rc::gen::inRange(0, 6);
    for (int i = 0; i < wounds && !text.empty(); ++i) {
        const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
        switch (*rc::gen::inRange(0, 3)) {
            case 0:
                text[at] = *rc::gen::arbitrary<char>();
                break;
            case 1:
                text.erase(at, *rc::gen::inRange<std::size_t>(0, 64));
                break;
            default:
                text.insert(at, text.substr(*rc::gen::inRange<std::size_t>(0, text.size()), 32));
        }
    }
    return text;
}

RC_GTEST_PROP(HostileInput, LockFilesKeepTheirLaws, ()) {
    const auto lines = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        "@EXPLICIT",
        "# platform: linux-64",
        "https://u:p@h/t/token/c/linux-64/a-1-0.conda#" + std::string(32, 'a'),
        "file:///x/b%20-1-0.tar.bz2#sha256:" + std::string(64, 'b'),
        "../c-1-0.conda"
    ));
    std::string text = "@EXPLICIT\n";
    for (const std::string& line : lines) {
        text += line + "\n";
    }
    check_lockfile(as_bytes(damaged(text)));
}

RC_GTEST_PROP(HostileInput, RecordsKeepTheirLaws, ()) {
    check_conda_record(as_bytes(damaged(
        R"({"name": "a", "version": "1", "build": "0", "license": "MIT OR odd", "depends": ["b"],
            "files": ["bin/x", "lib/python3.8/site-packages/m.py", "l"],
            "paths_data": {"paths": [{"_path": "site-packages/m.py", "sha256": "aa"},
            {"_path": "l", "path_type": "softlink"}]}})"
    )));
}

RC_GTEST_PROP(HostileInput, WhatPipLeavesKeepsItsLaws, ()) {
    check_pip_metadata(as_bytes(damaged(
        "Name: A_b\nVersion: 1.0\nRequires-Dist: c[x] (>=1); extra == \"y\"\nLicense: MIT\n"
        "../../../bin/x,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n\"a,\"\"b\",,\n"
    )));
}

RC_GTEST_PROP(HostileInput, StatusOfDpkgKeepsItsLaws, ()) {
    check_dpkg_status(as_bytes(
        damaged("Package: a\nStatus: install ok installed\nVersion: 1:2~rc1-3\nSource: b (4)\n"
                "Depends: c | d (>= 1), e:any\n\nPackage: e\nVersion: 1.0+b1\nArchitecture: all\n")
    ));
}

RC_GTEST_PROP(HostileInput, PackagesKeepTheirLaws, ()) {
    PackageMaker maker("demo");
    maker.file("bin/tool", "#!/ppppppppppppp/bin/python\n", {"/ppppppppppppp"})
        .file("lib/x", std::string("/ppppppppppppp\0", 15), {"/ppppppppppppp", "binary"})
        .symlink("lib/l", "x")
        .directory("var");
    if (*rc::gen::arbitrary<bool>()) {
        maker.noarch("python").entry_point("run = demo:main");
    }
    check_conda_package(
        as_bytes(damaged(*rc::gen::arbitrary<bool>() ? maker.conda() : maker.tar_v1()))
    );
}

}  // namespace
}  // namespace kiln::testing
