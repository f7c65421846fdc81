#include "store/tables.hpp"

#include "store/hasher.hpp"

namespace kiln::store {

Result<void> Tables::put(const Digest& name, ByteSpan bytes, const Lease& lease) {
    lease.keep(name);
    TRY_ASSIGN(const bool known, has(name));
    if (known) {
        return {};
    }
    TRY_ASSIGN(NewFile file, folder_.begin());
    TRY(file.write(bytes));
    return folder_.publish(std::move(file), name, digest_of(bytes));
}

Result<MappedFile> Tables::open(const Digest& name) const {
    TRY_ASSIGN(const Fd fd, folder_.open(name));
    return MappedFile::map(fd);
}

Result<Fd> Tables::open_file(const Digest& name) const {
    return folder_.open(name);
}

Result<bool> Tables::has(const Digest& name) const {
    TRY_ASSIGN(const auto object, folder_.find(name));
    return object.has_value();
}

}  // namespace kiln::store
