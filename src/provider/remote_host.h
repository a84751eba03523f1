// What runs on a host before our binary does: the command that ssh is given, and the line by which
// a host without the binary describes itself. Any login shell must take the command: sh, bash, csh
// and fish have quotes in common, but not what is between them, so /bin/sh does the rest.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace leanto {

struct SystemFacts {
  std::string system;          // "Linux"
  std::string machine;         // "x86_64"
  std::string kernel;          // "6.1.0-13-amd64"
  std::string python{};        // of 3.9 or newer; empty: there is none
  std::string older_python{};  // without a newer one: what an older one says of itself

  friend bool operator==(const SystemFacts&, const SystemFacts&) = default;
};

// Becomes `leanto bridge` if the host has the binary; otherwise prints a line of facts and becomes
// a Python that runs the `script_size` bytes that come next on its standard input.
std::string remote_command(const Digest& binary, std::size_t script_size);

// Of the line "LEANTO SYSTEM ..."; nothing for all others.
std::optional<SystemFacts> parse_system_facts(std::string_view line);

// Whether a node can be there: x86-64, Linux 4.18 or newer, Python 3.9 or newer. The message is
// what follows the host's name.
Status check(const SystemFacts& facts);

}  // namespace leanto
