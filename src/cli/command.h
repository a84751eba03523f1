// The command line: one file a command, each a function from its options to an exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace leanto::cli {

// Exit codes that scripts may rely on; `leanto --help` lists them.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kNotRunning = 3;
inline constexpr int kCancelled = 4;      // the run, of `leanto wait` and `leanto call --wait`
inline constexpr int kLost = 5;           // the same
inline constexpr int kNotFound = 6;       // no such service or object
inline constexpr int kTimedOut = 124;     // as timeout(1) says it
inline constexpr int kInterrupted = 130;  // 128 + SIGINT, as shells say it
inline constexpr int kTerminated = 143;   // 128 + SIGTERM

// kJson: one line of JSON on stdout, and nothing else there.
enum class Format { kText, kJson };

void add_bridge(CLI::App& app);
void add_node(CLI::App& app);
void add_status(CLI::App& app);
void add_list(CLI::App& app);
void add_objects(CLI::App& app);
void add_images(CLI::App& app);
void add_logs(CLI::App& app);
void add_runs(CLI::App& app);
void add_run(CLI::App& app);
void add_wait(CLI::App& app);
void add_cancel(CLI::App& app);
void add_replay(CLI::App& app);
void add_call(CLI::App& app);
void add_clusters(CLI::App& app);
void add_up(CLI::App& app);
void add_down(CLI::App& app);
void add_ssh(CLI::App& app);
void add_token(CLI::App& app);
void add_stop(CLI::App& app);
void add_restart(CLI::App& app);
void add_top(CLI::App& app);
void add_doctor(CLI::App& app);
void add_completion(CLI::App& app);
void add_version(CLI::App& app);

// What `--on` says: the node of another machine that is asked instead of the one here; usually
// empty.
const std::string& asked_node();

// For a command's `add_x`: what `body` returns becomes the exit code when `command` is given.
void on_run(CLI::App& command, std::function<int()> body);
CLI::Option* add_json_flag(CLI::App& command);
Format format_of(const CLI::Option* json);

// What a shell asks while somebody types: `leanto __complete WORD...` prints what could come next,
// one a line, with a tab before what it is. `app` has all commands.
inline constexpr const char* kComplete = "__complete";
int print_completions(const CLI::App& app, const std::vector<std::string>& words);

int run(int argc, char** argv);

extern const char* const kVersion;

}  // namespace leanto::cli
