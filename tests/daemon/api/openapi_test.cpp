#include "daemon/api/openapi.hpp"

#include "tests/support/matchers.hpp"
#include "tests/support/test_daemon.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

namespace kiln::daemon {
namespace {

using json::Object;
using json::Value;
using kiln::testing::Succeeds;

const Value& document() {
    static const Value k_document = json::parse(openapi_document(), "openapi.json").value();
    return k_document;
}

const Object& schemas() {
    return document().at("components").at("schemas").as_object();
}

/// The part of JSON Schema that the description uses. Says the first thing that does not fit.
std::string misfit(const Value& value, const Object& schema, const std::string& where) {
    if (const Value* reference = schema.if_contains("$ref")) {
        const std::string name(reference->as_string());
        return misfit(value, schemas().at(name.substr(name.rfind('/') + 1)).as_object(), where);
    }
    if (value.is_null()) {
        return schema.contains("nullable") ? "" : where + " is null";
    }
    if (const Value* all = schema.if_contains("allOf")) {
        return misfit(value, all->as_array().at(0).as_object(), where);
    }
    const std::string type(schema.contains("type") ? schema.at("type").as_string() : "");
    const std::map<std::string, bool> fits{
        {"", true},
        {"string", value.is_string()},
        {"integer", value.is_int64() || value.is_uint64()},
        {"boolean", value.is_bool()},
        {"array", value.is_array()},
        {"object", value.is_object()}};
    if (!fits.at(type)) {
        return where + " is no " + type;
    }
    if (type == "array") {
        for (const Value& item : value.as_array()) {
            const auto found = misfit(item, schema.at("items").as_object(), where + "[]");
            if (!found.empty()) {
                return found;
            }
        }
    }
    if (type != "object" || !schema.contains("additionalProperties")) {
        return "";
    }
    const Value& others = schema.at("additionalProperties");
    const Object none;
    const Object& properties =
        schema.contains("properties") ? schema.at("properties").as_object() : none;
    for (const auto& [key, item] : value.as_object()) {
        const Value* property = properties.if_contains(key);
        if (property == nullptr && !others.is_object()) {
            return where + " has a field that is not described: " + std::string(key);
        }
        const Object& expected = property != nullptr ? property->as_object() : others.as_object();
        const auto found = misfit(item, expected, where + "." + std::string(key));
        if (!found.empty()) {
            return found;
        }
    }
    for (const auto& [key, property] : properties) {
        if (!value.as_object().contains(key)) {
            return where + " lacks " + std::string(key);
        }
    }
    return "";
}

/// Which schema a golden record is an example of: "build_record_failed" of BuildRecord.
const std::map<std::string, std::string>& records() {
    static const std::map<std::string, std::string> k_records{
        {"build_request", "BuildRequest"},
        {"build_accepted", "BuildAnswer"},
        {"build_needs", "BuildAnswer"},
        {"build_record", "BuildRecord"},
        {"build_record_failed", "BuildRecord"},
        {"builds", "Builds"},
        {"blob_answer", "BlobAnswer"},
        {"contents_answer", "ContentsAnswer"},
        {"files_answer", "FilesAnswer"},
        {"context_answer", "ContextAnswer"},
        {"difference", "Difference"},
        {"environment_request", "EnvironmentRequest"},
        {"environment_wanted", "EnvironmentAnswer"},
        {"environment_made", "EnvironmentAnswer"},
        {"environments", "Environments"},
        {"environment_history", "EnvironmentHistory"},
        {"environment_details", "EnvironmentDetails"},
        {"environment_edit", "EnvironmentEdit"},
        {"environment_copy", "EnvironmentCopy"},
        {"environment_export", "EnvironmentExport"},
        {"environment_differences", "EnvironmentDifferences"},
        {"environment_build_request", "EnvironmentBuildRequest"},
        {"environment_build_known", "EnvironmentBuildAnswer"},
        {"environment_build_unresolved", "EnvironmentBuildAnswer"},
        {"environment_build_needs", "EnvironmentBuildAnswer"},
        {"bundle_request", "BundleRequest"},
        {"bundle_needs", "BundleAnswer"},
        {"bundle_answer", "BundleAnswer"},
        {"unbundle_request", "UnbundleRequest"},
        {"unbundle_needs", "UnbundleAnswer"},
        {"unbundle_accepted", "UnbundleAnswer"},
        {"refresh_request", "RefreshRequest"},
        {"environment_bases", "EnvironmentBases"},
        {"lock_comparison", "LockComparison"},
        {"explain", "Explanation"},
        {"gc_request", "GcRequest"},
        {"gc_answer", "GcAnswer"},
        {"history", "History"},
        {"image", "ImageDetails"},
        {"images", "Images"},
        {"layers", "Layers"},
        {"load_answer", "LoadAnswer"},
        {"lock_request", "LockRequest"},
        {"lock_needs", "LockAnswer"},
        {"login_request", "LoginRequest"},
        {"login_answer", "LoginAnswer"},
        {"pip_lock_request", "PipLockRequest"},
        {"pip_lock_needs", "PipLockAnswer"},
        {"name_answer", "NameAnswer"},
        {"packages", "Packages"},
        {"problem", "Problem"},
        {"pull_request", "PullRequest"},
        {"push_request", "PushRequest"},
        {"rebase_request", "RebaseRequest"},
        {"rebase_answer", "RebaseAnswer"},
        {"run_request", "RunRequest"},
        {"import_request", "ImportRequest"},
        {"share_request", "ShareRequest"},
        {"runs", "RunList"},
        {"curation_request", "CurationRequest"},
        {"system", "System"},
        {"tag_request", "TagRequest"},
        {"usage", "Usage"},
        {"verification", "Verification"},
        {"verify_request", "VerifyRequest"},
        {"verify_answer", "VerifyAnswer"},
        {"workspace", "Workspace"}};
    return k_records;
}

TEST(OpenApi, DescribesEveryGoldenRecord) {
    const std::string folder = std::string(KILN_SOURCE_DIR) + "/tests/golden/wire";
    std::size_t checked = 0;

    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        const std::string name = file.path().stem();
        const auto known = records().find(name);
        const std::string schema = known != records().end()     ? known->second
                                   : name.starts_with("event_") ? "Event"
                                                                : "";
        ASSERT_FALSE(schema.empty()) << name << " is described by no schema";
        const auto text = read_file_at(AT_FDCWD, file.path(), 1 << 20);
        ASSERT_THAT(text, Succeeds());
        const auto value = json::parse(*text, name);
        ASSERT_THAT(value, Succeeds());
        EXPECT_EQ(misfit(*value, schemas().at(schema).as_object(), name), "");
        ++checked;
    }

