#include "client/program.hpp"

int main(int argc, char** argv) {
    using namespace kiln::client;
    const auto interrupt = Interrupt::of_process();
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    return run_program(words, Environment::of_process(), *interrupt, Streams());
}
