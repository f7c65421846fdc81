#pragma once

#include <string_view>

namespace kiln::conda {

/// Where in a sandbox what pip reads lies, for one run; no layer of an image has it.
inline constexpr std::string_view k_pip_directory = ".kiln-pip";

/// In it, where the run may write.
inline constexpr const char* k_pip_scratch = ".kiln-pip/tmp";

/// kiln_pip.py beside the programs: where pip is, and how it is run.
extern const std::string_view k_pip_module;

/// A program for the environment's own python: installs the wheels in wheels/ and builds what lies
/// in sources/, by requirements.txt beside it. Its pip is the environment's, or else the one that
/// python brings along (ensurepip), or one of the wheels.
extern const std::string_view k_pip_install_program;

/// The same for what pip would install, told as its JSON report on stdout; arguments are pip's.
extern const std::string_view k_pip_resolve_program;

/// Compiles what pip installed, as unchecked-hash .pyc.
extern const std::string_view k_pip_compile_program;

}  // namespace kiln::conda
