#include "daemon/devices/device_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>

namespace kiln::daemon {
namespace {

/// Of a directory; a machine has one for each driver.
constexpr std::size_t k_most_files = 256;

struct Specs {
    std::vector<CdiSpec> read;    // those that go before others first
    std::optional<Error> broken;  // the first that can't be read
};

bool is_spec(std::string_view name) {
    return name.ends_with(".json") || name.ends_with(".yaml");
}

Result<CdiSpec> read_spec(const std::string& path) {
    TRY_ASSIGN(const std::string text, read_file_at(AT_FDCWD, path, k_cdi_bytes));
    return CdiSpec::parse(text, path);
}

Specs read_specs(const std::vector<std::string>& directories) {
    Specs specs;
    for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory) {
        const auto opened = open_directory(*directory);
        const auto names =
            opened ? list_directory(opened->get()) : Result<std::vector<std::string>>();
        if (!opened || !names) {
            continue;
        }
        std::size_t files = 0;
        for (const std::string& name : *names) {
            if (!is_spec(name) || ++files > k_most_files) {
                continue;
            }
            auto spec = read_spec(*directory + "/" + name);
            if (spec) {
                specs.read.push_back(std::move(*spec));
            } else if (!specs.broken) {
                specs.broken = std::move(spec).error();
            }
        }
    }
    return specs;
}

tl::unexpected<Error> unknown_device(
    const Specs& specs, const std::vector<std::string>& directories, const std::string& name
) {
    std::set<std::string> known;
    for (const CdiSpec& spec : specs.read) {
        for (const CdiDevice& device : spec.devices) {
            known.insert(spec.kind + "=" + device.name);
        }
    }
    Error error{
        .code = Code::not_found,
        .message = fmt::format(
            "this host has no device {}; its CDI specifications are in {}",
            name,
            fmt::join(directories, " and ")
        )};
    if (!known.empty()) {
        error.hint = fmt::format("there are: {}", fmt::join(known, ", "));
    } else {
        error.hint = "the driver's toolkit writes them (nvidia-ctk cdi generate)";
    }
    return fail(
        specs.broken ? Error(*specs.broken).with_trail("while looking for the device " + name)
                     : std::move(error)
    );
}

/// One use of a specification: its own edits are made once, however many of its devices are named.
class Gathering {
  public:
    bool add(const CdiSpec& spec, const CdiDevice& device) {
        if (specs_.insert(&spec).second) {
            edits_.append(spec.edits);
        }
        if (devices_.insert(&device).second) {
            edits_.append(device.edits);
        }
        return true;
    }

    CdiEdits take() {
        drop_repeated(edits_.nodes);
        drop_repeated(edits_.mounts);
        return std::move(edits_);
    }

  private:
    static void drop_repeated(std::vector<CdiFile>& files) {
        std::set<std::string> places;
        std::erase_if(files, [&](const CdiFile& file) { return !places.insert(file.path).second; });
    }

    std::set<const CdiSpec*> specs_;
    std::set<const CdiDevice*> devices_;
    CdiEdits edits_;
};

bool add_named(Gathering& gathering, const Specs& specs, const CdiName& wanted) {
    for (const CdiSpec& spec : specs.read) {
        for (const CdiDevice& device : spec.devices) {
            if (spec.kind == wanted.kind && device.name == wanted.device) {
                return gathering.add(spec, device);
            }
        }
    }
    return false;
}

bool add_all(Gathering& gathering, const Specs& specs, const std::string& kind) {
    bool added = false;
    for (const CdiSpec& spec : specs.read) {
        for (const CdiDevice& device : spec.devices) {
            added |= spec.kind == kind && gathering.add(spec, device);
        }
    }
    return added;
}

}  // namespace

std::vector<std::string> cdi_directories() {
    return {"/etc/cdi", "/var/run/cdi"};
}

Result<CdiEdits> find_devices(
    const std::vector<std::string>& directories, const std::vector<std::string>& names
) {
    Gathering gathering;
    const Specs specs = names.empty() ? Specs() : read_specs(directories);
    for (const std::string& name : names) {
        TRY_ASSIGN(const CdiName wanted, CdiName::parse(name));
        const bool found = add_named(gathering, specs, wanted)
                           || (wanted.device == "all" && add_all(gathering, specs, wanted.kind));
        if (!found) {
            return unknown_device(specs, directories, name);
        }
    }
    return gathering.take();
}

Result<DeviceFiles> open_device_files(const CdiEdits& edits) {
    DeviceFiles opened;
    const auto open_all = [&](const std::vector<CdiFile>& files,
                              exec::MountRights rights) -> Result<void> {
        for (const CdiFile& file : files) {
            auto fd = open_at(AT_FDCWD, file.host_path, O_PATH, Resolve::anywhere);
            TRY(fd, "while opening what a device needs");
            opened.mounts.push_back(
                {.fd = fd->get(),
                 .destination = file.path,
                 .read_only = file.read_only,
                 .rights = rights}
            );
            opened.files.push_back(std::move(*fd));
        }
        return {};
    };
    TRY(open_all(edits.nodes, exec::MountRights::device));
    TRY(open_all(edits.mounts, exec::MountRights::anyone));
    return opened;
}

}  // namespace kiln::daemon
