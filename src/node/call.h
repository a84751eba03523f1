// A call on this node, from the moment it's asked for until it's answered.
//
//      submit            a worker is free          RESULT or ERROR
//   ────────────▶ queued ───────────────▶ running ────────────────▶ (gone)
//                    └──────────── timeout, no worker ──────────────▶
//
// The answer goes to its ReplyPort exactly once; `Calls` moves it and nobody else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "wire/call.h"
#include "wire/frame.h"

namespace leanto::node {

// Where the frames of a call go: a client's connection. It may be gone before the call ends.
class ReplyPort {
 public:
  virtual ~ReplyPort() = default;
  virtual void reply(wire::FrameType type, std::uint32_t stream, std::string_view head,
                     wire::Body body) = 0;
  // The call that the port asked for on `stream` has this number, by which it can be cancelled.
  virtual void started(std::uint32_t stream, std::uint32_t number) = 0;
  // The port's own call has ended: its stream number is free again.
  virtual void ended(std::uint32_t stream) = 0;
  // Who asks, for a queue that is fair by caller.
  virtual const std::string& party() const = 0;
};

class Worker;

struct Call {
  std::uint32_t number = 0;  // unique on this node while it lives; its stream at the worker
  std::uint32_t parent = 0;  // the call that waits for this one
  int depth = 0;             // how many calls wait for it, one for the other
  int waits_for = 0;  // calls that it made and that have not ended: then it doesn't count as busy
  bool stream_logs = true;
  bool streams = false;  // it has sent items
  bool answered =
      false;  // the caller has been told an outcome already (a timeout); what comes is dropped

  std::weak_ptr<ReplyPort> caller;
  std::uint32_t stream = 0;  // at the caller

  std::shared_ptr<Worker> worker;  // set while it runs
  std::string head;                // while it waits for a worker
  wire::Body body;

  // For a call that must not start before something else has happened: a worker has room for it and
  // keeps that until `Calls::begin`.
  std::function<void(const Call&)> on_room;
  bool held = false;  // `on_room` was called, and `begin` not yet

  // While it waits: who asks (empty: its caller says), and its place in `CallQueue`.
  std::string party;
  std::uint64_t ticket = 0;

  std::string tail;  // the last that it wrote, for a worker that dies

  // For calls of the node's own making: takes the answer instead of the caller.
  std::function<void(wire::FrameType, std::string_view head, wire::Body)> on_answer;
};

inline constexpr std::size_t kTailSize = 4096;
inline constexpr int kMaxDepth = 500;

}  // namespace leanto::node
