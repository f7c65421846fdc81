#include "layers/conda/channel/msgpack.hpp"

#include "store/base/json.hpp"
#include "store/base/utf8.hpp"
#include "store/digest.hpp"

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>

namespace kiln::conda {

namespace {

/// Reads one document; `error_` keeps the first fault.
class MsgpackReader {
  public:
    MsgpackReader(ByteSpan bytes, std::size_t limit_bytes, std::string_view what)
        : rest_(bytes),
          limit_bytes_(limit_bytes),
          what_(what) {}

    Result<std::string> run();

  private:
    enum class Role : std::uint8_t { value, key };

    void read(std::size_t depth, Role role);
    bool read_number(std::uint8_t type);
    bool read_string(std::uint8_t type, Role role);
    bool read_collection(std::uint8_t type, std::size_t depth);
    void read_array(std::size_t count, std::size_t depth);
    void read_map(std::size_t count, std::size_t depth);
    void write_text(std::size_t size);
    void write_hex(std::size_t size);
    void write_double(double value);
    std::size_t size_of(unsigned bytes);
    template<std::unsigned_integral Number>
    Number take();
    std::optional<ByteSpan> take_bytes(std::size_t size);
    void refuse(Code code, std::string why);

    ByteSpan rest_;
    std::size_t limit_bytes_;
    std::string_view what_;
    std::string json_;
    std::optional<Error> error_;
};

Result<std::string> MsgpackReader::run() {
    read(0, Role::value);
    if (!error_ && !rest_.empty()) {
        refuse(Code::invalid_input, "something stands behind its end");
    }
    if (error_) {
        return fail(std::move(*error_));
    }
    return std::move(json_);
}

/// The first byte of each value says what it is (github.com/msgpack/msgpack, spec.md).
void MsgpackReader::read(std::size_t depth, Role role) {
    if (depth > k_msgpack_depth) {
        refuse(Code::invalid_input, "it is nested too deeply");
    }
    const auto type = take<std::uint8_t>();
    if (error_ || read_string(type, role)) {
        return;
    }
    if (role == Role::key) {
        refuse(Code::invalid_input, "a key is not a text");
        return;
    }
    if (read_number(type) || read_collection(type, depth)) {
        return;
    }
    switch (type) {
        case 0xc0:
            json_ += "null";
            break;
        case 0xc2:
            json_ += "false";
            break;
        case 0xc3:
            json_ += "true";
            break;
        default:
            refuse(Code::invalid_input, fmt::format("type {:#x} is not read", type));
    }
}

bool MsgpackReader::read_number(std::uint8_t type) {
    const auto put = [this](auto value) { json_ += std::to_string(value); };
    if (type < 0x80) {
        put(type);
        return true;
    }
    if (type >= 0xe0) {
        put(static_cast<int>(static_cast<std::int8_t>(type)));
        return true;
    }
    switch (type) {
        case 0xca:
            write_double(static_cast<double>(std::bit_cast<float>(take<std::uint32_t>())));
            return true;
        case 0xcb:
            write_double(std::bit_cast<double>(take<std::uint64_t>()));
            return true;
        case 0xcc:
            put(take<std::uint8_t>());
            return true;
        case 0xcd:
            put(take<std::uint16_t>());
            return true;
        case 0xce:
            put(take<std::uint32_t>());
            return true;
        case 0xcf:
            put(take<std::uint64_t>());
            return true;
        case 0xd0:
            put(static_cast<int>(static_cast<std::int8_t>(take<std::uint8_t>())));
            return true;
        case 0xd1:
            put(static_cast<std::int16_t>(take<std::uint16_t>()));
            return true;
        case 0xd2:
            put(static_cast<std::int32_t>(take<std::uint32_t>()));
            return true;
        case 0xd3:
            put(static_cast<std::int64_t>(take<std::uint64_t>()));
            return true;
        default:
            return false;
    }
}

bool MsgpackReader::read_string(std::uint8_t type, Role role) {
    if (type >= 0xa0 && type < 0xc0) {
        write_text(type & 0x1fU);
        return true;
    }
    if (type >= 0xd9 && type <= 0xdb) {
        write_text(size_of(1U << (type - 0xd9U)));
        return true;
    }
    if (role == Role::value && type >= 0xc4 && type <= 0xc6) {
        write_hex(size_of(1U << (type - 0xc4U)));
        return true;
    }
    return false;
}

bool MsgpackReader::read_collection(std::uint8_t type, std::size_t depth) {
    if (type >= 0x80 && type < 0x90) {
        read_map(type & 0x0fU, depth);
        return true;
    }
    if (type >= 0x90 && type < 0xa0) {
        read_array(type & 0x0fU, depth);
        return true;
    }
    if (type == 0xdc || type == 0xdd) {
        read_array(size_of(type == 0xdc ? 2 : 4), depth);
        return true;
    }
    if (type == 0xde || type == 0xdf) {
        read_map(size_of(type == 0xde ? 2 : 4), depth);
        return true;
    }
    return false;
}

void MsgpackReader::read_array(std::size_t count, std::size_t depth) {
    json_ += '[';
    for (std::size_t i = 0; i < count && !error_; ++i) {
        json_ += i == 0 ? "" : ",";
        read(depth + 1, Role::value);
    }
    json_ += ']';
}

void MsgpackReader::read_map(std::size_t count, std::size_t depth) {
    json_ += '{';
    for (std::size_t i = 0; i < count && !error_; ++i) {
        json_ += i == 0 ? "" : ",";
        read(depth + 1, Role::key);
        json_ += ':';
        read(depth + 1, Role::value);
    }
    json_ += '}';
}

void MsgpackReader::write_text(std::size_t size) {
    const auto bytes = take_bytes(size);
    if (!bytes) {
        return;
    }
    const std::string_view text = as_text(*bytes);
    if (!is_utf8(text)) {
        refuse(Code::invalid_input, "a text is not UTF-8");
        return;
    }
    json_ += json::render(json::Value(text));
}

void MsgpackReader::write_hex(std::size_t size) {
    if (const auto bytes = take_bytes(size)) {
        json_ += '"' + render_hex(*bytes) + '"';
    }
}

void MsgpackReader::write_double(double value) {
    if (!std::isfinite(value)) {
        refuse(Code::invalid_input, "a number is not finite");
        return;
    }
    json_ += fmt::format("{}", value);
}

std::size_t MsgpackReader::size_of(unsigned bytes) {
    switch (bytes) {
        case 1:
            return take<std::uint8_t>();
        case 2:
            return take<std::uint16_t>();
        default:
            return take<std::uint32_t>();
    }
}

/// Numbers are big-endian.
template<std::unsigned_integral Number>
Number MsgpackReader::take() {
    const auto bytes = take_bytes(sizeof(Number));
    std::uint64_t value = 0;
    if (bytes) {
        for (const std::byte byte : *bytes) {
            value = (value << 8U) | static_cast<std::uint64_t>(byte);
        }
    }
    return static_cast<Number>(value);
}

std::optional<ByteSpan> MsgpackReader::take_bytes(std::size_t size) {
    if (error_) {
        return std::nullopt;
    }
    if (size > rest_.size()) {
        refuse(Code::invalid_input, "it ends too early");
        return std::nullopt;
    }
    if (json_.size() > limit_bytes_) {
        refuse(Code::too_large, fmt::format("more than {} bytes", limit_bytes_));
        return std::nullopt;
    }
    const ByteSpan taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
}

void MsgpackReader::refuse(Code code, std::string why) {
    if (!error_) {
        error_ =
            Error{.code = code, .message = fmt::format("{} is no MessagePack: {}", what_, why)};
    }
}

}  // namespace

Result<std::string> json_of_msgpack(
    ByteSpan bytes, std::size_t limit_bytes, std::string_view what
) {
    return MsgpackReader(bytes, limit_bytes, what).run();
}

}  // namespace kiln::conda
