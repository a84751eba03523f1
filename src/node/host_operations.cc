#include "node/host_operations.h"

#include <limits>
#include <utility>

#include "node/host_files.h"
#include "node/shell.h"

namespace leanto::node {

using wire::Json;

namespace {

Result<std::vector<std::string>> read_command(const Json& head) {
  const auto command = head.find("command");
  if (command != head.end() && command->is_string())
    return std::vector<std::string>{"/bin/sh", "-c", command->get<std::string>()};
  std::vector<std::string> words;
  if (command != head.end() && command->is_array()) {
    for (const Json& word : *command) {
      if (word.is_string()) words.push_back(word.get<std::string>());
    }
  }
  const std::size_t said = command != head.end() && command->is_array() ? command->size() : 0;
  if (words.empty() || words.size() != said)
    return fail(ErrorKind::kInvalid, "a command is a text for the shell, or a list of words");
  return words;
}

std::uint64_t whole(const Json& head, std::string_view key) {
  const auto number = wire::find_number(head, key);
  return number && *number >= 0 && *number < 9e15 ? static_cast<std::uint64_t>(*number) : 0;
}

}  // namespace

HostOperations::HostOperations(net::Loop& loop, Autostop& autostop)
    : loop_(loop),
      autostop_(autostop),
      operations_{{"autostop", &HostOperations::autostop},
                  {"command", &HostOperations::command},
                  {"read_file", &HostOperations::read_file},
                  {"write_file", &HostOperations::write_file}} {}

net::Task<Result<Answer>> HostOperations::run(const std::string& op, Request& request) {
  const Operation operation = operations_.at(op);
  co_return co_await (this->*operation)(request);
}

net::Task<Result<Answer>> HostOperations::autostop(Request& request) {
  const auto seconds = wire::find_number(request.head, "after");
  if (seconds && !(*seconds > 0 && *seconds < 1e9))
    co_return fail(ErrorKind::kInvalid, "a node stops after a number of seconds");
  const auto after = seconds ? std::optional(std::chrono::duration_cast<Duration>(
                                   std::chrono::duration<double>(*seconds)))
                             : std::nullopt;
  const Status set = autostop_.set(after);
  if (!set) co_return Failure(set.error());
  co_return Answer{};
}

net::Task<Result<Answer>> HostOperations::command(Request& request) {
  Result<std::vector<std::string>> words = read_command(request.head);
  if (!words) co_return Failure(words.error());
  const double seconds = wire::find_number(request.head, "timeout").value_or(0);
  const Duration limit =
      seconds > 0 && seconds < 1e8
          ? std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds))
          : Duration(std::chrono::hours(24 * 365));
  CommandOutput on_output = [caller = request.caller, stream = request.stream](
                                OutputStream output, std::string_view text) {
    if (const auto port = caller.lock())
      port->reply(wire::FrameType::kLog, stream,
                  wire::encode_head({{"s", static_cast<int>(output)}}), wire::Body(text));
  };
  auto wanted = [asked = request.wanted] { return !asked || asked(); };
  const Result<ExitStatus> status = co_await run_command(loop_, *std::move(words), limit,
                                                         std::move(wanted), std::move(on_output));
  if (!status) co_return Failure(status.error());
  Json head = Json::object();
  if (status->code) head["code"] = *status->code;
  if (status->signal) head["signal"] = signal_name(*status->signal);
  co_return Answer{std::move(head), {}};
}

net::Task<Result<Answer>> HostOperations::read_file(Request& request) {
  const Result<std::string> path = wire::require_string(request.head, "path");
  if (!path) co_return Failure(path.error());
  auto read = [path = *path, offset = whole(request.head, "offset"),
               size = whole(request.head, "size")] { return read_piece(path, offset, size); };
  Result<FilePiece> piece = co_await loop_.in_background(std::move(read));
  if (!piece) co_return Failure(piece.error());
  co_return Answer{{{"size", piece->file_size}, {"mode", piece->mode}},
                   wire::Body(piece->bytes).to_owned()};
}

net::Task<Result<Answer>> HostOperations::write_file(Request& request) {
  const Result<std::string> path = wire::require_string(request.head, "path");
  if (!path) co_return Failure(path.error());
  auto write = [path = *path, offset = whole(request.head, "offset"),
                is_last = wire::find_flag(request.head, "last", true),
                mode = static_cast<mode_t>(whole(request.head, "mode")),
                body = std::move(request.body)] {
    return write_piece(path, offset, body.view(), is_last, mode);
  };
  const Result<std::string> written = co_await loop_.in_background(std::move(write));
  if (!written) co_return Failure(written.error());
  co_return Answer{{{"path", *written}}, {}};
}

}  // namespace leanto::node
