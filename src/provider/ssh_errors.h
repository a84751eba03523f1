// Why an ssh ended, from its exit status and what it wrote to stderr: which of the things that go
// wrong it is, and the error for people, which names the host, the cause and the command to try by
// hand. tests/data/ssh_errors.toml has what real ones write.
#pragma once

#include <string>
#include <string_view>

#include "os/process.h"
#include "provider/ssh_host.h"

namespace leanto {

// `kOwn`: not ssh's failure but the end of the command that it ran.
enum class SshFailure {
  kUnknownHostKey,
  kChangedHostKey,
  kRefusedKey,
  kDown,
  kUnreachable,
  kUnknownName,
  kBusy,
  kIncompatible,
  kRefusedByJumpHost,
  kConfiguration,
  kLost,
  kOwn,
};

struct SshEnd {
  ExitStatus status;
  std::string errors;  // of stderr, what was kept
};

SshFailure classify(const SshEnd& end);
std::string_view name_of(SshFailure failure);  // "unknown host key"

// kAccessDenied for keys of hosts and users, kNodeLost for the rest.
Error explain(const SshHost& host, const SshEnd& end);

// The last lines of `text` that say something, at most `lines`, joined by "; ".
std::string last_lines(std::string_view text, std::size_t lines);

}  // namespace leanto
