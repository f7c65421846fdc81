#include "layers/conda/prefix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>

namespace kiln::conda {

namespace {

/// How wide one ASCII character is, and which of its bytes holds it. conda's POPULAR_ENCODINGS, in
/// its order.
struct Encoding {
    std::size_t width;
    std::size_t value_at;
};

constexpr std::array k_encodings = {
    Encoding{1, 0}, Encoding{2, 0}, Encoding{2, 1}, Encoding{4, 0}, Encoding{4, 3}};

bool is_ascii(std::string_view text);
std::string encode(std::string_view text, const Encoding& encoding);
const std::byte* find_in(ByteSpan haystack, std::string_view needle);
Result<Bytes> replace_all(ByteSpan content, std::string_view from, std::string_view into);
void replace_strings(
    MutableByteSpan content, std::string_view from, std::string_view into, std::size_t nul_width
);
std::optional<std::string> shebang_by_another_way(std::string_view line);

}  // namespace

Result<Bytes> replace_prefix_in_text(ByteSpan content, const PrefixChange& change) {
    ASSERT(!change.placeholder.empty());
    // Only the first line is special; what is not at a line's end has no length to check.
    const std::string_view text = as_text(content);
    const std::string_view first = text.substr(0, std::min(text.find('\n'), text.size()));
    const bool broken_by_space = change.target.find(' ') != std::string_view::npos
                                 && first.find(change.placeholder) != std::string_view::npos;
    Bytes rebuilt;
    if (broken_by_space) {
        // While the placeholder stands for it the path is one word; quoted, it may become two.
        if (const auto line = shebang_by_another_way(first)) {
            const ByteSpan head = as_bytes(*line);
            rebuilt.assign(head.begin(), head.end());
            const ByteSpan tail = content.subspan(first.size());
            rebuilt.insert(rebuilt.end(), tail.begin(), tail.end());
            content = rebuilt;
        }
    }
    Bytes patched(content.begin(), content.end());
    const bool wide = is_ascii(change.placeholder) && is_ascii(change.target);
    for (const Encoding& encoding : k_encodings) {
        if (encoding.width > 1 && !wide) {
            break;
        }
        const std::string from = encode(change.placeholder, encoding);
        if (find_in(patched, from) != nullptr) {
            TRY_ASSIGN(patched, replace_all(patched, from, encode(change.target, encoding)));
        }
    }
    const std::string_view now = as_text(patched);
    const std::string_view line = now.substr(0, std::min(now.find('\n'), now.size()));
    if (!broken_by_space && line.size() > k_shebang_bytes) {
        if (const auto shorter = shebang_by_another_way(line)) {
            const ByteSpan head = as_bytes(*shorter);
            patched.erase(
                patched.begin(), patched.begin() + static_cast<std::ptrdiff_t>(line.size())
            );
            patched.insert(patched.begin(), head.begin(), head.end());
        }
    }
    return patched;
}

Result<void> replace_prefix_in_binary(MutableByteSpan content, const PrefixChange& change) {
    ASSERT(!change.placeholder.empty());
    if (change.target.size() > change.placeholder.size()) {
        return fail(
            Code::invalid_input,
            "the prefix {} has {} bytes; there is room for {}",
            change.target,
            change.target.size(),
            change.placeholder.size()
        );
    }
    const bool wide = is_ascii(change.placeholder) && is_ascii(change.target);
    for (const Encoding& encoding : k_encodings) {
        if (encoding.width > 1 && !wide) {
            break;
        }
        replace_strings(
            content,
            encode(change.placeholder, encoding),
            encode(change.target, encoding),
            encoding.width
        );
    }
    return {};
}

namespace {

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char letter) {
        return static_cast<unsigned char>(letter) < 0x80;
    });
}

std::string encode(std::string_view text, const Encoding& encoding) {
    std::string encoded(text.size() * encoding.width, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) {
        encoded[i * encoding.width + encoding.value_at] = text[i];
    }
    return encoded;
}

