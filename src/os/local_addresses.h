// The addresses that this machine has.
#pragma once

#include <string>
#include <vector>

namespace leanto {

// Numeric ones of networks that are up, without loopback and link-local ones; IPv4 first.
std::vector<std::string> local_addresses();

}  // namespace leanto
