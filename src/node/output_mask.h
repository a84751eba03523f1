// Replaces secrets in what a worker writes by "***", also where a secret comes in pieces.
//
// Only the workers of services that have secrets have one. It holds back what may be the beginning
// of a secret until more of that stream comes, or until its call ends.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/output_records.h"

namespace leanto::node {

class OutputMask {
 public:
  // Of a text with several lines each line counts by itself, too: that's how it's printed.
  explicit OutputMask(const std::vector<std::string>& secrets);

  // What of the text, and of what was held back before it, can be shown.
  std::string feed(std::uint32_t call, wire::OutputStream stream, std::string_view text);
  // What is still held back of a stream that has ended.
  std::string flush(std::uint32_t call, wire::OutputStream stream);

 private:
  std::size_t begins_secret(std::string_view text) const;
  // Appends to `shown` what begins before `end`, and returns where that ends.
  std::size_t mask(std::string_view text, std::size_t end, std::string& shown) const;

  std::vector<std::string> secrets_;  // the longest first
  std::map<std::pair<std::uint32_t, wire::OutputStream>, std::string> held_;
};

}  // namespace leanto::node
