#include "layers/oci/reference.hpp"

#include <algorithm>

namespace kiln::oci {
namespace {

constexpr std::string_view k_docker_domain = "docker.io";
constexpr std::string_view k_docker_alias = "index.docker.io";
constexpr std::string_view k_docker_official = "library/";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

bool is_alphanumeric(char c) {
    return is_digit(c) || is_lower(c) || is_upper(c);
}

bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Calls `check` for each part between separators; all must pass.
template<class Check>
bool all_parts(std::string_view text, char separator, Check check) {
    while (true) {
        const std::size_t end = text.find(separator);
        if (!check(text.substr(0, end))) {
            return false;
        }
        if (end == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(end + 1);
    }
}

bool is_domain_label(std::string_view label) {
    return !label.empty() && label.front() != '-' && label.back() != '-'
           && std::all_of(label.begin(), label.end(), [](char c) {
                  return is_alphanumeric(c) || c == '-';
              });
}

/// "host", "host:port", "[ipv6]:port"; a zone ("%eth0") is no part of a name.
bool is_domain(std::string_view text) {
    std::size_t host_end = 0;
    bool valid_host = false;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) {
            return false;
        }
        const std::string_view address = text.substr(1, close - 1);
        valid_host = !address.empty() && std::all_of(address.begin(), address.end(), [](char c) {
            return is_hex(c) || c == ':';
        });
        host_end = close + 1;
    } else {
        host_end = std::min(text.find(':'), text.size());
        valid_host = all_parts(text.substr(0, host_end), '.', is_domain_label);
    }
    const std::string_view rest = text.substr(host_end);
    const bool valid_port = rest.empty()
                            || (rest.size() > 1 && rest.front() == ':'
                                && std::all_of(rest.begin() + 1, rest.end(), is_digit));
    return valid_host && valid_port;
}

/// Lower-case words with one '.', one or two '_', or any number of '-' between them.
bool is_path_component(std::string_view text) {
    const auto is_word = [](char c) { return is_lower(c) || is_digit(c); };
    if (text.empty() || !is_word(text.front()) || !is_word(text.back())) {
        return false;
    }
    for (std::size_t at = 0; at < text.size();) {
        if (is_word(text[at])) {
            ++at;
            continue;
        }
        const std::size_t end = std::min(text.find_first_not_of(text[at], at), text.size());
        const std::size_t length = end - at;
        const bool valid =
            text[at] == '-' || (text[at] == '.' && length == 1) || (text[at] == '_' && length <= 2);
        if (!valid || !is_word(text[end])) {
            return false;
        }
        at = end;
    }
    return true;
}

bool is_path(std::string_view text) {
    return all_parts(text, '/', is_path_component);
}

bool is_tag(std::string_view text) {
    return !text.empty() && text.front() != '.' && text.front() != '-'
           && std::all_of(text.begin(), text.end(), [](char c) {
                  return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
              });
}

tl::unexpected<Error> invalid(std::string_view text, std::string_view why) {
    constexpr std::size_t k_quoted = 300;  // a hostile text is not repeated in full
    return fail(
        Code::invalid_input, "\"{}\" is not an image reference: {}", text.substr(0, k_quoted), why
    );
}

Result<Digest> parse_digest(std::string_view whole, std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view algorithm = text.substr(0, colon);
    const bool named =
        !algorithm.empty() && is_alphanumeric(algorithm.front())
        && std::all_of(algorithm.begin(), algorithm.end(), [](char c) {
               return is_alphanumeric(c) || c == '+' || c == '.' || c == '-' || c == '_';
           });
    if (colon == std::string_view::npos || !named) {
        return invalid(whole, "behind '@' stands \"sha256:\" and 64 hex digits");
    }
    if (algorithm != "sha256") {
        return fail(
            Code::unsupported,
            "digests of {} are not supported, only sha256",
            algorithm.substr(0, 64)
        );
    }
    auto digest = Digest::parse(text);
    if (!digest) {
        return invalid(whole, "its digest is not 64 lower-case hex digits");
    }
    return digest;
}

/// Docker takes the first component for a host when it is "localhost" or has a dot, a port or an
/// upper-case letter.
bool starts_with_host(std::string_view first) {
    return first.find_first_of(".:") != std::string_view::npos || first == "localhost"
           || std::any_of(first.begin(), first.end(), is_upper);
}

/// The text with the host and the library/ that Docker's own names leave out.
std::string with_docker_parts(std::string_view text) {
    const std::size_t slash = text.find('/');
    std::string_view domain = k_docker_domain;
    std::string_view rest = text;
    if (slash != std::string_view::npos && starts_with_host(text.substr(0, slash))) {
        domain = text.substr(0, slash);
        rest = text.substr(slash + 1);
    }
    if (domain == k_docker_alias) {
        domain = k_docker_domain;
    }
    const bool official = domain == k_docker_domain && rest.find('/') == std::string_view::npos;
    return fmt::format("{}/{}{}", domain, official ? k_docker_official : "", rest);
}

/// "64 hex digits" and "sha256:64 hex digits" fit the grammar, but nobody means a repository.
bool is_image_id(std::string_view text) {
    return Digest::parse_hex(text).has_value() || Digest::parse(text).has_value();
}

}  // namespace

