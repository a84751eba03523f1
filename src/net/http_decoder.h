// Bytes in, HTTP requests out, as FrameDecoder does it for frames: no sockets in here.
//
// A reader asks `prepare` where to read to, says with `commit` how much came, and asks `next` until
// that says kMore. What comes after a request stays here until the next one is asked for, so
// requests may be sent one after the other without waiting (pipelining).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "net/http.h"

namespace leanto::net {

struct HttpLimits {
  std::size_t head = 32 << 10;  // request line and header fields
  std::uint64_t body = std::uint64_t{16} << 30;
};

class HttpDecoder {
 public:
  explicit HttpDecoder(HttpLimits limits = {}, HttpVia via = HttpVia::kUnixSocket);
  ~HttpDecoder();
  HttpDecoder(const HttpDecoder&) = delete;
  HttpDecoder& operator=(const HttpDecoder&) = delete;

  struct Room {
    char* data;
    std::size_t size;  // never zero
  };
  Room prepare();
  void commit(std::size_t size);

  // kHead: all of a request but its body is here, and has one; said once a request, so that one can
  // be refused before its body is read. kRequest: all of it is here; the next `next` begins
  // another.
  enum class Step { kMore, kHead, kRequest };
  tl::expected<Step, HttpRefusal> next();

  // After kHead: without its body.
  const HttpRequest& request() const;
  HttpRequest take_request();  // after kRequest
  // After kHead or kRequest.
  bool keeps_alive() const { return keeps_alive_; }
  bool expects_continue() const;                        // and the body hasn't begun to come
  std::optional<std::uint64_t> announced_body() const;  // nothing: it says so as it comes

  // After kHead, until kRequest.
  bool has_body_to_come() const { return reading_body_; }
  // Something of a request has come that isn't complete.
  bool in_the_middle() const { return reading_body_ || begin_ != end_; }
  std::size_t waiting_bytes() const { return end_ - begin_; }

 private:
  class Parser;

  tl::expected<Step, HttpRefusal> read_head();
  tl::expected<Step, HttpRefusal> read_body();
  tl::expected<std::size_t, HttpRefusal> chunk_line() const;
  std::optional<HttpRefusal> check_fields() const;
  Step end_of_request();

  const HttpLimits limits_;
  const HttpVia via_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;  // unread bytes are [begin_, end_)
  std::size_t end_ = 0;
  std::size_t searched_ = 0;  // of the unread bytes: the end of the head isn't there
  std::unique_ptr<Parser> parser_;
  bool reading_body_ = false;
  bool keeps_alive_ = true;
};

}  // namespace leanto::net
