#include "wire/head.h"

#include <vector>

namespace leanto::wire {

namespace {

// Builds the value, and stops where it is nested too deep: the library's reader recurses.
class BoundedReader : public nlohmann::detail::json_sax_dom_parser<Json> {
 public:
  explicit BoundedReader(Json& value) : json_sax_dom_parser(value, /*allow_exceptions=*/false) {}

  bool start_object(std::size_t size) {
    return enter() && json_sax_dom_parser::start_object(bounded(size));
  }
  bool end_object() { return leave() && json_sax_dom_parser::end_object(); }
  bool start_array(std::size_t size) {
    return enter() && json_sax_dom_parser::start_array(bounded(size));
  }
  bool end_array() { return leave() && json_sax_dom_parser::end_array(); }

 private:
  // The size is what the peer announces, not what has come: it reserves nothing.
  static std::size_t bounded(std::size_t) { return static_cast<std::size_t>(-1); }
  bool enter() { return ++depth_ <= kMaxDepth; }
  bool leave() {
    --depth_;
    return true;
  }

  std::size_t depth_ = 0;
};

}  // namespace

std::string encode_head(const Json& head) {
  std::string out;
  Json::to_msgpack(head, nlohmann::detail::output_adapter<char>(out));
  return out;
}

Result<Json> decode_head(std::string_view bytes) {
  if (bytes.empty()) return Json::object();
  Json head;
  BoundedReader reader(head);
  const bool parsed =
      Json::sax_parse(bytes.begin(), bytes.end(), &reader, Json::input_format_t::msgpack);
  if (!parsed || !head.is_object()) {
    return fail(ErrorKind::kProtocol, "a frame head of {} bytes is not a msgpack map",
                bytes.size());
  }
  return head;
}

std::optional<std::string> find_string(const Json& head, std::string_view key) {
  const auto found = head.find(key);
  if (found == head.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<double> find_number(const Json& head, std::string_view key) {
  const auto found = head.find(key);
  if (found == head.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

bool find_flag(const Json& head, std::string_view key, bool otherwise) {
  const auto found = head.find(key);
  if (found == head.end() || !found->is_boolean()) return otherwise;
  return found->get<bool>();
}

Result<std::string> require_string(const Json& head, std::string_view key) {
  std::optional<std::string> value = find_string(head, key);
  if (!value) return fail(ErrorKind::kInvalid, "the request lacks the text '{}'", key);
  return *std::move(value);
}

std::string valid_utf8(std::string_view text) {
  const std::string quoted = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(quoted).get<std::string>();
}

Json error_to_json(const Error& error) {
  Json head = {{"kind", error_row(error.kind).name}, {"message", valid_utf8(error.message)}};
  if (error.memory) add_overrun(head, *error.memory);
  return head;
}

void add_overrun(Json& head, const MemoryOverrun& overrun) {
  head["limit"] = overrun.limit;
  if (overrun.peak) head["peak"] = *overrun.peak;
}

std::string encode_error(const Error& error) { return encode_head(error_to_json(error)); }

Error error_from_head(const Json& head) {
  const std::string kind = find_string(head, "kind").value_or("internal");
  return {find_error_kind(kind).value_or(ErrorKind::kInternal),
          find_string(head, "message").value_or("(no message)")};
}

}  // namespace leanto::wire
