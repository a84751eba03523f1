// Whatever a worker's pipe carries and however it is cut into reads, the parser finds the same
// pieces, holds back little, and loses nothing but the headers of records.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzing.h"
#include "wire/output_records.h"

namespace {

using leanto::fuzz::expect;
using leanto::wire::kMaxRecord;
using leanto::wire::OutputNonce;
using leanto::wire::OutputParser;
using leanto::wire::OutputPiece;
using leanto::wire::OutputStream;

constexpr OutputNonce kNonce{'\xfe', 'n', 'o', 'n', 'c',    'e', '\xfe', 'n',
                             'o',    'n', 'c', 'e', '\xfe', 'n', 'o',    '!'};

// Each byte with its origin, so that it doesn't matter how text is cut into pieces.
struct Parsed {
  std::string text;
  std::vector<std::int64_t> origins;

  void add(const std::vector<OutputPiece>& pieces) {
    for (const OutputPiece& piece : pieces) {
      expect(!piece.text.empty());
      text.append(piece.text);
      const std::int64_t call = piece.call ? *piece.call : -1;
      origins.insert(origins.end(), piece.text.size(), call * 4 + static_cast<int>(piece.stream));
    }
  }

  friend bool operator==(const Parsed&, const Parsed&) = default;
};

Parsed parse(std::string_view bytes, std::size_t read_size) {
  OutputParser parser(kNonce, OutputStream::kStdout);
  Parsed parsed;
  while (!bytes.empty()) {
    parsed.add(parser.feed(bytes.substr(0, read_size)));
    bytes.remove_prefix(std::min(read_size, bytes.size()));
  }
  const std::size_t before = parsed.text.size();
  parsed.add(parser.flush());
  expect(parsed.text.size() - before < kMaxRecord);
  return parsed;
}

// The fuzzer writes 'N' where it wants a nonce, which it would hardly guess.
std::string with_nonces(std::string_view input) {
  std::string bytes;
  for (const char c : input) {
    if (c == 'N') {
      bytes.append(kNonce.data(), kNonce.size());
    } else {
      bytes += c;
    }
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes = with_nonces(leanto::fuzz::text_of(data + 1, size - 1));
  const Parsed whole = parse(bytes, bytes.size() + 1);
  expect(whole.text.size() <= bytes.size());
  expect(parse(bytes, 1) == whole);
  expect(parse(bytes, data[0] + 1u) == whole);
  return 0;
}
