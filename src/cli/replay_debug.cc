#include "cli/replay_debug.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <system_error>
#include <vector>

#include "cli/command.h"
#include "cli/report.h"
#include "os/files.h"
#include "os/process.h"
#include "os/unnamed_file.h"

namespace leanto::cli {

using wire::Json;

namespace {

constexpr const char* kStart =
    "import sys; sys.path[0] = sys.argv[1]; from leanto.worker import debug; debug.main()";

Result<std::string> make_directory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "leanto-replay-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    return fail(ErrorKind::kCapacity, "make a directory {}: {}", pattern,
                std::generic_category().message(errno));
  }
  return pattern;
}

// The head and the body of the node's answer, in a file that only the new process has. Arguments
// and secrets are in it.
Result<UniqueFd> keep_answer(const Reply& reply) {
  const std::string head = wire::encode_head(reply.head);
  auto file = make_memory_file("leanto-replay", 0);
  if (!file) return file;
  for (const std::string_view part : {std::string_view(head), std::string_view(reply.body)}) {
    if (Status written = write_all(file->get(), part, "a file in memory"); !written)
      return Failure(written.error());
  }
  ::lseek(file->get(), 0, SEEK_SET);
  ::fcntl(file->get(), F_SETFD, 0);  // the new process has it, too
  return file;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Returns only where that fails.
Error become(const Json& head, const std::string& directory, int file, Debugging debugging) {
  const std::string python = text_of(head, "python");
  const std::string size = std::to_string(wire::encode_head(head).size());
  std::vector<std::string> words = {
      python,    "-c",
      kStart,    text_of(head, "package"),
      directory, std::to_string(file),
      size,      debugging == Debugging::kFromStart ? "start" : "error"};
  std::vector<std::string> environment =
      environment_for_python(head.value("env", std::map<std::string, std::string>()));
  ::execve(python.c_str(), pointers_to(words).data(), pointers_to(environment).data());
  return {ErrorKind::kImage,
          fmt::format("the interpreter {} of the run's version can't be started here: {}", python,
                      std::generic_category().message(errno))};
}

Error try_replay(Connection& node, const std::string& id, const std::string& directory,
                 Debugging debugging) {
  const Result<Reply> reply = node.ask(
      {{"op", "run_debug"}, {"id", id}, {"anywhere", true}, {"directory", directory + "/code"}});
  if (!reply) return reply.error();
  const Result<UniqueFd> file = keep_answer(*reply);
  if (!file) return file.error();
  return become(reply->head, directory, file->get(), debugging);
}

}  // namespace

int replay_here(Connection& node, const std::string& id, Debugging debugging) {
  const Result<std::string> directory = make_directory();
  if (!directory) return print_error(directory.error());
  const Error error = try_replay(node, id, *directory, debugging);
  (void)remove_tree(*directory);
  return print_error(error);
}

}  // namespace leanto::cli
