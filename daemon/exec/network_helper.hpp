#pragma once

namespace kiln::exec {

/// The argument that makes a program the helper of a network, and the descriptors it then finds.
inline constexpr const char* k_network_argument = "--kiln-sandbox-network";
inline constexpr int k_network_control = 3;
inline constexpr int k_network_users = 4;    // the worker's user namespace
inline constexpr int k_network_network = 5;  // the network namespace to be served

/// Address at which pasta answers for the host's name server; link-local, so nobody's.
inline constexpr const char* k_name_server = "169.254.1.53";

/// Serves a network namespace of the worker with pasta(1), which is to have the host's network on
/// its outer side but not the host's rights: this process enters the worker's user namespace with
/// the host's file system and a pid namespace of its own, so that pasta, which puts itself into the
/// background, ends when kilnd closes the control channel.
/// Shape    is told the program in `hello`; tells `done` when connections work, or `failed` with
/// pasta's words.
int serve_network_helper();

}  // namespace kiln::exec
