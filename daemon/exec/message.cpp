#include "daemon/exec/message.hpp"

#include <algorithm>
#include <cstring>

namespace kiln::exec {
namespace {

constexpr std::size_t k_number_bytes = 8;

void put_optional_text(PayloadWriter& out, const std::optional<std::string>& text) {
    out.number(text ? 1 : 0).text(text.value_or(""));
}

std::optional<std::string> take_optional_text(PayloadReader& in) {
    const bool present = in.number() != 0;
    std::string text = in.text();
    return present ? std::optional(std::move(text)) : std::nullopt;
}

void put_digest(PayloadWriter& out, const Digest& digest) {
    out.text(as_text(digest.raw()));
}

Digest take_digest(PayloadReader& in) {
    const std::string raw = in.text();
    Digest::Raw bytes{};
    std::memcpy(bytes.data(), raw.data(), std::min(raw.size(), bytes.size()));
    return Digest(bytes);
}

// Both ends are one program, so an enum only has to be within its bounds to be told apart from
// damage.
template<class Enum>
Enum take_enum(PayloadReader& in, Enum last) {
    return static_cast<Enum>(std::min(in.number(), static_cast<std::uint64_t>(last)));
}

Bytes copy(const PayloadWriter& writer) {
    return {writer.bytes().begin(), writer.bytes().end()};
}

}  // namespace

PayloadWriter& PayloadWriter::number(std::uint64_t value) {
    for (std::size_t i = 0; i < k_number_bytes; ++i) {
        bytes_.push_back(static_cast<std::byte>(value >> (8U * i)));
    }
    return *this;
}

PayloadWriter& PayloadWriter::text(std::string_view value) {
    number(value.size());
    const ByteSpan bytes = as_bytes(value);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
}

PayloadWriter& PayloadWriter::texts(const std::vector<std::string>& values) {
    number(values.size());
    for (const std::string& value : values) {
        text(value);
    }
    return *this;
}

std::uint64_t PayloadReader::number() {
    if (broken_ || rest_.size() < k_number_bytes) {
        broken_ = true;
        return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < k_number_bytes; ++i) {
        value |= std::to_integer<std::uint64_t>(rest_[i]) << (8U * i);
    }
    rest_ = rest_.subspan(k_number_bytes);
    return value;
}

std::string PayloadReader::text() {
    const std::uint64_t size = number();
    if (broken_ || size > rest_.size()) {
        broken_ = true;
        return {};
    }
    const auto length = static_cast<std::size_t>(size);
    std::string value(as_text(rest_.first(length)));
    rest_ = rest_.subspan(length);
    return value;
}

std::size_t PayloadReader::count() {
    const std::uint64_t count = number();
    if (broken_ || count > rest_.size() / k_number_bytes) {
        broken_ = true;
        return 0;
    }
    return static_cast<std::size_t>(count);
}

std::vector<std::string> PayloadReader::texts() {
    std::vector<std::string> values(count());
    for (std::string& value : values) {
        value = text();
    }
    return values;
}

Result<void> PayloadReader::finish() {
    if (broken_ || !rest_.empty()) {
        return fail(Code::corrupt, "a message between kilnd and its sandbox breaks the form");
    }
    return {};
}

Result<Message> expect(Result<Message> message, MessageType type) {
    if (message && message->type == MessageType::failed) {
        return fail(parse_error(message->payload));
    }
    if (message && message->type != type) {
        return fail(Code::corrupt, "the sandbox's worker answers out of turn");
    }
    return message;
}

Bytes render_error(const Error& error) {
    PayloadWriter out;
    out.number(static_cast<std::uint64_t>(error.code)).text(error.message).texts(error.trail);
    out.text(error.hint);
    return copy(out);
}

Error parse_error(ByteSpan payload) {
    PayloadReader in(payload);
    Error error;
    error.code = take_enum(in, Code::internal);
    error.message = in.text();
    error.trail = in.texts();
    error.hint = in.text();
    auto whole = in.finish();
    return whole ? error : whole.error();
}

Bytes render_entry(const tar::TarEntry& entry) {
    PayloadWriter out;
    out.text(entry.path).number(static_cast<std::uint64_t>(entry.type)).number(entry.mode);
    out.number(entry.uid).number(entry.gid).number(entry.size_bytes);
    out.number(static_cast<std::uint64_t>(entry.mtime)).text(entry.link);
    out.number(entry.device_major).number(entry.device_minor).number(entry.xattrs.size());
    for (const auto& [name, value] : entry.xattrs) {
        out.text(name).text(value);
    }
    return copy(out);
}

Result<tar::TarEntry> parse_entry(ByteSpan payload) {
    PayloadReader in(payload);
    tar::TarEntry entry;
    entry.path = in.text();
    entry.type = take_enum(in, tar::EntryType::fifo);
    entry.mode = static_cast<std::uint32_t>(in.number()) & 07777U;
    entry.uid = in.number();
    entry.gid = in.number();
    entry.size_bytes = in.number();
    entry.mtime = static_cast<UnixSeconds>(in.number());
    entry.link = in.text();
    entry.device_major = static_cast<std::uint32_t>(in.number());
    entry.device_minor = static_cast<std::uint32_t>(in.number());
    for (std::size_t rest = in.count(); rest > 0; --rest) {
        std::string name = in.text();
        entry.xattrs[std::move(name)] = in.text();
    }
    TRY(in.finish());
    return entry;
}

Bytes render_checks(const std::vector<Check>& checks) {
    PayloadWriter out;
    out.number(checks.size());
    for (const Check& check : checks) {
        out.text(check.name).number(check.ok ? 1 : 0).text(check.detail);
    }
    return copy(out);
}

Result<std::vector<Check>> parse_checks(ByteSpan payload) {
    PayloadReader in(payload);
    std::vector<Check> checks(in.count());
    for (Check& check : checks) {
        check.name = in.text();
        check.ok = in.number() != 0;
        check.detail = in.text();
    }
    TRY(in.finish());
    return checks;
}

Bytes render_run(const RunSpec& spec, bool shares_network) {
    PayloadWriter out;
    out.number(shares_network ? 1 : 0).number(spec.layers.size());
    for (const LowerLayer& layer : spec.layers) {
        put_digest(out, layer.diff_id);
    }
    out.texts(spec.arguments).texts(spec.environment).text(spec.working_directory);
    out.number(spec.uid).number(spec.gid).number(spec.supplementary_gids.size());
    for (const std::uint32_t gid : spec.supplementary_gids) {
        out.number(gid);
    }
    out.number(static_cast<std::uint64_t>(spec.network)).text(spec.hostname);
    put_optional_text(out, spec.hosts);
    put_optional_text(out, spec.resolv_conf);
    out.number(static_cast<std::uint64_t>(spec.timestamps));
    out.number(static_cast<std::uint64_t>(spec.epoch));
    out.number(spec.make_working_directory ? 1 : 0).number(spec.mounts.size());
    for (const HostMount& mounted : spec.mounts) {
        out.text(mounted.destination);
    }
    out.number(spec.input >= 0 ? 1 : 0).number(spec.signals >= 0 ? 1 : 0);
    return copy(out);
}

Result<RunOrder> parse_run(ByteSpan payload) {
    PayloadReader in(payload);
    RunOrder order;
    order.shares_network = in.number() != 0;
    RunSpec& spec = order.spec;
    spec.layers.resize(in.count());
    for (LowerLayer& layer : spec.layers) {
        layer.diff_id = take_digest(in);
    }
    spec.arguments = in.texts();
    spec.environment = in.texts();
    spec.working_directory = in.text();
    spec.uid = static_cast<std::uint32_t>(in.number());
    spec.gid = static_cast<std::uint32_t>(in.number());
    spec.supplementary_gids.resize(in.count());
    for (std::uint32_t& gid : spec.supplementary_gids) {
        gid = static_cast<std::uint32_t>(in.number());
    }
    spec.network = take_enum(in, Network::host);
    spec.hostname = in.text();
    spec.hosts = take_optional_text(in);
    spec.resolv_conf = take_optional_text(in);
    spec.timestamps = take_enum(in, Timestamps::keep);
    spec.epoch = static_cast<UnixSeconds>(in.number());
    spec.make_working_directory = in.number() != 0;
    spec.mounts.resize(in.count());
    for (HostMount& mounted : spec.mounts) {
        mounted.destination = in.text();
    }
    // Which descriptor it is, adopt() says.
    spec.input = in.number() != 0 ? 0 : -1;
    spec.signals = in.number() != 0 ? 0 : -1;
    TRY(in.finish());
    return order;
}

Result<void> RunOrder::adopt(const std::vector<Fd>& descriptors) {
    const std::size_t expected = (shares_network ? 1U : 0U) + spec.mounts.size()
                                 + (spec.input >= 0 ? 1U : 0U) + (spec.signals >= 0 ? 1U : 0U);
    if (descriptors.size() != expected) {
        return fail(Code::corrupt, "an order to run comes without its descriptors");
    }
    std::size_t next = shares_network ? 1 : 0;
    for (HostMount& mounted : spec.mounts) {
        mounted.fd = descriptors[next++].get();
    }
    for (int* each : {&spec.input, &spec.signals}) {
        if (*each >= 0) {
            *each = descriptors[next++].get();
        }
    }
    return {};
}

Bytes render_unpack(const Digest& diff_id, const Dress& dress, std::uint32_t workers) {
    PayloadWriter out;
    put_digest(out, diff_id);
    out.number(static_cast<std::uint64_t>(dress.compression));
    put_digest(out, dress.digest);
    out.number(dress.size_bytes).number(dress.frames.frames.size());
    for (const kiln::Frame& frame : dress.frames.frames) {
        out.number(frame.tar_bytes).number(frame.blob_bytes);
    }
    out.number(workers);
    return copy(out);
}

Result<UnpackOrder> parse_unpack(ByteSpan payload) {
    PayloadReader in(payload);
    UnpackOrder order;
    order.diff_id = take_digest(in);
    order.dress.compression = take_enum(in, Compression::zstd);
    order.dress.digest = take_digest(in);
    order.dress.size_bytes = in.number();
    order.dress.frames.frames.resize(in.count());
    for (kiln::Frame& frame : order.dress.frames.frames) {
        frame.tar_bytes = static_cast<std::uint32_t>(in.number());
        frame.blob_bytes = static_cast<std::uint32_t>(in.number());
    }
    order.workers = static_cast<std::uint32_t>(in.number());
    TRY(in.finish());
    return order;
}

}  // namespace kiln::exec
