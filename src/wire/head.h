// Heads: the msgpack map of a frame, as one value type for msgpack and JSON alike.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leanto::wire {

using Json = nlohmann::json;

inline constexpr std::size_t kMaxDepth = 32;

std::string encode_head(const Json& head);
// A map nested at most kMaxDepth deep; anything else is kProtocol.
Result<Json> decode_head(std::string_view bytes);

// A member of a head that may be absent. Of the wrong type it counts as absent: heads come from
// peers of other versions, and what is required is asked for with `require_x`.
std::optional<std::string> find_string(const Json& head, std::string_view key);
std::optional<double> find_number(const Json& head, std::string_view key);
bool find_flag(const Json& head, std::string_view key, bool otherwise);
Result<std::string> require_string(const Json& head, std::string_view key);

// The text, with U+FFFD in place of what is not UTF-8: paths and output may hold any bytes, and
// readers of heads in other languages refuse them.
std::string valid_utf8(std::string_view text);

// The head of an ERROR frame.
std::string encode_error(const Error& error);
Json error_to_json(const Error& error);
void add_overrun(Json& head, const MemoryOverrun& overrun);
Error error_from_head(const Json& head);

}  // namespace leanto::wire
