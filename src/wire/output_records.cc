#include "wire/output_records.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace leanto::wire {
namespace {

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

}  // namespace

std::vector<OutputPiece> OutputParser::feed(std::string_view bytes) {
  if (!held_.empty()) {
    held_.append(bytes);
    joined_.swap(held_);
    held_.clear();
    bytes = joined_;
  }
  std::vector<OutputPiece> pieces;
  held_ = bytes.substr(parse(bytes, pieces));
  return pieces;
}

std::vector<OutputPiece> OutputParser::flush() {
  joined_.swap(held_);
  held_.clear();
  std::vector<OutputPiece> pieces;
  const std::string_view bytes = joined_;
  if (!bytes.starts_with(nonce())) {
    add_raw(pieces, bytes);
  } else if (bytes.size() > kRecordHeaderSize) {
    const std::optional<Record> record = parse_record(bytes);
    if (record) pieces.push_back(record->piece);
  }
  return pieces;
}

// Returns how many bytes are done with; the rest is to be held back.
std::size_t OutputParser::parse(std::string_view bytes, std::vector<OutputPiece>& pieces) const {
  std::size_t done = 0;
  std::size_t from = 0;  // behind `done` when a nonce turned out to start no record
  while (true) {
    const std::size_t start = find_nonce(bytes, from);
    if (start == bytes.npos) break;
    const std::string_view rest = bytes.substr(start);
    const bool has_header = rest.size() >= kRecordHeaderSize;
    const std::optional<Record> record = has_header ? parse_record(rest) : std::nullopt;
    if (has_header && !record) {
      from = start + 1;
      continue;
    }
    add_raw(pieces, bytes.substr(done, start - done));
    if (!has_header || record->piece.text.size() < record->size) return start;
    if (record->size > 0) pieces.push_back(record->piece);
    done = from = start + kRecordHeaderSize + record->size;
  }
  const std::size_t end = bytes.size() - partial_nonce(bytes.substr(done));
  add_raw(pieces, bytes.substr(done, end - done));
  return end;
}

std::size_t OutputParser::find_nonce(std::string_view bytes, std::size_t from) const {
  const std::string_view rest = bytes.substr(from);
  const void* found = memmem(rest.data(), rest.size(), nonce_.data(), nonce_.size());
  return found ? static_cast<const char*>(found) - bytes.data() : bytes.npos;
}

// How many bytes at the end may be the beginning of a nonce.
std::size_t OutputParser::partial_nonce(std::string_view bytes) const {
  for (std::size_t size = std::min(bytes.size(), nonce_.size() - 1); size > 0; --size) {
    if (nonce().starts_with(bytes.substr(bytes.size() - size))) return size;
  }
  return 0;
}

// The record that starts at a nonce, with as much of its text as is there; nothing where the header
// makes no sense. `bytes` holds kRecordHeaderSize bytes or more.
std::optional<OutputParser::Record> OutputParser::parse_record(std::string_view bytes) const {
  constexpr std::size_t kCall = std::tuple_size_v<OutputNonce>;
  const auto stream = static_cast<OutputStream>(bytes[kCall + 4]);
  const std::size_t size = little_endian(bytes.substr(kCall + 5, 2));
  const bool known = stream == OutputStream::kStdout || stream == OutputStream::kStderr;
  if (!known || size > kMaxRecordText) return std::nullopt;
  const std::uint32_t call = little_endian(bytes.substr(kCall, 4));
  return Record{{call, stream, bytes.substr(kRecordHeaderSize, size)}, size};
}

void OutputParser::add_raw(std::vector<OutputPiece>& pieces, std::string_view text) const {
  if (!text.empty()) pieces.push_back({std::nullopt, pipe_, text});
}

}  // namespace leanto::wire
