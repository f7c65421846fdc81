#include "layers/dockerfile/mode.hpp"

#include <algorithm>
#include <optional>

namespace kiln::dockerfile {
namespace {

constexpr std::uint32_t k_user = 04700;
constexpr std::uint32_t k_group = 02070;
constexpr std::uint32_t k_other = 01007;
constexpr std::uint32_t k_all = 07777;
constexpr std::uint32_t k_execute = 0111;

std::optional<std::uint32_t> who_of(char c) {
    switch (c) {
        case 'u':
            return k_user;
        case 'g':
            return k_group;
        case 'o':
            return k_other;
        case 'a':
            return k_all;
        default:
            return std::nullopt;
    }
}

std::optional<std::uint32_t> bits_of(char c) {
    switch (c) {
        case 'r':
            return 0444;
        case 'w':
            return 0222;
        case 'x':
            return k_execute;
        case 's':
            return 06000;
        case 't':
            return 01000;
        default:
            return std::nullopt;
    }
}

bool is_operation(char c) {
    return c == '+' || c == '-' || c == '=';
}

/// The three bits of one class, spread over all three.
std::uint32_t copied(std::uint32_t mode, char from) {
    const std::uint32_t shift = from == 'u' ? 6 : from == 'g' ? 3 : 0;
    return ((mode >> shift) & 07U) * 0111U;
}

}  // namespace

Result<FileMode> FileMode::parse(std::string_view text) {
    const auto refuse = [&] {
        return fail(Code::invalid_input, "{} is not a mode such as 0644 or u=rwX,go=rX", text);
    };
    FileMode mode;
    const bool octal = !text.empty() && text.find_first_not_of("01234567") == text.npos;
    if (octal) {
        // Leading zeros aside, four digits are all there is.
        const std::size_t first = std::min(text.find_first_not_of('0'), text.size());
        if (text.size() - first > 4) {
            return refuse();
        }
        for (const char digit : text.substr(first)) {
            mode.absolute_ = mode.absolute_ * 8 + static_cast<std::uint32_t>(digit - '0');
        }
        return mode;
    }
    for (std::size_t at = 0; at <= text.size(); ++at) {
        std::uint32_t who = 0;
        for (; at < text.size() && who_of(text[at]); ++at) {
            who |= *who_of(text[at]);
        }
        // No class named means all of them; a umask does not reach an image.
        who = who == 0 ? k_all : who;
        if (at == text.size() || !is_operation(text[at])) {
            return refuse();
        }
        while (at < text.size() && is_operation(text[at])) {
            Clause clause{.who = who, .operation = text[at++]};
            if (at < text.size() && (text[at] == 'u' || text[at] == 'g' || text[at] == 'o')) {
                clause.copy_from = text[at++];
            }
            for (; at < text.size() && clause.copy_from == 0; ++at) {
                if (text[at] == 'X') {
                    clause.conditional_execute = true;
                } else if (const auto bits = bits_of(text[at])) {
                    clause.bits |= *bits & who;
                } else {
                    break;
                }
            }
            mode.clauses_.push_back(clause);
        }
        if (at < text.size() && text[at] != ',') {
            return refuse();
        }
    }
    return mode;
}

std::uint32_t FileMode::apply(std::uint32_t before, Kind kind) const {
    if (clauses_.empty()) {
        return absolute_;
    }
    std::uint32_t mode = before & k_all;
    for (const Clause& clause : clauses_) {
        std::uint32_t bits = clause.bits;
        if (clause.copy_from != 0) {
            bits = copied(mode, clause.copy_from) & clause.who;
        }
        if (clause.conditional_execute && (kind == Kind::directory || (mode & k_execute) != 0)) {
            bits |= k_execute & clause.who;
        }
        switch (clause.operation) {
            case '+':
                mode |= bits;
                break;
            case '-':
                mode &= ~bits;
                break;
            default:
                // As chmod(1): `=` leaves the set-id bits of a directory alone.
                mode &= ~(clause.who & (kind == Kind::directory ? 01777U : k_all));
                mode |= bits;
                break;
        }
    }
    return mode;
}

}  // namespace kiln::dockerfile
