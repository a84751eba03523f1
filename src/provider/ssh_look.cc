#include "provider/ssh_look.h"

#include <utility>

#include "net/byte_stream.h"
#include "provider/ssh_process.h"

namespace leanto {

namespace {

constexpr std::string_view kMarker = "LEANTO NODE ";
constexpr std::string_view kNone = "none";
constexpr std::string_view kSilent = "silent ";
constexpr std::size_t kMostSaid = 4 << 20;
constexpr Duration kEndGrace = std::chrono::seconds(5);

// For any login shell, as in remote_host.cc: no single quote, backslash, exclamation mark or line
// end inside. `leanto status` exits with 3 where no node runs.
constexpr std::string_view kCommand =
    "exec /bin/sh -c '"
    "c=$HOME/.cache; case $XDG_CACHE_HOME in /*) c=$XDG_CACHE_HOME;; esac; r=none; "
    "for d in \"$c\"/leanto/bin/*/leanto; do [ -x \"$d\" ] || continue; "
    "s=$(\"$d\" status --json 2>/dev/null); e=$?; "
    "if [ $e = 0 ]; then echo; echo \"LEANTO NODE $d\"; printf %s \"$s\"; echo; exit; fi; "
    "[ $e = 3 ] || r=\"silent $d\"; done; echo; echo \"LEANTO NODE $r\"'";

// What comes after the marker's line, to the end; the marker itself in `line`.
net::Task<Result<std::string>> read_answer(net::ByteStream& stream, Duration limit,
                                           std::string& line) {
  std::string said;
  std::size_t noise = 0;
  while (said.size() < kMostSaid && noise < kMostSaid) {
    Result<std::optional<std::string>> next = co_await stream.read_line(limit);
    if (!next) co_return Failure(next.error());
    if (!*next) co_return said;
    if (!line.empty()) {
      said += **next;
    } else if ((*next)->starts_with(kMarker)) {
      line = (*next)->substr(kMarker.size());
    } else {
      noise += (*next)->size() + 1;
    }
  }
  co_return fail(ErrorKind::kProtocol, "it says more than {} bytes", kMostSaid);
}

}  // namespace

net::Task<Result<SeenNode>> look(net::Loop& loop, SshHost host, LookLimits limits) {
  if (Status checked = check(host); !checked) co_return Failure(checked.error());
  Result<SshProcess::Started> started = SshProcess::start(loop, host, kCommand, limits.connect);
  if (!started) co_return Failure(started.error());
  std::string line;
  Result<std::string> said = fail(ErrorKind::kInternal, "not asked");
  {
    net::ByteStream stream(loop, started->socket.release());
    said = co_await read_answer(stream, limits.connect + limits.silence, line);
  }
  const bool is_late = !said && said.error().kind == ErrorKind::kTimeout;
  const SshEnd end = co_await started->ssh->end(is_late ? Duration::zero() : kEndGrace);
  if (line == kNone) co_return SeenNode{};
  if (is_late || line.starts_with(kSilent)) {
    co_return fail(ErrorKind::kTimeout,
                   "whether a node runs on {} is not known: it doesn't answer. Look by hand: {}",
                   describe(host), command_by_hand(host));
  }
  if (line.empty()) co_return Failure(explain(host, end));
  if (!said) co_return Failure(said.error());
  wire::Json status = wire::Json::parse(*said, nullptr, false);
  if (!status.is_object()) {
    co_return fail(ErrorKind::kProtocol,
                   "what the node on {} says of itself makes no sense. Look by hand: {}",
                   describe(host), command_by_hand(host));
  }
  co_return SeenNode{line, std::move(status)};
}

}  // namespace leanto
