#include "daemon/devices/cdi_spec.hpp"

#include "layers/conda/input/yaml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

namespace kiln::daemon {
namespace {

namespace yaml = conda::yaml;

Error misplaced(const yaml::Node& node, const std::string& file, std::string message) {
    Error error{.code = Code::invalid_input, .message = std::move(message)};
    error.where = node.span();
    error.where->file = file;
    return error;
}

/// Reads one mapping of a specification.
class Reader {
  public:
    Reader(const yaml::Node& node, const std::string& file)
        : node_(node),
          file_(file) {}

    [[nodiscard]] std::optional<yaml::Node> find(std::string_view key) const {
        if (node_.kind() != yaml::Kind::mapping) {
            return std::nullopt;
        }
        for (std::size_t i = 0; i < node_.size(); ++i) {
            if (node_.key(i).text() == key && node_.value(i).kind() != yaml::Kind::null) {
                return node_.value(i);
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] Result<std::string> text(std::string_view key) const {
        const auto value = find(key);
        if (!value) {
            return fail(misplaced(node_, file_, fmt::format("\"{}\" is missing here", key)));
        }
        if (value->kind() != yaml::Kind::scalar
            || value->text().find('\0') != std::string_view::npos) {
            return fail(misplaced(*value, file_, fmt::format("\"{}\" is no text", key)));
        }
        return std::string(value->text());
    }

    [[nodiscard]] Result<std::string> text_or(std::string_view key, const std::string& otherwise)
        const {
        return find(key) ? text(key) : Result<std::string>(otherwise);
    }

    [[nodiscard]] Result<std::string> absolute(std::string_view key) const {
        TRY_ASSIGN(std::string path, text(key));
        if (!path.starts_with('/')) {
            return fail(misplaced(node_, file_, fmt::format("\"{}\" is no absolute path", key)));
        }
        return path;
    }

    using Take = std::function<Result<void>(const yaml::Node&)>;

    [[nodiscard]] Result<void> each(std::string_view key, const Take& take) const {
        const auto list = find(key);
        if (!list) {
            return {};
        }
        if (list->kind() != yaml::Kind::sequence) {
            return fail(misplaced(*list, file_, fmt::format("\"{}\" is no list", key)));
        }
        if (list->size() > k_cdi_items) {
            return fail(
                Code::too_large,
                "\"{}\" of {} has {} items; at most {}",
                key,
                file_,
                list->size(),
                k_cdi_items
            );
        }
        for (std::size_t i = 0; i < list->size(); ++i) {
            TRY(take(list->at(i)));
        }
        return {};
    }

    [[nodiscard]] const std::string& file() const { return file_; }

  private:
    yaml::Node node_;
    const std::string& file_;
};

Result<void> take_env(CdiEdits& edits, const yaml::Node& node, const std::string& file) {
    const std::string text(node.text());
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || text.find('\0') != std::string::npos) {
        return fail(misplaced(node, file, "a variable is not NAME=value"));
    }
    edits.env.push_back(text);
    return {};
}

Result<void> take_node(CdiEdits& edits, const Reader& in) {
    CdiFile node;
    TRY_ASSIGN(node.path, in.absolute("path"));
    node.host_path = node.path;
    if (in.find("hostPath")) {
        TRY_ASSIGN(node.host_path, in.absolute("hostPath"));
    }
    TRY_ASSIGN(const std::string permissions, in.text_or("permissions", "rwm"));
    node.read_only = permissions.find('w') == std::string::npos;
    edits.nodes.push_back(std::move(node));
    return {};
}

Result<void> take_mount(CdiEdits& edits, const Reader& in) {
    CdiFile mount;
    TRY_ASSIGN(mount.host_path, in.absolute("hostPath"));
    TRY_ASSIGN(mount.path, in.absolute("containerPath"));
    const auto take = [&](const yaml::Node& option) -> Result<void> {
        mount.read_only |= option.text() == "ro";
        return {};
    };
    TRY(in.each("options", take));
    edits.mounts.push_back(std::move(mount));
    return {};
}

Result<CdiEdits> parse_edits(const Reader& parent) {
    CdiEdits edits;
    const auto node = parent.find("containerEdits");
    if (!node) {
        return edits;
    }
    const std::string& file = parent.file();
    const Reader in(*node, file);
    TRY(in.each("env", [&](const yaml::Node& each) { return take_env(edits, each, file); }));
    TRY(in.each("deviceNodes", [&](const yaml::Node& each) {
        return take_node(edits, Reader(each, file));
    }));
    TRY(in.each("mounts", [&](const yaml::Node& each) {
        return take_mount(edits, Reader(each, file));
    }));
    TRY(in.each("hooks", [&](const yaml::Node& each) -> Result<void> {
        const Reader hook(each, file);
        TRY_ASSIGN(const std::string name, hook.text("hookName"));
        TRY_ASSIGN(const std::string path, hook.text("path"));
        edits.not_done.push_back(fmt::format("the hook {} ({})", name, path));
        return {};
    }));
    for (const std::string_view key : {"intelRdt", "netDevices", "additionalGids"}) {
        if (in.find(key)) {
            edits.not_done.push_back(fmt::format("\"{}\"", key));
        }
    }
    return edits;
}

bool is_name(std::string_view text, std::string_view more) {
    const auto fits = [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
               || more.find(c) != std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, fits);
}

bool is_kind(std::string_view text) {
    const std::size_t slash = text.find('/');
    return slash != std::string_view::npos && is_name(text.substr(0, slash), "-_.")
           && is_name(text.substr(slash + 1), "-_");
}

template<class T>
void append_all(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

void CdiEdits::append(const CdiEdits& other) {
    append_all(env, other.env);
    append_all(nodes, other.nodes);
    append_all(mounts, other.mounts);
    append_all(not_done, other.not_done);
}

Result<CdiSpec> CdiSpec::parse(std::string_view text, const std::string& file) {
    if (text.size() > k_cdi_bytes) {
        return fail(Code::too_large, "{} is larger than {} bytes", file, k_cdi_bytes);
    }
    TRY_ASSIGN(const yaml::Document document, yaml::Document::parse(text, file));
    const yaml::Node root = document.root();
    const Reader in(root, file);
    CdiSpec spec;
    TRY(in.text("cdiVersion"));
    TRY_ASSIGN(spec.kind, in.text("kind"));
    if (!is_kind(spec.kind)) {
        return fail(misplaced(root, file, fmt::format("the kind {} is no VENDOR/CLASS", spec.kind))
        );
    }
    TRY_ASSIGN(spec.edits, parse_edits(in));
    TRY(in.each("devices", [&](const yaml::Node& each) -> Result<void> {
        const Reader device(each, file);
        CdiDevice read;
        TRY_ASSIGN(read.name, device.text("name"));
        if (!is_name(read.name, "-_.:")) {
            return fail(misplaced(each, file, fmt::format("{} is no name of a device", read.name)));
        }
        TRY_ASSIGN(read.edits, parse_edits(device));
        spec.devices.push_back(std::move(read));
        return {};
    }));
    return spec;
}

Result<CdiName> CdiName::parse(std::string_view text) {
    const std::size_t equals = text.find('=');
    CdiName name{std::string(text.substr(0, equals)), {}};
    if (equals != std::string_view::npos) {
        name.device = text.substr(equals + 1);
    }
    if (!is_kind(name.kind) || !is_name(name.device, "-_.:")) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is no CDI name of a device", text),
            .hint = "VENDOR/CLASS=NAME, as nvidia.com/gpu=0 or nvidia.com/gpu=all"});
    }
    return name;
}

}  // namespace kiln::daemon
