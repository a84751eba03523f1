// Bodies of frames that lie in memory files, where a value can be kept and read without a copy in
// this process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "os/unique_fd.h"
#include "wire/body.h"
#include "wire/body_spool.h"

namespace leanto::node {

// From here on a body is gathered in a file. It takes a descriptor as long as it's there, so it has
// to be large enough that memory is short before descriptors are.
inline constexpr std::uint64_t kSpooledFrom = 8 << 20;

// The first `size` bytes of a file, which nobody writes to any more. kCapacity.
Result<wire::Body> map_body(UniqueFd file, std::uint64_t size);

// What a stream with large values on it is given (FrameStream::set_spools).
wire::MakeBodySpool spools_in_memory(std::uint64_t from = kSpooledFrom);

// A CALL's head that says in which file its body is, if it's in one that a worker may map. The
// arguments of a run come through the socket: its worker outlives this process.
std::optional<std::string> head_naming_file(std::string_view head, const wire::Body& body);

}  // namespace leanto::node
