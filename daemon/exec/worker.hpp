#pragma once

namespace kiln::exec {

/// The argument that makes a program the worker, and the descriptors it then finds.
inline constexpr const char* k_worker_argument = "--kiln-sandbox-worker";
inline constexpr int k_worker_control = 3;
inline constexpr int k_worker_directory = 4;

/// The sandbox's worker: enters its namespaces, tries what RUN will need, and then gives every
/// request a process of its own (session.hpp): a fork of a small single-threaded program costs a
/// fraction of a millisecond, a crash takes down one request, and cancelling is killing.
/// Everything it starts dies with it; it ends when kilnd's end of the control channel closes.
int serve_worker();

}  // namespace kiln::exec
