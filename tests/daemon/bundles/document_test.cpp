#include "daemon/bundles/document.hpp"

#include "tests/support/check_bundle_document.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/mutation.hpp"

#include <rapidcheck/gtest.h>

namespace kiln::daemon {
namespace {

using testing::FailsSaying;
using testing::golden_input;
using testing::Succeeds;

json::Value golden_bundle() {
    const auto answer = json::parse(golden_input("wire/bundle_answer.json"), "the answer");
    return answer->at("bundle");
}

TEST(BundleDocument, IsReadAsTheClientReadsIt) {
    const json::Value value = golden_bundle();

    const auto document = BundleDocument::parse(json::render(value));

    ASSERT_THAT(document, Succeeds());
    EXPECT_TRUE(document->since);
    EXPECT_EQ(document->environments.at(0).reference, "train:2");
    EXPECT_EQ(document->parts.at(2).what, "package numpy-1.26.4-py311_0.conda");
    EXPECT_FALSE(document->parts.at(2).carried);
    EXPECT_EQ(json::Value(document->to_json()), value);
}

TEST(BundleDocument, NamesNothingThatIsNoPart) {
    json::Value value = golden_bundle();
    value.at("parts").as_array().erase(value.at("parts").as_array().begin());
    EXPECT_THAT(
        BundleDocument::parse(json::render(value)),
        FailsSaying(Code::invalid_input, "which is no part of it")
    );

    value = golden_bundle();
    value.at("environments").at(0).as_object()["artifact"] = "sha256:" + std::string(64, '9');
    EXPECT_THAT(
        BundleDocument::parse(json::render(value)),
        FailsSaying(Code::invalid_input, "tells of train:2")
    );
}

TEST(BundleDocument, OfANewerKilnSaysSo) {
    json::Value value = golden_bundle();
    value.as_object()["format"] = 2;

    EXPECT_THAT(
        BundleDocument::parse(json::render(value)), FailsSaying(Code::unsupported, "newer kiln")
    );
}

RC_GTEST_PROP(BundleDocument, TakesOrRefusesAnyBytes, ()) {
    testing::check_bundle_document(as_bytes(testing::arbitrary_mutation("bundle_document")));
}

}  // namespace
}  // namespace kiln::daemon
