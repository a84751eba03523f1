// What a program needs to run, without its symbols and its debug information: 14 of 82 MB of ours.
#pragma once

#include <string>
#include <string_view>

namespace leanto {

// The ELF file without what lies behind its last loaded segment, and without the table of sections,
// which the kernel doesn't read. What is no ELF file of 64 bits stays as it is, and so does a
// result of this function.
std::string loadable_part(std::string_view program);

}  // namespace leanto
