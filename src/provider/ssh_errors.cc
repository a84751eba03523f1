#include "provider/ssh_errors.h"

#include <array>
#include <optional>
#include <vector>

namespace leanto {
namespace {

constexpr int kSshFailed = 255;

// The first sign that is in the text decides: what names the cause comes before what follows from
// it, as a lost connection to the host does from a refused one to the jump host.
struct Sign {
  std::string_view text;
  SshFailure failure;
};

constexpr std::array kSigns{
    Sign{"REMOTE HOST IDENTIFICATION HAS CHANGED", SshFailure::kChangedHostKey},
    Sign{"REVOKED HOST KEY DETECTED", SshFailure::kChangedHostKey},
    Sign{" has changed and you have requested strict checking", SshFailure::kChangedHostKey},
    Sign{"Host key verification failed", SshFailure::kUnknownHostKey},
    Sign{": Permission denied (", SshFailure::kRefusedKey},
    Sign{"Too many authentication failures", SshFailure::kRefusedKey},
    Sign{"Could not resolve hostname ", SshFailure::kUnknownName},
    Sign{"open failed: administratively prohibited", SshFailure::kRefusedByJumpHost},
    Sign{"open failed: connect failed: Connection refused", SshFailure::kDown},
    Sign{"open failed: connect failed: ", SshFailure::kUnreachable},
    Sign{": Connection refused", SshFailure::kDown},
    Sign{"ssh: connect to host ", SshFailure::kUnreachable},
    Sign{"timed out during banner exchange", SshFailure::kUnreachable},
    Sign{"Unable to negotiate with ", SshFailure::kIncompatible},
    Sign{"Protocol major versions differ", SshFailure::kIncompatible},
    // A ProxyCommand has ended, which says so in one way or another.
    Sign{"Connection closed by UNKNOWN port ", SshFailure::kUnreachable},
    Sign{"Connection reset by UNKNOWN port ", SshFailure::kUnreachable},
    Sign{"banner exchange: Connection to UNKNOWN port ", SshFailure::kUnreachable},
    Sign{"kex_exchange_identification: ", SshFailure::kBusy},
    Sign{"ssh_exchange_identification: ", SshFailure::kBusy},
    Sign{" closed by remote host.", SshFailure::kLost},
    Sign{"Timeout, server ", SshFailure::kLost},
    Sign{"client_loop: send disconnect: ", SshFailure::kLost},
    Sign{"Connection reset by ", SshFailure::kLost},
    Sign{"Connection closed by ", SshFailure::kBusy},
    Sign{"Bad configuration option", SshFailure::kConfiguration},
    Sign{"Bad owner or permissions on ", SshFailure::kConfiguration},
    Sign{"terminating, ", SshFailure::kConfiguration},
    Sign{"Can't open user config file", SshFailure::kConfiguration},
};

struct Description {
  SshFailure failure;
  std::string_view name;
  ErrorKind kind;
  std::string_view cause;  // after the host's name
  std::string_view what_to_do;
};

constexpr std::array kDescriptions{
    Description{SshFailure::kUnknownHostKey, "unknown host key", ErrorKind::kAccessDenied,
                "isn't known yet: its host key is in no known_hosts file",
                "Connect by hand, compare the fingerprint and accept it."},
    Description{
        SshFailure::kChangedHostKey, "changed host key", ErrorKind::kAccessDenied,
        "has another host key than known_hosts says: it was set up anew, or somebody is in "
        "between",
        "Ask who runs it; only then remove its old key (`ssh-keygen -R`) and connect by hand."},
    Description{SshFailure::kRefusedKey, "refused key", ErrorKind::kAccessDenied,
                "refused the user or the key",
                "Is it the right user, and is the key in the agent and in authorized_keys there?"},
    Description{SshFailure::kDown, "down", ErrorKind::kNodeLost,
                "is up, but nothing listens on its ssh port",
                "Start sshd there, or name the port."},
    Description{SshFailure::kUnreachable, "unreachable", ErrorKind::kNodeLost, "can't be reached",
                "Is it up, and is this network the right one?"},
    Description{SshFailure::kUnknownName, "unknown name", ErrorKind::kNodeLost,
                "has a name that nobody knows",
                "Check the name, or give its HostName in ~/.ssh/config."},
    Description{SshFailure::kBusy, "busy", ErrorKind::kNodeLost,
                "hung up before it said who it is: too many connections, or no sshd on that port",
                "Try again in a moment."},
    Description{SshFailure::kIncompatible, "incompatible", ErrorKind::kNodeLost,
                "has no cipher or key type in common with this ssh",
                "Update the older of the two, or allow more in ~/.ssh/config."},
    Description{SshFailure::kRefusedByJumpHost, "refused by the jump host",
                ErrorKind::kAccessDenied, "can't be reached: the jump host doesn't forward",
                "AllowTcpForwarding is needed there."},
    Description{SshFailure::kConfiguration, "configuration", ErrorKind::kInvalid,
                "wasn't tried: ssh refuses its own configuration", "Mend what it names."},
    Description{SshFailure::kLost, "lost", ErrorKind::kNodeLost,
                "has gone: the connection ended by itself", "Is it still up?"},
    Description{SshFailure::kOwn, "the command's own", ErrorKind::kNodeLost,
                "could be reached, but what ran there ended:", "Does a command work there?"},
};

const Description& description(SshFailure failure) {
  for (const Description& row : kDescriptions) {
    if (row.failure == failure) return row;
  }
  return kDescriptions.back();
}

const Sign* find_sign(std::string_view errors) {
  for (const Sign& sign : kSigns) {
    if (errors.find(sign.text) != std::string_view::npos) return &sign;
  }
  return nullptr;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    if (!line.empty() && !line.starts_with("@@@")) lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// What of ssh's lines goes into the message: the one with the sign, and for a changed key the one
// that says where the old one is.
std::string telling_lines(const SshEnd& end, SshFailure failure) {
  const Sign* const sign = failure == SshFailure::kOwn ? nullptr : find_sign(end.errors);
  if (sign == nullptr) return last_lines(end.errors, 3);
  std::string told;
  for (const std::string_view line : lines_of(end.errors)) {
    const bool tells = failure == SshFailure::kChangedHostKey
                           ? line.starts_with("Offending ")
                           : line.find(sign->text) != std::string_view::npos ||
                                 line.starts_with("No ") || line.starts_with("Load key ");
    if (tells) told += (told.empty() ? "" : "; ") + std::string(line);
  }
  return told;
}

}  // namespace

std::string last_lines(std::string_view text, std::size_t lines) {
  const std::vector<std::string_view> all = lines_of(text);
  std::string last;
  for (std::size_t i = all.size() - std::min(lines, all.size()); i < all.size(); ++i) {
    last += (last.empty() ? "" : "; ") + std::string(all[i]);
  }
  return last;
}

SshFailure classify(const SshEnd& end) {
  if (end.status.code != kSshFailed) return SshFailure::kOwn;
  const Sign* const sign = find_sign(end.errors);
  return sign == nullptr ? SshFailure::kOwn : sign->failure;
}

std::string_view name_of(SshFailure failure) { return description(failure).name; }

Error explain(const SshHost& host, const SshEnd& end) {
  const SshFailure failure = classify(end);
  const Description& row = description(failure);
  std::string cause(row.cause);
  if (end.status.signal) {  // a command's end by a signal would be an exit code of ssh's
    cause = "has gone: its ssh here was " + describe(end.status);
  } else if (failure == SshFailure::kOwn) {
    cause += " " + describe(end.status);
  }
  std::string told = telling_lines(end, failure);
  while (told.ends_with('.')) told.pop_back();
  if (!told.empty())
    cause += fmt::format(" ({} says: {})", failure == SshFailure::kOwn ? "it" : "ssh", told);
  return {row.kind, fmt::format("the host {} {}. {} Try by hand: {}", describe(host), cause,
                                row.what_to_do, command_by_hand(host))};
}

}  // namespace leanto
