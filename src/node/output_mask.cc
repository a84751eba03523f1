#include "node/output_mask.h"

#include <algorithm>

namespace leanto::node {

namespace {

constexpr std::string_view kMask = "***";
constexpr std::size_t kMinLine = 4;  // of a secret with several lines; less is found everywhere

}  // namespace

OutputMask::OutputMask(const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    if (!secret.empty()) secrets_.push_back(secret);
    if (secret.find('\n') == std::string::npos) continue;
    for (std::size_t at = 0; at < secret.size();) {
      const std::size_t end = std::min(secret.find('\n', at), secret.size());
      if (end - at >= kMinLine) secrets_.push_back(secret.substr(at, end - at));
      at = end + 1;
    }
  }
  auto longer = [](const std::string& a, const std::string& b) { return a.size() > b.size(); };
  std::stable_sort(secrets_.begin(), secrets_.end(), longer);
}

// How many bytes at the end of `text` may be the beginning of a secret that goes on.
std::size_t OutputMask::begins_secret(std::string_view text) const {
  std::size_t most = 0;
  for (const std::string& secret : secrets_) {
    for (std::size_t size = std::min(secret.size() - 1, text.size()); size > most; --size) {
      if (text.ends_with(std::string_view(secret).substr(0, size))) most = size;
    }
  }
  return most;
}

std::size_t OutputMask::mask(std::string_view text, std::size_t end, std::string& shown) const {
  std::size_t at = 0;
  const auto starts_here = [&](const std::string& secret) {
    return text.substr(at).starts_with(secret);
  };
  while (at < end) {
    const auto secret = std::find_if(secrets_.begin(), secrets_.end(), starts_here);
    if (secret == secrets_.end()) {
      shown += text[at++];
    } else {
      shown += kMask;
      at += secret->size();
    }
  }
  return at;
}

std::string OutputMask::feed(std::uint32_t call, wire::OutputStream stream, std::string_view text) {
  std::string& held = held_[{call, stream}];
  held += text;
  std::string shown;
  // A shorter secret isn't masked yet where a longer one may still be coming.
  const std::size_t end = mask(held, held.size() - begins_secret(held), shown);
  held.erase(0, end);
  return shown;
}

std::string OutputMask::flush(std::uint32_t call, wire::OutputStream stream) {
  const auto held = held_.find({call, stream});
  if (held == held_.end()) return {};
  std::string shown;
  mask(held->second, held->second.size(), shown);
  held_.erase(held);
  return shown;
}

}  // namespace leanto::node
