#include "daemon/registry/challenge.hpp"

#include <algorithm>
#include <cstddef>

namespace kiln::registry {
namespace {

/// Offers beyond these are left out.
constexpr std::size_t k_challenges = 16;
constexpr std::size_t k_parameters = 32;
constexpr std::size_t k_header_bytes = 8192;

bool is_token_character(char c) {
    constexpr std::string_view k_others = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || k_others.find(c) != std::string_view::npos;
}

class HeaderReader {
  public:
    explicit HeaderReader(std::string_view text)
        : rest_(text.substr(0, k_header_bytes)) {}

    [[nodiscard]] bool at_end() const { return rest_.empty(); }

    void skip_blanks() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    }

    bool take(char c) {
        if (!rest_.starts_with(c)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }

    /// Lower case; empty when there is none.
    std::string take_token() {
        std::string token;
        while (!rest_.empty() && is_token_character(rest_.front())) {
            const char c = rest_.front();
            token += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            rest_.remove_prefix(1);
        }
        return token;
    }

    /// "quoted \" text", or everything up to a comma or blank.
    std::string take_value() {
        std::string value;
        if (!take('"')) {
            const std::size_t end = std::min(rest_.find_first_of(", \t"), rest_.size());
            value = rest_.substr(0, end);
            rest_.remove_prefix(end);
            return value;
        }
        while (!rest_.empty() && !take('"')) {
            take('\\');
            if (!rest_.empty()) {
                value += rest_.front();
                rest_.remove_prefix(1);
            }
        }
        return value;
    }

    void skip_to_comma() { rest_.remove_prefix(std::min(rest_.find(','), rest_.size())); }

  private:
    std::string_view rest_;
};

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
    std::vector<Challenge> challenges;
    HeaderReader reader(header);
    while (!reader.at_end() && challenges.size() < k_challenges) {
        reader.skip_blanks();
        if (reader.take(',')) {
            continue;
        }
        const std::string token = reader.take_token();
        reader.skip_blanks();
        if (token.empty()) {
            reader.skip_to_comma();
        } else if (reader.take('=')) {
            // A parameter of the challenge before; without one it belongs to nothing.
            reader.skip_blanks();
            std::string value = reader.take_value();
            if (!challenges.empty() && challenges.back().parameters.size() < k_parameters) {
                challenges.back().parameters.emplace(token, std::move(value));
            }
        } else {
            challenges.push_back({token, {}});
        }
    }
    return challenges;
}

}  // namespace kiln::registry
