#include "provider/ssh_dial.h"

#include <algorithm>
#include <utility>

#include "base/embedded.h"
#include "net/byte_stream.h"
#include "wire/bridge_marker.h"
#include "wire/head.h"

namespace leanto {
namespace {

using wire::Json;

constexpr std::string_view kOurs = "LEANTO ";
constexpr std::size_t kMostNoise = 1024 * 1024;
constexpr std::uint64_t kChunk = 64 * 1024;
constexpr std::uint64_t kMostUnderWay = 4 * 1024 * 1024;  // sent, and not said to be there
constexpr Duration kEndGrace = std::chrono::seconds(5);
constexpr Duration kProgressEvery = std::chrono::milliseconds(200);

std::string_view receive_script() { return embedded::remote_scripts()[0].contents; }

// Words with a body: "LEANTO GOT {...}".
std::optional<Json> body_of(std::string_view line, std::string_view word) {
  if (!line.starts_with(kOurs)) return std::nullopt;
  line.remove_prefix(kOurs.size());
  if (!line.starts_with(word) || !line.substr(word.size()).starts_with(" {")) return std::nullopt;
  Json body = Json::parse(line.substr(word.size()), nullptr, false);
  if (!body.is_object()) return std::nullopt;
  return body;
}

// A host's greeting may begin with our name, too.
bool is_ours(std::string_view line) {
  const auto has_body = [line](std::string_view word) { return body_of(line, word).has_value(); };
  return line == wire::kBridgeLine || parse_system_facts(line) || has_body("READY") ||
         has_body("GOT") || has_body("FAILED");
}

std::uint64_t number_of(const Json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string text_of(const Json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : "";
}

// One connection, from ssh's start to the bridge.
class Dial {
 public:
  Dial(net::Loop& loop, const SshHost& host, const NodeBinary& binary,
       const OnDialProgress& on_progress, const DialLimits& limits, SshProcess::Started started)
      : loop_(loop),
        host_(host),
        binary_(binary),
        on_progress_(on_progress),
        limits_(limits),
        ssh_(std::move(started.ssh)),
        stream_(loop, started.socket.release()) {}

  net::Task<Result<SshNode>> run() {
    Result<std::string> line = co_await next_line();
    std::optional<SystemFacts> facts = line ? parse_system_facts(*line) : std::nullopt;
    if (facts) line = co_await install(*facts);
    if (!line) co_return Failure(line.error());
    if (*line != wire::kBridgeLine) co_return refused(*line);
    co_return SshNode{UniqueFd(stream_.release()), std::move(ssh_), std::move(facts), sent_};
  }

  // What arrived was not what was sent, and part of it was there before: it's gone now.
  bool may_succeed_next_time() const { return damaged_ && resumed_; }

 private:
  void report(DialPhase phase, std::uint64_t sent = 0, std::uint64_t total = 0) {
    const MonotonicTime now = std::chrono::steady_clock::now();
    const bool is_news = phase != reported_phase_ || sent == total || now >= next_report_;
    if (!on_progress_ || !is_news) return;
    reported_phase_ = phase;
    next_report_ = now + kProgressEvery;
    on_progress_({phase, sent, total});
  }

  // What the host says, without the noise of its shell's start-up files.
  net::Task<Result<std::string>> next_line() {
    const MonotonicTime until = std::chrono::steady_clock::now() + limits_.silence;
    std::size_t noise = 0;
    while (noise < kMostNoise) {
      const Duration left = until - std::chrono::steady_clock::now();
      Result<std::optional<std::string>> line = co_await stream_.read_line(left);
      if (!line) co_return co_await silent(line.error());
      if (!*line) co_return co_await ended();
      if (is_ours(**line)) co_return **std::move(line);
      noise += (*line)->size() + 1;
    }
    co_return fail(ErrorKind::kProtocol,
                   "the host {} prints more than {} bytes before it runs a command: look into its "
                   "shell's start-up files. Try by hand: {}",
                   describe(host_), kMostNoise, command_by_hand(host_));
  }

  net::Task<Failure> ended() {
    const SshEnd end = co_await ssh_->end(kEndGrace);
    co_return Failure(explain(host_, end));
  }

  net::Task<Failure> silent(Error error) {
    if (error.kind != ErrorKind::kTimeout) co_return co_await ended();
    const SshEnd end = co_await ssh_->end(Duration::zero());
    const std::string said = last_lines(end.errors, 2);
    co_return fail(ErrorKind::kNodeLost,
                   "the host {} has said nothing for {} s{}{}. Is it overloaded, or is the network "
                   "down? Try by hand: {}",
                   describe(host_),
                   std::chrono::duration_cast<std::chrono::seconds>(limits_.silence).count(),
                   said.empty() ? "" : ": ", said, command_by_hand(host_));
  }

  Failure about_host(ErrorKind kind, std::string_view what) const {
    return fail(kind, "the host {} {}. Look by hand: {}", describe(host_), what,
                command_by_hand(host_));
  }

  Failure refused(std::string_view line) {
    const std::optional<Json> failure = body_of(line, "FAILED");
    if (!failure) {
      return about_host(ErrorKind::kProtocol,
                        fmt::format("says what makes no sense: {}", line.substr(0, 200)));
    }
    damaged_ = text_of(*failure, "kind") == "damaged";
    const auto kind = find_error_kind(text_of(*failure, "kind"));
    return about_host(kind.value_or(ErrorKind::kNodeLost),
                      "can't take leanto: " + text_of(*failure, "message"));
  }

  // Returns the line that comes when the host has the binary: the bridge's.
  net::Task<Result<std::string>> install(const SystemFacts& facts) {
    if (Status possible = check(facts); !possible) {
      co_return about_host(possible.error().kind, possible.error().message);
    }
    report(DialPhase::kPacking);
    auto work = [binary = binary_] { return pack(binary); };
    const Result<PackedBinary> packed = co_await loop_.in_background(std::move(work));
    if (!packed) co_return Failure(packed.error());
    const std::string request = request_for(*packed);
    if (Status asked = co_await stream_.write(request, limits_.silence); !asked) {
      co_return co_await silent(asked.error());
    }
    Result<std::string> line = co_await next_line();
    const std::optional<Json> ready = line ? body_of(*line, "READY") : std::nullopt;
    if (!ready) co_return line;
    const std::uint64_t have =
        std::min<std::uint64_t>(number_of(*ready, "have"), packed->bytes.size());
    resumed_ = have > 0;
    sent_ = true;
    co_return co_await send(packed->bytes, have);
  }

  std::string request_for(const PackedBinary& packed) const {
    const Json asked = {{"digest", binary_.digest.hex()},
                        {"size", binary_.size},
                        {"packed", packed.digest.hex()},
                        {"packed_size", packed.bytes.size()}};
    return std::string(receive_script()) + asked.dump() + "\n";
  }

  // Returns the first line that says something else than how much is there.
  net::Task<Result<std::string>> send(std::string_view bytes, std::uint64_t offset) {
    std::uint64_t there = offset;
    while (true) {
      report(there < bytes.size() ? DialPhase::kSending : DialPhase::kStarting,
             there < bytes.size() ? there : 0, there < bytes.size() ? bytes.size() : 0);
      const bool may_send = offset < bytes.size() && offset - there < kMostUnderWay;
      if (may_send && !stream_.is_readable()) {
        const std::string_view chunk = bytes.substr(offset, kChunk);
        const Status sent = co_await stream_.write(chunk, limits_.silence);
        // The host has hung up: what it said before that is still there to be read.
        offset = sent ? offset + chunk.size() : bytes.size();
        continue;
      }
      Result<std::string> line = co_await next_line();
      const std::optional<Json> got = line ? body_of(*line, "GOT") : std::nullopt;
      if (!got) co_return line;
      there = std::max(there, number_of(*got, "have"));
    }
  }

  net::Loop& loop_;
  const SshHost& host_;
  const NodeBinary& binary_;
  const OnDialProgress& on_progress_;
  const DialLimits& limits_;
  std::unique_ptr<SshProcess> ssh_;
  net::ByteStream stream_;
  bool sent_ = false;
  bool resumed_ = false;
  bool damaged_ = false;
  DialPhase reported_phase_ = DialPhase::kConnecting;
  MonotonicTime next_report_{};
};

}  // namespace

net::Task<Result<SshNode>> dial(net::Loop& loop, SshHost host, NodeBinary binary,
                                OnDialProgress on_progress, DialLimits limits) {
  if (Status checked = check(host); !checked) co_return Failure(checked.error());
  const std::string command = remote_command(binary.digest, receive_script().size());
  if (on_progress) on_progress(DialProgress{});
  while (true) {
    Result<SshProcess::Started> started = SshProcess::start(loop, host, command, limits.connect);
    if (!started) co_return Failure(started.error());
    Dial attempt(loop, host, binary, on_progress, limits, *std::move(started));
    Result<SshNode> node = co_await attempt.run();
    if (node || !attempt.may_succeed_next_time()) co_return node;
  }
}

}  // namespace leanto
