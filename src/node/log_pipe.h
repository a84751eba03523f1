// The reading end of a pipe that a worker, or a call's children, write their output to.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/readable.h"
#include "os/unique_fd.h"
#include "wire/output_records.h"

namespace leanto::node {

using wire::OutputPiece;
using wire::OutputStream;

class LogPipe {
 public:
  using OnPiece = std::function<void(const OutputPiece&)>;

  // `raw` is the stream that bytes without a record belong to.
  LogPipe(net::Loop& loop, UniqueFd pipe, OutputStream raw, const wire::OutputNonce& nonce,
          OnPiece on_piece);

  // Reads all that is there and hands it on; also called by itself when something comes.
  void drain();
  // The same, and hands on what was held back as the possible beginning of a record.
  void finish();
  bool at_end() const { return at_end_; }

 private:
  net::Readable::Next read_all();
  void hand_on(const std::vector<OutputPiece>& pieces) const;

  wire::OutputParser parser_;
  OnPiece on_piece_;
  bool at_end_ = false;
  net::Readable readable_;
};

}  // namespace leanto::node
