#include "layers/oci/chain_id.hpp"

#include "store/hasher.hpp"

namespace kiln::oci {

std::vector<std::string> chain_ids(std::span<const std::string> diff_ids) {
    std::vector<std::string> chain;
    for (const std::string& diff_id : diff_ids) {
        chain.push_back(chain.empty() ? diff_id : digest_of(chain.back() + " " + diff_id).render());
    }
    return chain;
}

Digest chain_id(std::span<const Digest> diff_ids) {
    Digest chain;
    for (const Digest& diff_id : diff_ids) {
        chain = chain.is_zero() ? diff_id : digest_of(chain.render() + " " + diff_id.render());
    }
    return chain;
}

}  // namespace kiln::oci
