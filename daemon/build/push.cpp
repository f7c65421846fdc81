#include "daemon/build/push.hpp"

namespace kiln::daemon {

boost::asio::awaitable<Result<Descriptor>> push_image(Services&, std::shared_ptr<Job>, PushOrder) {
    co_return fail(Code::unsupported, "push");
}

}  // namespace kiln::daemon
