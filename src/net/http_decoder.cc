#include "net/http_decoder.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <new>
#include <utility>

namespace leanto::net {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

namespace {

// Enough for a head, and so large that a large body comes in few reads.
constexpr std::size_t kBufferSize = 256 << 10;
constexpr std::size_t kMaxChunkLine = 8 << 10;

std::string lower(string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

HttpRefusal too_large(std::uint64_t limit) {
  return {413, "the body is larger than " + std::to_string(limit) +
                   " bytes, the max_frame_size of this node's node.toml"};
}

HttpRefusal refusal_of(const error_code& error, const HttpLimits& limits) {
  if (error == http::error::body_limit) return too_large(limits.body);
  if (error == http::error::need_more) return {400, "this is not HTTP: a chunk's line is cut off"};
  if (error == http::error::bad_version) return {505, "this is not HTTP/1.1 (or 1.0)"};
  return {400, "this is not HTTP: " + error.message()};
}

// Whether the line says that its chunk is empty, which is the last one.
bool is_last_chunk(std::string_view line) {
  const std::size_t zeros = std::min(line.find_first_not_of('0'), line.size());
  const std::string_view digits = "123456789abcdefABCDEF";
  return zeros > 0 && (zeros == line.size() || digits.find(line[zeros]) == digits.npos);
}

}  // namespace

// Beast's parser, which says what it finds; it's used for one request.
class HttpDecoder::Parser final : public http::basic_parser<true> {
 public:
  explicit Parser(const HttpLimits& limits) {
    header_limit(static_cast<std::uint32_t>(limits.head + 1));
    body_limit(limits.body);
    eager(false);
  }

  // The next byte of the body isn't a chunk's, but about chunks.
  bool awaits_chunk() const { return chunked() && chunk_left_ == 0; }
  bool in_chunks() const { return in_chunks_; }  // one has come

  HttpRequest request;

 private:
  void on_request_impl(http::verb, string_view method, string_view target, int version,
                       error_code&) override {
    request.method = std::string(method);
    request.target = std::string(target);
    request.minor_version = version % 10;
  }
  void on_field_impl(http::field, string_view name, string_view value, error_code&) override {
    if (!head_ended_) request.fields.push_back({lower(name), std::string(value)});
  }
  void on_header_impl(error_code&) override { head_ended_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view piece, error_code& error) override {
    return append(piece, error);
  }
  void on_chunk_header_impl(std::uint64_t size, string_view, error_code&) override {
    chunk_left_ = size;
    in_chunks_ = true;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, string_view piece, error_code& error) override {
    const std::size_t used = append(piece, error);
    chunk_left_ -= used;
    return used;
  }
  void on_finish_impl(error_code&) override {}
  void on_response_impl(int, string_view, int, error_code&) override {}

  // Grows with what has come, whatever was announced: that is only the peer's word.
  std::size_t append(string_view piece, error_code& error) {
    try {
      request.body.append(piece.data(), piece.size());
      return piece.size();
    } catch (const std::bad_alloc&) {
      error = http::error::body_limit;
      return 0;
    }
  }

  std::uint64_t chunk_left_ = 0;
  bool in_chunks_ = false;
  bool head_ended_ = false;  // what comes after it are trailers, which nobody asks for
};

HttpDecoder::HttpDecoder(HttpLimits limits, HttpVia via)
    : limits_(limits),
      via_(via),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferSize)),
      parser_(std::make_unique<Parser>(limits)) {}

HttpDecoder::~HttpDecoder() = default;

HttpDecoder::Room HttpDecoder::prepare() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (begin_ > 0 && kBufferSize - end_ < kBufferSize / 2) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return {buffer_.get() + end_, kBufferSize - end_};
}

void HttpDecoder::commit(std::size_t size) { end_ += size; }

tl::expected<HttpDecoder::Step, HttpRefusal> HttpDecoder::next() {
  return reading_body_ ? read_body() : read_head();
}

// The parser gets a head only when all of it is here: so its size is bounded whatever the reads
// were, and what is found doesn't depend on them.
tl::expected<HttpDecoder::Step, HttpRefusal> HttpDecoder::read_head() {
  const auto unread = [this] { return std::string_view(buffer_.get() + begin_, end_ - begin_); };
  while (unread().starts_with("\r\n")) begin_ += 2;  // RFC 9112, 2.2
  if (unread().empty() || unread() == "\r") return Step::kMore;
  if (const char first = unread()[0]; first < 'A' || first > 'Z') {
    return tl::unexpected(HttpRefusal{400, "this is not HTTP: a request begins with its method"});
  }
  const std::string_view bytes = unread().substr(0, limits_.head);
  const std::size_t found = bytes.find("\r\n\r\n", searched_ < 3 ? 0 : searched_ - 3);
  if (found == std::string_view::npos) {
    if (bytes.size() == limits_.head) {
      return tl::unexpected(
          HttpRefusal{431, "the request line and the header fields are larger than " +
                               std::to_string(limits_.head) + " bytes"});
    }
    searched_ = bytes.size();
    return Step::kMore;
  }
  searched_ = 0;
  error_code error;
  const std::size_t size = found + 4;
  const std::size_t used = parser_->put(boost::asio::const_buffer(bytes.data(), size), error);
  if (!error && (used != size || !parser_->is_header_done())) error = http::error::bad_field;
  if (error) return tl::unexpected(refusal_of(error, limits_));
  begin_ += size;
  parser_->request.via = via_;
  if (auto refusal = check_fields()) return tl::unexpected(*std::move(refusal));
  keeps_alive_ = parser_->keep_alive();
  if (parser_->is_done()) return end_of_request();
  reading_body_ = true;
  return Step::kHead;
}

