#pragma once

#include "daemon/exec/channel.hpp"
#include "daemon/exec/description.hpp"
#include "daemon/exec/run_spec.hpp"
#include "layers/tar/tar_entry.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kiln::exec {

/// Writes the fields of a payload in order: fixed-width little-endian numbers, texts with their
/// length before them.
class PayloadWriter {
  public:
    PayloadWriter& number(std::uint64_t value);
    PayloadWriter& text(std::string_view value);
    PayloadWriter& texts(const std::vector<std::string>& values);

    [[nodiscard]] ByteSpan bytes() const { return bytes_; }

  private:
    Bytes bytes_;
};

/// Reads them back. As json::ObjectReader: after the first failure getters give empty values, and
/// finish() tells it. Kilnd reads the worker's payloads with the same distrust as any other input.
class PayloadReader {
  public:
    explicit PayloadReader(ByteSpan bytes)
        : rest_(bytes) {}

    std::uint64_t number();
    std::string text();
    std::vector<std::string> texts();
    /// How many elements follow, never more than could be there.
    std::size_t count();
    /// Errors   corrupt: too short, or bytes left over.
    Result<void> finish();

  private:
    ByteSpan rest_;
    bool broken_ = false;
};

/// The message as an answer of this type; what the worker says in a `failed` message becomes the
/// error.
Result<Message> expect(Result<Message> message, MessageType type);

Bytes render_error(const Error& error);
Error parse_error(ByteSpan payload);
Bytes render_entry(const tar::TarEntry& entry);
Result<tar::TarEntry> parse_entry(ByteSpan payload);
Bytes render_checks(const std::vector<Check>& checks);
Result<std::vector<Check>> parse_checks(ByteSpan payload);

/// RunSpec; the message carries descriptors, in this order: of the shared network if there is one,
/// of the trees to be mounted, of stdin and of the signals if there are any. The worker has the
/// tables already.
Bytes render_run(const RunSpec& spec, bool shares_network);

struct RunOrder {
    RunSpec spec;  // its descriptors are those of the message
    bool shares_network = false;

    /// Gives the spec its descriptors. Errors   corrupt when they are too few or too many.
    Result<void> adopt(const std::vector<Fd>& descriptors);
};

Result<RunOrder> parse_run(ByteSpan payload);

Bytes render_unpack(const Digest& diff_id, const Dress& dress, std::uint32_t workers);

struct UnpackOrder {
    Digest diff_id;
    Dress dress;
    std::uint32_t workers = 1;
};

Result<UnpackOrder> parse_unpack(ByteSpan payload);

}  // namespace kiln::exec
