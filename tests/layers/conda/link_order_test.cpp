#include "layers/conda/link_order.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>

namespace kiln::conda {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PackageMetadata metadata(std::string name, std::vector<std::string> depends = {}) {
    PackageMetadata metadata;
    metadata.name = std::move(name);
    metadata.depends = std::move(depends);
    return metadata;
}

std::vector<std::string> order_of(const std::vector<PackageMetadata>& packages) {
    std::vector<const PackageMetadata*> pointers;
    for (const PackageMetadata& each : packages) {
        pointers.push_back(&each);
    }
    std::vector<std::string> names;
    for (const std::size_t index : link_order(pointers)) {
        names.push_back(packages[index].name);
    }
    return names;
}

TEST(LinkOrder, DependenciesComeFirst) {
    EXPECT_THAT(
        order_of({
            metadata("z", {"m >=1", "absent"}),
            metadata("a"),
            metadata("m", {"conda-forge::A[build=x]"}),
        }),
        ElementsAre("a", "m", "z")
    );
    EXPECT_THAT(order_of({}), IsEmpty());
}

TEST(LinkOrder, NoarchPythonComesAfterPythonWhetherItSaysSoOrNot) {
    PackageMetadata hello = metadata("z-hello");
    hello.noarch = Noarch::python;
    EXPECT_THAT(order_of({hello, metadata("python")}), ElementsAre("python", "z-hello"));
}

TEST(LinkOrder, PythonComesBeforeThePipThatItNames) {
    EXPECT_THAT(
        order_of({metadata("pip", {"python"}), metadata("python", {"pip"})}),
        ElementsAre("python", "pip")
    );
}

TEST(LinkOrder, ACircleIsCutAtItsLastByName) {
    EXPECT_THAT(
        order_of({
            metadata("one", {"two"}),
            metadata("two", {"one", "two"}),
            metadata("after", {"one"}),
            metadata("free"),
        }),
        ElementsAre("free", "two", "one", "after")
    );
}

RC_GTEST_PROP(LinkOrder, IsTheSameWhateverOrderIsGivenAndRespectsEveryDependency, ()) {
    const auto count = *rc::gen::inRange<std::size_t>(0, 30);
    std::vector<PackageMetadata> packages;
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<std::string> depends;
        for (std::size_t j = 0; j < i; ++j) {
            if (*rc::gen::inRange(0, 6) == 0) {
                depends.push_back("p" + std::to_string(j) + " >=1");
            }
        }
        packages.push_back(metadata("p" + std::to_string(i), std::move(depends)));
    }

    const auto order = order_of(packages);
    std::reverse(packages.begin(), packages.end());

    RC_ASSERT(order_of(packages) == order);
    RC_ASSERT(order.size() == count);
    const auto place = [&](const std::string& name) {
        return std::find(order.begin(), order.end(), name) - order.begin();
    };
    for (const PackageMetadata& each : packages) {
        for (const std::string& depend : each.depends) {
            RC_ASSERT(place(depend_name(depend)) < place(each.name));
        }
    }
}

}  // namespace
}  // namespace kiln::conda