Result<ReferenceParts> split_reference(std::string_view text) {
    ReferenceParts parts;
    std::string_view name = text;
    if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
        TRY_ASSIGN(parts.digest, parse_digest(text, text.substr(at + 1)));
        name = text.substr(0, at);
    }
    const std::size_t slash = name.rfind('/');
    const std::size_t colon = name.find(':', slash == std::string_view::npos ? 0 : slash + 1);
    if (colon != std::string_view::npos) {
        const std::string_view tag = name.substr(colon + 1);
        if (tag.size() > k_reference_tag_bytes) {
            return fail(
                Code::too_large,
                "a tag has at most {} bytes, this has {}",
                k_reference_tag_bytes,
                tag.size()
            );
        }
        if (!is_tag(tag)) {
            return invalid(text, "its tag may hold letters, digits, '_', '.' and '-' only");
        }
        parts.tag = std::string(tag);
        name = name.substr(0, colon);
    }
    std::string_view path = name;
    const std::size_t first = name.find('/');
    if (first != std::string_view::npos && is_domain(name.substr(0, first))) {
        parts.domain = std::string(name.substr(0, first));
        path = name.substr(first + 1);
    }
    if (path.size() > k_reference_path_bytes) {
        return fail(
            Code::too_large,
            "the name of an image has at most {} bytes, this has {}",
            k_reference_path_bytes,
            path.size()
        );
    }
    if (!is_path(path)) {
        const bool has_upper = std::any_of(path.begin(), path.end(), is_upper);
        return invalid(
            text,
            has_upper ? "the name must be lower-case"
                      : "a name is made of lower-case words, joined by '.', '_', '-' and '/'"
        );
    }
    parts.path = std::string(path);
    return parts;
}

Result<Reference> Reference::parse(std::string_view text) {
    if (is_image_id(text)) {
        return invalid(text, "it is the digest of an image, not a name");
    }
    auto split = split_reference(with_docker_parts(text));
    if (!split) {
        // Say it of what was typed, not of what was made of it.
        auto typed = split_reference(text);
        return typed ? fail(split.error()) : fail(typed.error());
    }
    Reference reference;
    reference.domain_ = std::move(split->domain);
    reference.path_ = std::move(split->path);
    if (reference.domain_.empty()) {
        return invalid(text, "its host name is not valid");
    }
    reference.tag_ = std::move(split->tag);
    reference.digest_ = split->digest;
    reference.typed_ = std::string(text);
    return reference;
}

std::string Reference::name() const {
    return domain_ + "/" + path_;
}

std::string Reference::render() const {
    return name() + (tag_ ? ":" + *tag_ : "") + (digest_ ? "@" + digest_->render() : "");
}

std::string Reference::familiar() const {
    std::string text = render();
    if (domain_ != k_docker_domain) {
        return text;
    }
    std::string_view shorter = std::string_view(text).substr(k_docker_domain.size() + 1);
    // library/a/b is not official: only one component below library/ is.
    const bool official = path_.starts_with(k_docker_official)
                          && path_.find('/', k_docker_official.size()) == std::string::npos;
    if (official) {
        shorter.remove_prefix(k_docker_official.size());
    }
    // docker.io/a.b/c stays as it is: a.b would be a host.
    const auto again = parse(shorter);
    return again && *again == *this ? std::string(shorter) : text;
}

Reference Reference::with_default_tag() const {
    Reference copy = *this;
    if (copy.digest_) {
        copy.tag_.reset();
    } else if (!copy.tag_) {
        copy.tag_ = "latest";
    }
    return copy;
}

Reference Reference::with_digest(const Digest& digest) const {
    Reference copy = *this;
    copy.digest_ = digest;
    return copy;
}

bool Reference::operator==(const Reference& other) const {
    return domain_ == other.domain_ && path_ == other.path_ && tag_ == other.tag_
           && digest_ == other.digest_;
}

}  // namespace kiln::oci