tl::expected<HttpDecoder::Step, HttpRefusal> HttpDecoder::read_body() {
  while (begin_ != end_ && !parser_->is_done()) {
    std::size_t size = end_ - begin_;
    if (parser_->awaits_chunk()) {
      const auto complete = chunk_line();
      if (!complete) return tl::unexpected(complete.error());
      if (*complete == 0) return Step::kMore;
      size = *complete;
    }
    error_code error;
    begin_ += parser_->put(boost::asio::const_buffer(buffer_.get() + begin_, size), error);
    if (error) return tl::unexpected(refusal_of(error, limits_));
  }
  return parser_->is_done() ? end_of_request() : Step::kMore;
}

// How many of the unread bytes are the line that begins a chunk, with the end of the chunk before
// it, or the last chunk with its trailers; 0 while that isn't complete. Beast gets just these
// bytes: it looks for the end of a quoted extension behind the line too, and counts a chunk again
// each time that it asks for more, so that what it finds would depend on the reads.
tl::expected<std::size_t, HttpRefusal> HttpDecoder::chunk_line() const {
  const std::string_view bytes =
      std::string_view(buffer_.get() + begin_, end_ - begin_).substr(0, kMaxChunkLine);
  const std::size_t start = parser_->in_chunks() ? 2 : 0;
  if (start == 2 && bytes.size() >= 2 && !bytes.starts_with("\r\n")) {
    return tl::unexpected(HttpRefusal{400, "this is not HTTP: a chunk is longer than it says"});
  }
  std::size_t end = bytes.find("\r\n", start);
  if (end != std::string_view::npos && is_last_chunk(bytes.substr(start, end - start))) {
    const std::size_t trailers_end = bytes.find("\r\n\r\n", end);
    end = trailers_end == std::string_view::npos ? trailers_end : trailers_end + 2;
  }
  if (end != std::string_view::npos) return end + 2;
  if (bytes.size() < kMaxChunkLine) return 0;
  return tl::unexpected(HttpRefusal{400, "the line of a chunk, or the trailers, are too long"});
}

HttpDecoder::Step HttpDecoder::end_of_request() {
  reading_body_ = false;
  return Step::kRequest;
}

// What two parsers could understand in two ways is how requests are smuggled past one of them.
std::optional<HttpRefusal> HttpDecoder::check_fields() const {
  const HttpRequest& request = parser_->request;
  for (const char* const name : {"host", "authorization", "content-length", "transfer-encoding",
                                 "content-type", "origin", "expect"}) {
    const auto is_it = [name](const HttpField& field) { return field.name == name; };
    if (std::count_if(request.fields.begin(), request.fields.end(), is_it) > 1) {
      return HttpRefusal{400, std::string("the header field ") + name + " is there twice"};
    }
  }
  if (request.minor_version == 1 && !request.find_field("host")) {
    return HttpRefusal{400, "an HTTP/1.1 request needs a Host header field"};
  }
  const auto encoding = request.find_field("transfer-encoding");
  if (!encoding) return std::nullopt;
  if (request.minor_version == 0 || request.find_field("content-length")) {
    return HttpRefusal{400,
                       "Transfer-Encoding goes with HTTP/1.1 only, and without Content-Length"};
  }
  if (lower(*encoding) != "chunked") {
    return HttpRefusal{501, "the only Transfer-Encoding that is understood is chunked"};
  }
  return std::nullopt;
}

const HttpRequest& HttpDecoder::request() const { return parser_->request; }

HttpRequest HttpDecoder::take_request() {
  HttpRequest request = std::move(parser_->request);
  parser_ = std::make_unique<Parser>(limits_);
  return request;
}

bool HttpDecoder::expects_continue() const {
  const auto expected = parser_->request.find_field("expect");
  return expected && lower(*expected) == "100-continue" && parser_->request.minor_version == 1 &&
         begin_ == end_;
}

std::optional<std::uint64_t> HttpDecoder::announced_body() const {
  const auto length = parser_->content_length();
  if (!length) return std::nullopt;
  return *length;
}

}  // namespace leanto::net
