// Who takes the frames of a connection that is no client's any more.
#pragma once

#include "base/result.h"
#include "wire/frame.h"

namespace leanto::net {

class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // After an error the connection is closed.
  virtual Status on_frame(wire::Frame& frame) = 0;
  // The connection has ended.
  virtual void on_gone() = 0;
};

}  // namespace leanto::net
