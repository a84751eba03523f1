#include "node/far_attempt.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace leanto::node {

using namespace std::chrono_literals;
using wire::Json;

namespace {

constexpr Duration kFirstPause = 500ms;
constexpr Duration kLongestPause = 30s;
constexpr int kCancelTries = 40;  // with the longest pause between them
constexpr int kWaitSeconds = 30;  // that the node there keeps a question

wire::OutputStream stream_of(const Json& record) {
  const bool is_error = wire::find_string(record, "stream").value_or("") == "stderr";
  return is_error ? wire::OutputStream::kStderr : wire::OutputStream::kStdout;
}

// What was in contact can't be reached; everything else that is answered is final.
bool is_out_of_contact(const Error& error) { return error.kind == ErrorKind::kNodeLost; }

}  // namespace

net::Task<FarAttempt::Outcome> FarAttempt::run() {
  Duration pause = kFirstPause;
  while (true) {
    Result<std::shared_ptr<Asker>> asker = co_await parts_.find_asker(parts_.node, parts_.was_sent);
    if (cancelled_ && !parts_.was_sent)
      co_return never_began({ErrorKind::kCancelled, "it was cancelled before it was sent"});
    if (!asker && !parts_.was_sent) co_return never_began(asker.error());
    Result<Outcome> outcome = Failure(Error{});
    if (asker) {
      asker_ = *asker;
      parts_.on_contact({});
      pause = kFirstPause;
      outcome = co_await converse(**asker);
      asker_ = nullptr;
    } else {
      outcome = Failure(asker.error());
    }
    if (outcome) co_return *std::move(outcome);
    const Error& error = outcome.error();
    const bool is_forgotten = !asker && error.kind == ErrorKind::kNotFound;
    if (!asker && (parts_.may_be_lost || is_forgotten)) co_return lost(error);
    if (!asker) parts_.on_contact(error.message);
    co_await parts_.loop.sleep(pause);
    if (!asker) pause = std::min(pause * 2, kLongestPause);
  }
}

// An error means that contact was lost.
net::Task<Result<FarAttempt::Outcome>> FarAttempt::converse(Asker& asker) {
  if (id_.empty()) {
    const std::optional<Error> refused = co_await submit(asker);
    if (refused && is_out_of_contact(*refused)) co_return Failure(*refused);
    if (refused) co_return never_began(*refused);
  }
  if (cancelled_) ask_to_cancel(asker);
  while (true) {
    const Json question = {
        {"op", "run_logs"}, {"id", id_}, {"offset", offset_}, {"wait", kWaitSeconds}};
    const Result<Asker::Reply> reply = co_await asker.ask(question);
    if (!reply && is_out_of_contact(reply.error())) co_return Failure(reply.error());
    if (!reply) co_return lost(reply.error());
    take_output(reply->body.view());
    offset_ = static_cast<std::uint64_t>(
        std::max(0.0, wire::find_number(reply->head, "next").value_or(0)));
    if (wire::find_flag(reply->head, "ended", false)) break;
  }
  co_return co_await fetch_outcome(asker);
}

// What is wrong if it isn't taken.
net::Task<std::optional<Error>> FarAttempt::submit(Asker& asker) {
  parts_.was_sent = true;
  const Json question = {{"op", "submit"}, {"caller", parts_.caller}, {"call", parts_.call}};
  const Result<Asker::Reply> reply =
      co_await asker.ask(question, wire::Body(std::string_view(parts_.arguments)));
  if (!reply) co_return reply.error();
  const Result<std::string> id = wire::require_string(reply->head, "id");
  if (!id) co_return id.error();
  id_ = *id;
  parts_.arguments.clear();
  parts_.arguments.shrink_to_fit();
  co_return std::nullopt;
}

net::Task<Result<FarAttempt::Outcome>> FarAttempt::fetch_outcome(Asker& asker) {
  const Json about = {{"op", "run_record"}, {"id", id_}};
  const Result<Asker::Reply> record = co_await asker.ask(about);
  const Json question = {{"op", "run_result"}, {"id", id_}};
  const Result<Asker::Reply> reply = co_await asker.ask(question);
  for (const auto* each : {&record, &reply}) {
    if (*each) continue;
    if (is_out_of_contact(each->error())) co_return Failure(each->error());
    co_return lost(each->error());
  }
  const Json error = reply->head.value("error", Json());
  if (wire::find_string(reply->head, "status").value_or("") == "lost") {
    co_return lost({ErrorKind::kNodeLost, wire::find_string(error, "message").value_or("")});
  }
  Outcome outcome;
  outcome.answer.kind = error.is_object() ? AnswerKind::kError : AnswerKind::kResult;
  outcome.answer.head =
      wire::encode_head(error.is_object() ? error : reply->head.value("said", Json::object()));
  outcome.answer.bytes = std::string(reply->body.view());
  const Json run = record->head.value("run", Json::object());
  if (const auto peak = wire::find_number(run, "memory_peak"))
    outcome.memory_peak = static_cast<std::int64_t>(*peak);
  if (const auto used = wire::find_number(run, "cpu_time"))
    outcome.cpu_ms = static_cast<std::int64_t>(*used * 1000);
  co_return outcome;
}

// One JSON object a line, as they are on disk there.
void FarAttempt::take_output(std::string_view records) {
  while (!records.empty()) {
    const std::size_t end = std::min(records.find('\n'), records.size());
    const Json record = Json::parse(records.substr(0, end), nullptr, false);
    records.remove_prefix(std::min(end + 1, records.size()));
    if (!record.is_object()) continue;
    const std::string text = wire::find_string(record, "text").value_or("");
    if (text.empty()) continue;
    if (parts_.lines_known > 0) {
      if (text.ends_with('\n')) --parts_.lines_known;
      continue;
    }
    parts_.on_output(stream_of(record), text);
  }
}

bool FarAttempt::cancel(std::string reason) {
  cancelled_ = std::move(reason);
  if (!parts_.was_sent) return false;
  if (asker_ && asker_->is_open() && !id_.empty()) ask_to_cancel(*asker_);
  return true;
}

void FarAttempt::ask_to_cancel(Asker& asker) {
  const Json question = {{"op", "run_cancel"}, {"id", id_}, {"reason", *cancelled_}};
  asker.tell(question, {});
}

FarAttempt::Outcome FarAttempt::lost(const Error& error) {
  if (!cancelled_) cancelled_ = "the node that had asked for it has lost it, and counts it as lost";
  auto run = [](std::shared_ptr<FarAttempt> self) -> net::Task<> {
    co_await self->cancel_when_reached();
  };
  parts_.loop.spawn("cancel a lost attempt", run(shared_from_this()));
  return {How::kLost, {}, error, {}, {}};
}

// Another attempt may be on its way, so this one shall not go on beside it for longer than it must.
net::Task<> FarAttempt::cancel_when_reached() {
  for (int i = 0; i < kCancelTries; ++i) {
    const auto asker = co_await parts_.find_asker(parts_.node, true);
    if (!asker && asker.error().kind == ErrorKind::kNotFound) co_return;
    if (asker) {
      const Json question = {{"op", "run_cancel"},
                             {"id", wire::find_string(parts_.call, "key").value_or("")},
                             {"reason", *cancelled_}};
      const Result<Asker::Reply> reply = co_await (*asker)->ask(question);
      if (reply || !is_out_of_contact(reply.error())) co_return;
    }
    co_await parts_.loop.sleep(kLongestPause);
  }
}

}  // namespace leanto::node
