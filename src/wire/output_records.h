// What the pipes of a worker carry: records of Python's text, between raw bytes of everybody else.
//
// A worker's fd 1 and fd 2 are pipes that the daemon reads. `sys.stdout` and `sys.stderr` write
// *records* (python/leanto/worker/output.py), each in one atomic write; C code and child processes
// write raw bytes. A record starts with a nonce that only this worker and the daemon know, so that
// raw output never looks like one by chance:
//
//   offset  size  field
//   0       16    nonce, random, made by the daemon for each worker
//   16      4     call number, little-endian; 0 is no call: the service's own output
//   20      1     stream: 1 stdout, 2 stderr
//   21      2     size of the text, little-endian, at most kMaxRecordText
//   23      n     text: UTF-8, except where user code wrote other bytes
//
// A call that starts processes has a pair of pipes of its own, with records among raw bytes as
// well. A nonce that begins with a byte which no text holds (0xF8 to 0xFF) is found faster.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace leanto::wire {

enum class OutputStream : std::uint8_t { kStdout = 1, kStderr = 2 };

using OutputNonce = std::array<char, 16>;

inline constexpr std::size_t kRecordHeaderSize = std::tuple_size_v<OutputNonce> + 7;
inline constexpr std::size_t kMaxRecord = 4096;  // PIPE_BUF
inline constexpr std::size_t kMaxRecordText = kMaxRecord - kRecordHeaderSize;

struct OutputPiece {
  std::optional<std::uint32_t> call;  // absent: raw bytes, which may belong to any call
  OutputStream stream = OutputStream::kStdout;
  std::string_view text;  // never empty

  friend bool operator==(const OutputPiece&, const OutputPiece&) = default;
};

// Takes one pipe's bytes apart, however reads have cut them. Pieces come in the order of writing,
// and the text of a record always whole.
class OutputParser {
 public:
  // `pipe` is the stream that raw bytes of this pipe belong to.
  OutputParser(const OutputNonce& nonce, OutputStream pipe) : nonce_(nonce), pipe_(pipe) {}

  // The pieces in `bytes`, together with what was held back. Held back are an unfinished record
  // and a last few bytes that may become a nonce, so less than kMaxRecord. The pieces point into
  // `bytes` and into the parser: use them before the next feed() or flush().
  std::vector<OutputPiece> feed(std::string_view bytes);

  // What was held back, as it is: for the end of the pipe, and when a call has ended and the pipe
  // is empty. Of an unfinished record it is the text so far.
  std::vector<OutputPiece> flush();

 private:
  struct Record {
    OutputPiece piece;
    std::size_t size = 0;  // of the text that it announces
  };

  std::string_view nonce() const { return {nonce_.data(), nonce_.size()}; }
  std::size_t find_nonce(std::string_view bytes, std::size_t from) const;
  std::size_t partial_nonce(std::string_view bytes) const;
  std::optional<Record> parse_record(std::string_view bytes) const;
  void add_raw(std::vector<OutputPiece>& pieces, std::string_view text) const;
  std::size_t parse(std::string_view bytes, std::vector<OutputPiece>& pieces) const;

  OutputNonce nonce_;
  OutputStream pipe_;
  std::string held_;
  std::string joined_;  // what was held and what came, while their pieces are in use
};

}  // namespace leanto::wire
