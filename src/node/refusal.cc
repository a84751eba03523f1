#include "node/refusal.h"

#include <sys/socket.h>

#include <array>

#include "wire/frame.h"
#include "wire/head.h"

namespace leanto::node {

std::string refusal_frame(const Error& reason) {
  const std::string head = wire::encode_error(reason);
  std::string frame;
  wire::append_header(frame,
                      {wire::FrameType::kError, 0, static_cast<std::uint32_t>(head.size()), 0});
  return frame + head;
}

void refuse(int socket, const Error& reason) {
  const std::string frame = refusal_frame(reason);
  (void)::send(socket, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  // What was said is read, or closing would take the answer away.
  std::array<char, 4096> unread;
  while (::recv(socket, unread.data(), unread.size(), MSG_DONTWAIT) > 0) {
  }
}

}  // namespace leanto::node
