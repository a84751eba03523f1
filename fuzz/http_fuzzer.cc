// Whatever is sent to the HTTP port and however it is cut into reads, the decoder finds the same
// requests and the same refusal, keeps to its limits, and each request finds a route or a refusal.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "net/http_decoder.h"
#include "node/http_routes.h"

namespace {

using leanto::net::HttpDecoder;
using leanto::net::HttpLimits;
using leanto::net::HttpRefusal;
using leanto::net::HttpRequest;

constexpr HttpLimits kLimits{.head = 512, .body = 2048};

void expect(bool holds) {
  if (!holds) std::abort();
}

struct Read {
  std::vector<HttpRequest> requests;
  HttpRefusal refusal{0, ""};

  friend bool operator==(const Read&, const Read&) = default;
};

// False when the connection is to end, or there is no more to come.
bool take_requests(HttpDecoder& decoder, Read& read) {
  while (true) {
    const auto step = decoder.next();
    if (!step) read.refusal = step.error();
    if (!step) return false;
    if (*step == HttpDecoder::Step::kMore) return true;
    if (*step == HttpDecoder::Step::kRequest) read.requests.push_back(decoder.take_request());
  }
}

// `sizes` are those of the reads, again and again; 0 stands for as much as there is room.
Read read_all(std::string_view bytes, const std::vector<std::uint8_t>& sizes) {
  HttpDecoder decoder(kLimits);
  Read read;
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const HttpDecoder::Room room = decoder.prepare();
    expect(room.size > 0);
    const std::size_t wanted = sizes[i % sizes.size()];
    const std::size_t size = std::min({room.size, bytes.size(), wanted == 0 ? room.size : wanted});
    std::memcpy(room.data, bytes.data(), size);
    decoder.commit(size);
    bytes.remove_prefix(size);
    if (!take_requests(decoder, read)) break;
  }
  return read;
}

void check(const HttpRequest& request) {
  expect(request.body.size() <= kLimits.body);
  std::size_t head = request.method.size() + request.target.size();
  for (const auto& field : request.fields) head += field.name.size() + field.value.size();
  expect(head <= kLimits.head);
  const auto route = leanto::node::find_route(request.method, request.target);
  if (route) {
    expect(!leanto::node::allowed_methods(request.target).empty());
  } else {
    expect(route.error().status >= 400 && route.error().status < 500);
    expect(!leanto::node::problem_response(route.error()).body.empty());
  }
}

}  // namespace

// The input: how many sizes of reads follow, these, and what the peer sends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t count = std::min<std::size_t>(data[0] % 8, size - 1);
  std::vector<std::uint8_t> sizes(data + 1, data + 1 + count);
  if (sizes.empty()) sizes.push_back(0);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1 + count, size - 1 - count);

  const Read whole = read_all(bytes, {0});
  expect(read_all(bytes, sizes) == whole);
  expect(read_all(bytes, {1}) == whole);
  for (const HttpRequest& request : whole.requests) check(request);
  return 0;
}
