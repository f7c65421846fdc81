#include "store/index_encoding.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace kiln::store {
namespace {

void put_number(Bytes& out, std::uint32_t number) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
        out.push_back(static_cast<std::byte>((number >> shift) & 0xffU));
    }
}

void put_text(Bytes& out, std::string_view text) {
    put_number(out, static_cast<std::uint32_t>(text.size()));
    const ByteSpan bytes = as_bytes(text);
    out.insert(out.end(), bytes.begin(), bytes.end());
}

Result<std::uint32_t> take_number(ByteSpan& rest) {
    if (rest.size() < 4) {
        return fail(Code::corrupt, "a list in the store's index ends early");
    }
    std::uint32_t number = 0;
    for (unsigned i = 0; i < 4; ++i) {
        number |= std::to_integer<std::uint32_t>(rest[i]) << (8 * i);
    }
    rest = rest.subspan(4);
    return number;
}

Result<std::string> take_text(ByteSpan& rest) {
    TRY_ASSIGN(const std::uint32_t size, take_number(rest));
    if (rest.size() < size) {
        return fail(Code::corrupt, "a list in the store's index ends early");
    }
    std::string text(as_text(rest.first(size)));
    rest = rest.subspan(size);
    return text;
}

}  // namespace

Bytes render_frames(const FrameMap& frames) {
    Bytes out;
    out.reserve(frames.frames.size() * 8);
    for (const Frame& frame : frames.frames) {
        put_number(out, frame.tar_bytes);
        put_number(out, frame.blob_bytes);
    }
    return out;
}

Result<FrameMap> parse_frames(ByteSpan bytes) {
    FrameMap map;
    map.frames.reserve(bytes.size() / 8);
    while (!bytes.empty()) {
        TRY_ASSIGN(const std::uint32_t tar_bytes, take_number(bytes));
        TRY_ASSIGN(const std::uint32_t blob_bytes, take_number(bytes));
        map.frames.push_back({.tar_bytes = tar_bytes, .blob_bytes = blob_bytes});
    }
    return map;
}

Bytes render_digests(const std::vector<Digest>& digests) {
    Bytes out;
    out.reserve(digests.size() * Digest::k_size);
    for (const Digest& digest : digests) {
        out.insert(out.end(), digest.raw().begin(), digest.raw().end());
    }
    return out;
}

Result<std::vector<Digest>> parse_digests(ByteSpan bytes) {
    if (bytes.size() % Digest::k_size != 0) {
        return fail(Code::corrupt, "a list in the store's index ends early");
    }
    std::vector<Digest> digests;
    digests.reserve(bytes.size() / Digest::k_size);
    for (; !bytes.empty(); bytes = bytes.subspan(Digest::k_size)) {
        Digest::Raw raw{};
        std::copy_n(bytes.begin(), raw.size(), raw.begin());
        digests.emplace_back(raw);
    }
    return digests;
}

Bytes render_ingredients(const std::vector<Ingredient>& ingredients) {
    Bytes out;
    for (const Ingredient& ingredient : ingredients) {
        put_text(out, ingredient.name);
        put_text(out, ingredient.value);
    }
    return out;
}

Result<std::vector<Ingredient>> parse_ingredients(ByteSpan bytes) {
    std::vector<Ingredient> ingredients;
    while (!bytes.empty()) {
        TRY_ASSIGN(std::string name, take_text(bytes));
        TRY_ASSIGN(std::string value, take_text(bytes));
        ingredients.push_back({.name = std::move(name), .value = std::move(value)});
    }
    return ingredients;
}

}  // namespace kiln::store