const std::byte* find_in(ByteSpan haystack, std::string_view needle) {
    return static_cast<const std::byte*>(
        ::memmem(haystack.data(), haystack.size(), needle.data(), needle.size())
    );
}

Result<Bytes> replace_all(ByteSpan content, std::string_view from, std::string_view into) {
    Bytes out;
    out.reserve(content.size());
    const ByteSpan replacement = as_bytes(into);
    while (const std::byte* hit = find_in(content, from)) {
        const auto before = static_cast<std::size_t>(hit - content.data());
        out.insert(out.end(), content.begin(), content.begin() + (hit - content.data()));
        out.insert(out.end(), replacement.begin(), replacement.end());
        content = content.subspan(before + from.size());
        if (out.size() + content.size() > k_patched_text_bytes) {
            return fail(
                Code::too_large,
                "with its prefix replaced the text has more than {}",
                render_size(k_patched_text_bytes)
            );
        }
    }
    out.insert(out.end(), content.begin(), content.end());
    return out;
}

/// Where the next NUL of the encoding begins, aligned or not: after an ASCII character's zero bytes
/// the found place may lie inside it, which changes no byte of the result.
std::size_t find_nul(ByteSpan content, std::size_t width) {
    constexpr std::array<char, 4> k_nuls{};
    const std::byte* hit = find_in(content, {k_nuls.data(), width});
    return hit == nullptr ? content.size() : static_cast<std::size_t>(hit - content.data());
}

void replace_strings(
    MutableByteSpan content, std::string_view from, std::string_view into, std::size_t nul_width
) {
    while (const std::byte* hit = find_in(content, from)) {
        content = content.subspan(static_cast<std::size_t>(hit - content.data()));
        const std::size_t rest = find_nul(content.subspan(from.size()), nul_width);
        const std::size_t region_size = from.size() + rest;
        if (region_size == content.size()) {
            return;  // no NUL before the end, so neither here nor further on
        }
        // In place: `to` never overtakes what is still to be read, since `into` is not longer.
        const MutableByteSpan region = content.first(region_size);
        ByteSpan left = region;
        std::byte* to = region.data();
        while (const std::byte* next = find_in(left, from)) {
            const auto kept = static_cast<std::size_t>(next - left.data());
            std::memmove(to, left.data(), kept);
            std::memcpy(to + kept, into.data(), into.size());
            to += kept + into.size();
            left = left.subspan(kept + from.size());
        }
        std::memmove(to, left.data(), left.size());
        to += left.size();
        std::fill(to, region.data() + region.size(), std::byte{0});
        content = content.subspan(region_size);
    }
}

bool is_python(std::string_view program) {
    if (!program.starts_with("python")) {
        return false;
    }
    std::string_view version = program.substr(6);
    const auto digits = [&version] {
        const std::size_t end = std::min(version.find_first_not_of("0123456789"), version.size());
        version.remove_prefix(end);
        return end > 0;
    };
    if (version.empty()) {
        return true;
    }
    if (!digits()) {
        return false;
    }
    if (version.starts_with('.')) {
        version.remove_prefix(1);
        if (!digits()) {
            return false;
        }
    }
    return version.empty();
}

/// "#!", spaces, a path in which "\ " is a space, options. nullopt for anything else.
std::optional<std::string> shebang_by_another_way(std::string_view line) {
    if (!line.starts_with("#!")) {
        return std::nullopt;
    }
    std::string_view rest = line.substr(2);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    if (!rest.starts_with('/')) {
        return std::nullopt;
    }
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != ' ' && rest[end] != '\t' && rest[end] != '\r') {
        end += rest.substr(end).starts_with("\\ ") ? 2U : 1U;
    }
    const std::string_view path = rest.substr(0, end);
    const std::string_view options = rest.substr(end);
    const std::string_view program = path.substr(path.rfind('/') + 1);
    if (is_python(program)) {
        return fmt::format("#!/bin/sh\n'''exec' \"{}\"{} \"$0\" \"$@\" #'''", path, options);
    }
    return fmt::format("#!/usr/bin/env {}{}", program, options);
}

}  // namespace

}  // namespace kiln::conda