    EXPECT_GE(checked, records().size());
}

TEST(OpenApi, DescribesExactlyThePathsThatAreAnswered) {
    kiln::testing::TestDaemon daemon;
    std::vector<std::string> described;
    for (const auto& [path, item] : document().at("paths").as_object()) {
        for (const auto& [method, operation] : item.as_object()) {
            std::string name(method);
            std::transform(name.begin(), name.end(), name.begin(), [](char c) {
                return static_cast<char>(c - 'a' + 'A');
            });
            described.push_back(name + " " + std::string(path));
        }
    }
    std::sort(described.begin(), described.end());

    EXPECT_EQ(daemon.router().routes(), described);
}

TEST(OpenApi, NoticesAFieldTooManyAndOneTooFew) {
    const Object& schema = schemas().at("TagRequest").as_object();

    EXPECT_EQ(misfit(json::parse(R"({"source":"a","target":"b"})", "").value(), schema, "it"), "");
    EXPECT_NE(misfit(json::parse(R"({"source":"a"})", "").value(), schema, "it"), "");
    EXPECT_NE(
        misfit(json::parse(R"({"source":"a","target":"b","x":1})", "").value(), schema, "it"), ""
    );
    EXPECT_NE(misfit(json::parse(R"({"source":1,"target":"b"})", "").value(), schema, "it"), "");
}

}  // namespace
}  // namespace kiln::daemon
