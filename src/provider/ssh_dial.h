// One ssh connection that becomes a stream of frames to the node of a host.
//
//   connect ──▶ the host has the binary ─────────────────────────────▶ bridge ──▶ frames
//          └──▶ it hasn't: facts ──▶ pack ──▶ script ──▶ the binary ──▶┘
//
// Each step but the first happens only where the binary (by its digest) isn't there yet. What an
// interrupted upload has brought is used by the next one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "net/loop.h"
#include "os/unique_fd.h"
#include "provider/node_binary.h"
#include "provider/remote_host.h"
#include "provider/ssh_host.h"
#include "provider/ssh_process.h"

namespace leanto {

enum class DialPhase { kConnecting, kPacking, kSending, kStarting };

struct DialProgress {
  DialPhase phase = DialPhase::kConnecting;
  std::uint64_t sent = 0;   // of the compressed binary, in bytes, as far as the host has said so
  std::uint64_t total = 0;  // 0 in the other phases
};
using OnDialProgress = std::function<void(const DialProgress&)>;

struct DialLimits {
  Duration connect = std::chrono::seconds(10);
  Duration silence = std::chrono::seconds(60);  // of a host from which the next step is awaited
};

struct SshNode {
  UniqueFd socket;                   // the next byte is the node's first: for a net::FrameStream
  std::unique_ptr<SshProcess> ssh;   // `ssh->end` and `explain` say why the stream has ended
  std::optional<SystemFacts> facts;  // of a host that hadn't the binary
  bool sent = false;                 // the binary was
};

// Reports each phase as it begins and, a few times a second, how much is there. The user's ssh must
// be able to log in without asking anything.
//
// Errors name the host, and what to try by hand: kAccessDenied (keys; a place that can't be written
// to or run from), kNodeLost (down, unreachable, an unknown name, silent, no ssh here), kCapacity
// (no room there), kInvalid (no such host can be named; another architecture, too old a Python).
net::Task<Result<SshNode>> dial(net::Loop& loop, SshHost host, NodeBinary binary,
                                OnDialProgress on_progress, DialLimits limits = {});

}  // namespace leanto
