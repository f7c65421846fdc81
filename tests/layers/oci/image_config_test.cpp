#include "layers/oci/image_config.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <string>

namespace kiln::oci {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using ::testing::ElementsAre;

ImageConfig full_config() {
    ImageConfig image;
    image.created = "1980-01-02T00:00:00Z";
    image.author = "me";
    image.platform = {.os = "linux", .architecture = "arm64", .variant = "v8"};
    image.config.user = "1000:1000";
    image.config.exposed_ports = {"80/tcp", "53/udp"};
    image.config.env = {"PATH=/bin", "B=2", "A=1"};
    image.config.entrypoint = {"/bin/app"};
    image.config.cmd = std::vector<std::string>();
    image.config.volumes = {"/data"};
    image.config.working_dir = "/srv";
    image.config.labels = {{"b", "2"}, {"a", "1"}};
    image.config.stop_signal = "SIGINT";
    image.config.healthcheck = Healthcheck{.test = {"CMD-SHELL", "true"}, .interval_ns = 5};
    image.config.on_build = {"RUN x"};
    image.config.shell = {"/bin/bash", "-c"};
    image.diff_ids = {digest_of("1")};
    image.history = {
        {.created = "1980-01-02T00:00:00Z", .created_by = "COPY a b"},
        {.created_by = "CMD []", .comment = "c", .empty_layer = true}};
    return image;
}

TEST(ImageConfig, RendersTheSameBytesForTheSameValue) {
    const ImageConfig image = full_config();

    const std::string text = image.render();

    EXPECT_EQ(
        text,
        R"({"created":"1980-01-02T00:00:00Z","author":"me","architecture":"arm64","os":"linux",)"
        R"("variant":"v8","config":{"User":"1000:1000","ExposedPorts":{"53/udp":{},"80/tcp":{}},)"
        R"("Env":["PATH=/bin","B=2","A=1"],"Entrypoint":["/bin/app"],"Cmd":[],)"
        R"("Volumes":{"/data":{}},"WorkingDir":"/srv","Labels":{"a":"1","b":"2"},)"
        R"("StopSignal":"SIGINT","Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":5},)"
        R"("OnBuild":["RUN x"],"Shell":["/bin/bash","-c"]},"rootfs":{"type":"layers",)"
        R"("diff_ids":["sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b")"
        R"(]},)"
        R"("history":[{"created":"1980-01-02T00:00:00Z","created_by":"COPY a b"},)"
        R"({"created_by":"CMD []","comment":"c","empty_layer":true}]})"
    );
    EXPECT_EQ(ImageConfig::parse(as_bytes(text)), image);
}

TEST(ImageConfig, KeepsWhatOthersWrote) {
    const std::string text =
        R"({"os":"linux","docker_version":"20","architecture":"amd64","rootfs":{"type":"layers",)"
        R"("diff_ids":[]},"container_config":{"Tty":false,"Image":""},)"
        R"("config":{"Hostname":"h","Env":["A=b"],"Domainname":""}})";

    const auto image = ImageConfig::parse(as_bytes(text));

    ASSERT_THAT(image, Succeeds());
    const std::string rendered = image->render();
    EXPECT_NE(
        rendered.find(R"("config":{"Env":["A=b"],"Domainname":"","Hostname":"h"})"),
        std::string::npos
    ) << rendered;
    EXPECT_NE(
        rendered.find(R"("container_config":{"Image":"","Tty":false},"docker_version":"20"})"),
        std::string::npos
    ) << rendered;
    EXPECT_EQ(ImageConfig::parse(as_bytes(rendered)), *image);
}

TEST(ImageConfig, RefusesTooMuchHistory) {
    ImageConfig image = full_config();
    image.history.assign(k_history_entries + 1, HistoryEntry{.empty_layer = true});
    const std::string million =
        R"({"os":"linux","architecture":"amd64","history":[)" + std::string(2'000'000, ' ') + "{}";

    EXPECT_THAT(
        ImageConfig::parse(as_bytes(image.render())), FailsSaying(Code::too_large, "history")
    );
    std::string entries = million;
    for (int i = 0; i < 1'000'000; ++i) {
        entries += ",{}";
    }
    entries += "]}";
    EXPECT_THAT(ImageConfig::parse(as_bytes(entries)), FailsSaying(Code::too_large, "4 MiB"));
}

TEST(ImageConfig, RefusesMoreLayersThanRun) {
    ImageConfig image = full_config();
    image.diff_ids.assign(121, digest_of("x"));

    EXPECT_THAT(ImageConfig::parse(as_bytes(image.render())), FailsWith(Code::too_large));
}

TEST(ImageConfig, NamesTheFieldThatIsWrong) {
    const auto with = [](std::string_view part) {
        return R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]},)"
               + std::string(part) + "}";
    };
    const auto refuses = [&](std::string_view part, const std::string& word) {
        EXPECT_THAT(
            ImageConfig::parse(as_bytes(with(part))), FailsSaying(Code::invalid_input, word)
        );
    };
    refuses(R"("created":"yesterday")", "created");
    refuses(R"("created":"2015-10-31T22:22:56.Z")", "created");
    refuses(R"("config":{"Env":["A"]})", "Env");
    refuses(R"("config":{"ExposedPorts":{"80/tcp":1}})", "ExposedPorts");
    refuses(R"("config":{"Labels":{"a":1}})", "Labels");
    refuses(R"("history":[{"empty_layer":"yes"}])", "empty_layer");
    refuses(R"("config":[])", "config");
    EXPECT_THAT(
        ImageConfig::parse(as_bytes(with(R"("created":"2015-10-31T22:22:56.01+01:00")"))),
        Succeeds()
    );
}

TEST(Environment, SetsInPlaceAndReadsTheLast) {
    std::vector<std::string> env = {"A=1", "AB=2"};

    set_env(env, "A", "x=y");
    set_env(env, "C", "");

    EXPECT_THAT(env, ElementsAre("A=x=y", "AB=2", "C="));
    EXPECT_EQ(find_env(env, "A"), "x=y");
    EXPECT_EQ(find_env(env, "C"), "");
    EXPECT_EQ(find_env(env, "B"), std::nullopt);
}

}  // namespace
}  // namespace kiln::oci
