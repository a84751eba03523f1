#include "provider/remote_host.h"

#include <charconv>
#include <utility>
#include <vector>

namespace leanto {
namespace {

constexpr std::string_view kSystemLine = "LEANTO SYSTEM ";
constexpr std::pair<int, int> kOldestKernel{4, 18};

std::pair<int, int> version_of(std::string_view kernel) {
  std::pair<int, int> version{0, 0};
  const char* const end = kernel.data() + kernel.size();
  const auto [rest, error] = std::from_chars(kernel.data(), end, version.first);
  if (error == std::errc() && rest != end) std::from_chars(rest + 1, end, version.second);
  return version;
}

std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

}  // namespace

// Between the single quotes: no single quote, no backslash (fish), no exclamation mark and no line
// end (csh).
std::string remote_command(const Digest& binary, std::size_t script_size) {
  return fmt::format(
      "exec /bin/sh -c '"
      "c=$HOME/.cache; case $XDG_CACHE_HOME in /*) c=$XDG_CACHE_HOME;; esac; "
      "d=$c/leanto/bin/{}/leanto; s=$(uname -sm); "
      "if [ \"$s\" = \"Linux x86_64\" ] && [ -x \"$d\" ]; then exec \"$d\" bridge; fi; "
      "for q in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9; "
      "do p=$(\"$q\" -c \"import sys; sys.version_info < (3, 9) and sys.exit(1); "
      "print(sys.executable)\" 2>/dev/null) && break; done; "
      "if [ -z \"$p\" ]; then v=$(python3 --version 2>&1) || v=; "
      "echo; echo \"LEANTO SYSTEM $s $(uname -r) none $v\"; exit; fi; "
      "echo; echo \"LEANTO SYSTEM $s $(uname -r) $p\"; "
      "exec \"$p\" -I -S -c \"import sys; exec(sys.stdin.buffer.read({}))\" \"$d\"'",
      binary.hex(), script_size);
}

std::optional<SystemFacts> parse_system_facts(std::string_view line) {
  if (!line.starts_with(kSystemLine)) return std::nullopt;
  line.remove_prefix(kSystemLine.size());
  SystemFacts facts;
  facts.system = take_word(line);
  facts.machine = take_word(line);
  facts.kernel = take_word(line);
  if (line.starts_with("none")) {
    facts.older_python = line.substr(std::min<std::size_t>(line.size(), 5));
  } else {
    facts.python = line;
  }
  return facts;
}

Status check(const SystemFacts& facts) {
  if (facts.system != "Linux" || facts.machine != "x86_64") {
    return fail(ErrorKind::kInvalid, "is {} on {}; nodes need Linux on x86_64", facts.system,
                facts.machine);
  }
  if (version_of(facts.kernel) < kOldestKernel) {
    return fail(ErrorKind::kInvalid, "has Linux {}; nodes need 4.18 or newer", facts.kernel);
  }
  if (facts.python.empty() && facts.older_python.empty()) {
    return fail(ErrorKind::kInvalid,
                "has no python3 in its PATH; install one (3.9 or newer), or set PATH in what its "
                "shell reads for commands (~/.bashrc)");
  }
  if (facts.python.empty()) {
    return fail(ErrorKind::kInvalid,
                "has only {} in its PATH; nodes need Python 3.9 or newer (as python3, or as "
                "python3.9 and so on)",
                facts.older_python);
  }
  return {};
}

}  // namespace leanto
