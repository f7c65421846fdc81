#include "daemon/exec/channel.hpp"

#include "daemon/exec/message.hpp"
#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace kiln::exec {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;

TEST(Channel, CarriesAMessageWithItsDescriptors) {
    auto ends = Channel::pair();
    ASSERT_THAT(ends, Succeeds());
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const Fd reader(pipe[0]);
    Fd writer(pipe[1]);

    ASSERT_THAT(
        ends->first.send(MessageType::entry, as_bytes("hello"), std::span(&pipe[1], 1)), Succeeds()
    );
    auto received = ends->second.receive();

    ASSERT_THAT(received, Succeeds());
    EXPECT_EQ(received->type, MessageType::entry);
    EXPECT_EQ(as_text(received->payload), "hello");
    ASSERT_EQ(received->descriptors.size(), 1U);
    writer = Fd();
    EXPECT_THAT(write_all(received->descriptors.front().get(), as_bytes("x")), Succeeds());
}

TEST(Channel, CarriesMoreThanASocketHoldsAtOnce) {
    auto ends = Channel::pair();
    ASSERT_THAT(ends, Succeeds());
    const Bytes large(4U * 1024 * 1024, std::byte{7});
    std::thread sender([&] {
        EXPECT_THAT(ends->first.send(MessageType::content, large), Succeeds());
    });

    const auto received = ends->second.receive();
    sender.join();

    ASSERT_THAT(received, Succeeds());
    EXPECT_EQ(received->payload, large);
}

TEST(Channel, SaysWhenTheOtherSideIsGone) {
    auto ends = Channel::pair();
    ASSERT_THAT(ends, Succeeds());
    { const Channel closed = std::move(ends->second); }

    EXPECT_THAT(ends->first.send(MessageType::hello), FailsWith(Code::internal));
    EXPECT_THAT(ends->first.receive(), FailsWith(Code::internal));
}

TEST(Channel, RefusesAMessageThatBreaksTheForm) {
    auto ends = Channel::pair();
    ASSERT_THAT(ends, Succeeds());
    const std::array<unsigned char, 8> too_large{0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0};
    ASSERT_THAT(write_all(ends->first.fd(), std::as_bytes(std::span(too_large))), Succeeds());
    EXPECT_THAT(ends->second.receive(), FailsWith(Code::corrupt));
}

TEST(Message, TellsTheWorkersErrorAsItWas) {
    const Error error{
        .code = Code::not_found, .message = "no", .trail = {"a", "b"}, .hint = "look"};
    Message failed{.type = MessageType::failed, .payload = render_error(error), .descriptors = {}};

    const auto answer = expect(std::move(failed), MessageType::done);

    ASSERT_THAT(answer, FailsSaying(Code::not_found, "no (a; b)"));
    EXPECT_EQ(answer.error().hint, "look");
}

RC_GTEST_PROP(Message, ParsesWhatItRenders, (const std::string& path, std::uint64_t number)) {
    tar::TarEntry entry;
    entry.path = path;
    entry.type = tar::EntryType::symlink;
    entry.mode = static_cast<std::uint32_t>(number) & 07777U;
    entry.uid = number;
    entry.mtime = static_cast<UnixSeconds>(number);
    entry.link = path + path;
    entry.xattrs[path] = path;

    const auto parsed = parse_entry(render_entry(entry));

    RC_ASSERT(parsed.has_value());
    RC_ASSERT(*parsed == entry);
}

RC_GTEST_PROP(Message, RefusesEveryTruncation, (const std::string& path)) {
    tar::TarEntry entry;
    entry.path = path;
    const Bytes whole = render_entry(entry);
    const auto cut = *rc::gen::inRange<std::size_t>(0, whole.size());

    RC_ASSERT(!parse_entry(ByteSpan(whole).first(cut)).has_value());
}

TEST(Message, KeepsEveryFieldOfARun) {
    RunSpec spec;
    spec.layers = {{.diff_id = Digest(Digest::Raw{std::byte{1}}), .table_fd = 5}};
    spec.arguments = {"/bin/sh", "-c", ""};
    spec.environment = {"A=b", "C="};
    spec.working_directory = "/srv";
    spec.uid = 1000;
    spec.gid = 1001;
    spec.supplementary_gids = {4, 20};
    spec.network = Network::host;
    spec.hostname = "box";
    spec.hosts = "127.0.0.1 x\n";
    spec.timestamps = Timestamps::keep;
    spec.epoch = -1;

    const auto parsed = parse_run(render_run(spec, true));

    ASSERT_THAT(parsed, Succeeds());
    EXPECT_TRUE(parsed->shares_network);
    EXPECT_EQ(parsed->spec.layers.front().diff_id, spec.layers.front().diff_id);
    EXPECT_EQ(parsed->spec.arguments, spec.arguments);
    EXPECT_EQ(parsed->spec.environment, spec.environment);
    EXPECT_EQ(parsed->spec.working_directory, "/srv");
    EXPECT_EQ(parsed->spec.uid, 1000U);
    EXPECT_EQ(parsed->spec.gid, 1001U);
    EXPECT_EQ(parsed->spec.supplementary_gids, spec.supplementary_gids);
    EXPECT_EQ(parsed->spec.network, Network::host);
    EXPECT_EQ(parsed->spec.hostname, "box");
    EXPECT_EQ(parsed->spec.hosts, spec.hosts);
    EXPECT_FALSE(parsed->spec.resolv_conf);
    EXPECT_EQ(parsed->spec.timestamps, Timestamps::keep);
    EXPECT_EQ(parsed->spec.epoch, -1);
}

}  // namespace
}  // namespace kiln::exec
