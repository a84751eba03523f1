// An attempt of a run on another node. There it's a run of its own, whose key is the attempt's, so
// that whoever asks again, after a link that broke or a node here that was killed, has the same
// one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "node/asker.h"
#include "store/run_record.h"
#include "wire/output_records.h"

namespace leanto::node {

class FarAttempt final : public std::enable_shared_from_this<FarAttempt> {
 public:
  // A connection to that node. `again`: it's for what is there already, so a node that somebody has
  // ended isn't started for it. kNotFound: there's nothing there any more, and nothing comes back;
  // kNodeLost and others, as dialling says it.
  using FindAsker =
      std::function<net::Task<Result<std::shared_ptr<Asker>>>(std::string node, bool again)>;

  struct Parts {
    net::Loop& loop;
    FindAsker find_asker;
    std::string node;
    wire::Json call;    // of the submission there, with the attempt's key
    wire::Json caller;  // who submits, for the record there
    std::string arguments;
    bool was_sent = false;          // by a node before this one
    bool may_be_lost = true;        // else the node is waited for, for as long as it takes
    std::uint64_t lines_known = 0;  // of its output, which were taken before
    std::function<void(wire::OutputStream stream, std::string_view text)> on_output;
    // The node can't be reached, and why; absent: it can.
    std::function<void(std::optional<std::string> why)> on_contact;
  };
  explicit FarAttempt(Parts parts) : parts_(std::move(parts)) {}

  enum class How {
    kAnswered,
    kLost,        // it may have done anything; it's cancelled if the node is reached again
    kNeverBegan,  // the node couldn't be reached, or didn't take it
  };
  struct Outcome {
    How how = How::kAnswered;
    RunAnswer answer{};  // kAnswered
    Error error{};       // else
    std::optional<std::int64_t> memory_peak{};
    std::optional<std::int64_t> cpu_ms{};
  };
  net::Task<Outcome> run();

  // Has it end. False: nobody has heard of it yet, and nobody will.
  bool cancel(std::string reason);

 private:
  net::Task<Result<Outcome>> converse(Asker& asker);
  net::Task<Result<Outcome>> fetch_outcome(Asker& asker);
  net::Task<std::optional<Error>> submit(Asker& asker);
  void take_output(std::string_view records);
  void ask_to_cancel(Asker& asker);
  net::Task<> cancel_when_reached();
  static Outcome never_began(const Error& error) { return {How::kNeverBegan, {}, error, {}, {}}; }
  Outcome lost(const Error& error);

  Parts parts_;
  std::string id_;  // of the run there
  std::uint64_t offset_ = 0;
  std::shared_ptr<Asker> asker_;
  std::optional<std::string> cancelled_;  // the reason
};

}  // namespace leanto::node
