#include "daemon/exec/session.hpp"

namespace kiln::exec {

Result<void> serve_network(Channel& channel) {
    return channel.send(MessageType::done);
}

}  // namespace kiln::exec
