#include "daemon/registry/diagnostics.hpp"

#include "tests/support/matchers.hpp"

namespace kiln::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Request request_to(const std::string& url) {
    Request request;
    request.method = "PUT";
    request.url = Url::parse(url).value_or(Url());
    request.headers.emplace_back("Authorization", "Basic c2VjcmV0");
    return request;
}

Response response_of(int status, std::string body) {
    Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

TEST(AnswerError, KeepsRequestStatusAndWhatTheRegistrySays) {
    const Error error = answer_error(
        request_to("https://registry.example/v2/a/b/manifests/1?token=hunter2"),
        response_of(
            403, R"({"errors":[{"code":"DENIED","message":"not yours"},{"code":"X","message":""}]})"
        )
    );

    EXPECT_EQ(error.code, Code::permission);
    EXPECT_THAT(error.message, HasSubstr("DENIED: not yours; X"));
    EXPECT_THAT(error.message, HasSubstr("403 to PUT https://registry.example/v2/a/b/manifests/1"));
    EXPECT_THAT(error.render(), Not(HasSubstr("hunter2")));
    EXPECT_THAT(error.render(), Not(HasSubstr("c2VjcmV0")));
}

TEST(AnswerError, BoundsAndCleansWhatIsNoJson) {
    const Error error = answer_error(
        request_to("https://a/"), response_of(500, "\x1B[31mred\r\n" + std::string(100'000, 'x'))
    );

    EXPECT_LT(error.message.size(), 1000U);
    EXPECT_THAT(error.message, Not(HasSubstr("\x1B")));
    EXPECT_EQ(error.code, Code::upstream);
}

TEST(IsTemporary, FollowsStatusAndCodes) {
    const auto coded = [](std::string_view codes) {
        return response_of(400, fmt::format(R"({{"errors":[{}]}})", codes));
    };

    EXPECT_TRUE(is_temporary(response_of(500, "")));
    EXPECT_TRUE(is_temporary(response_of(429, "")));
    EXPECT_FALSE(is_temporary(response_of(501, "")));
    EXPECT_FALSE(is_temporary(response_of(400, "")));
    EXPECT_TRUE(is_temporary(coded(R"({"code":"BLOB_UPLOAD_INVALID"})")));
    EXPECT_TRUE(is_temporary(coded(R"({"code":"TOOMANYREQUESTS"})")));
    EXPECT_FALSE(is_temporary(coded(R"({"code":"BLOB_UPLOAD_INVALID"},{"code":"DENIED"})")));
}

}  // namespace
}  // namespace kiln::registry
