// Whatever is sent to the HTTP port and however it is cut into reads, the decoder finds the same
// requests and the same refusal, keeps to its limits, and each request finds a route or a refusal.
#include <cstdint>
#include <vector>

#include "fuzzing.h"
#include "net/http_decoder.h"
#include "node/http_routes.h"
#include "wire/call.h"

namespace {

using leanto::fuzz::cut_bytes_of;
using leanto::fuzz::CutBytes;
using leanto::fuzz::expect;
using leanto::fuzz::read_into;
using leanto::net::HttpDecoder;
using leanto::net::HttpLimits;
using leanto::net::HttpRefusal;
using leanto::net::HttpRequest;

constexpr HttpLimits kLimits{.head = 512, .body = 2048};

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

Read read_all(const CutBytes& cut) {
  HttpDecoder decoder(kLimits);
  Read read;
  read_into(decoder, cut, [&read](auto& from) { return take_requests(from, read); });
  return read;
}

void check(const HttpRequest& request) {
  expect(request.body.size() <= kLimits.body);
  std::size_t head = request.method.size() + request.target.size();
  for (const auto& field : request.fields) head += field.name.size() + field.value.size();
  expect(head <= kLimits.head);
  const auto route = leanto::node::find_route(request.method, request.target);
  if (route) {
    expect(route->max_queue.value_or(0) <= leanto::wire::kMaxMaxQueue);
    expect(!leanto::node::allowed_methods(request.target).empty());
  } else {
    expect(route.error().status >= 400 && route.error().status < 500);
    expect(!leanto::node::problem_response(route.error()).body.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const CutBytes cut = cut_bytes_of(data, size);
  const Read whole = read_all({cut.bytes, {0}});
  expect(read_all(cut) == whole);
  expect(read_all({cut.bytes, {1}}) == whole);
  for (const HttpRequest& request : whole.requests) check(request);
  return 0;
}
