#include "provider/ssh_host.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "base/shell_word.h"

namespace leanto {
namespace {

// As OpenSSH refuses them on its own command line since 9.6.
constexpr std::string_view kNotInHosts = "'`\"$\\;&<>|(){}";
constexpr std::string_view kNotInUsers = "'`\"\\;&<>|(){}";

bool is_blank_or_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isspace(byte) != 0 || std::iscntrl(byte) != 0;
}

Status check_word(std::string_view what, std::string_view word, std::string_view refused) {
  if (word.starts_with('-')) {
    return fail(ErrorKind::kInvalid, "the {} '{}' begins with '-', as options do", what, word);
  }
  if (word.find_first_of(refused) != std::string_view::npos ||
      std::any_of(word.begin(), word.end(), is_blank_or_control)) {
    return fail(ErrorKind::kInvalid, "the {} '{}' has a character that a shell could take for more",
                what, word);
  }
  return {};
}

std::string destination(const SshHost& host) {
  return host.user.empty() ? host.host : host.user + "@" + host.host;
}

void append_chosen(std::vector<std::string>& words, const SshHost& host) {
  if (host.port != 0) words.insert(words.end(), {"-p", std::to_string(host.port)});
  if (!host.key.empty()) words.insert(words.end(), {"-i", host.key});
}

}  // namespace

Status check(const SshHost& host) {
  if (host.host.empty()) return fail(ErrorKind::kInvalid, "a host without a name");
  if (host.command.empty() || host.command[0].empty()) {
    return fail(ErrorKind::kInvalid, "the ssh command for {} is empty", host.host);
  }
  if (host.port < 0 || host.port > 65535) {
    return fail(ErrorKind::kInvalid, "{} is no port (of the host {})", host.port, host.host);
  }
  if (Status checked = check_word("host", host.host, kNotInHosts); !checked) return checked;
  if (host.key.find('\0') != std::string::npos) {
    return fail(ErrorKind::kInvalid, "the path of the key for {} makes no sense", host.host);
  }
  return check_word("user", host.user, kNotInUsers);
}

std::vector<std::string> ssh_command_line(const SshHost& host, std::string_view remote_command,
                                          Duration connect) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(connect).count();
  std::vector<std::string> words = host.command;
  words.insert(words.end(), {
                                // No terminal, no escape character, no windows.
                                "-T",
                                "-x",
                                "-e",
                                "none",
                                // Whoever would be asked isn't there.
                                "-o",
                                "BatchMode=yes",
                                // What the user forwards in other sessions.
                                "-o",
                                "ClearAllForwardings=yes",
                                // A connection that is there is used; this one ends with its node,
                                // so others must not come to depend on it.
                                "-o",
                                "ControlMaster=no",
                                // Would stand against the command that is given here.
                                "-o",
                                "RemoteCommand=none",
                                // QUIET would hide why it fails.
                                "-o",
                                "LogLevel=INFO",
                                // A silent end of the network is found out within a minute.
                                "-o",
                                "ServerAliveInterval=20",
                                "-o",
                                "ServerAliveCountMax=3",
                            });
  words.insert(words.end(),
               {"-o", "ConnectTimeout=" + std::to_string(std::max<std::int64_t>(seconds, 1))});
  if (!host.key.empty()) words.insert(words.end(), {"-o", "IdentitiesOnly=yes"});
  append_chosen(words, host);
  words.insert(words.end(), {"--", destination(host), std::string(remote_command)});
  return words;
}

std::vector<std::string> ssh_environment(const SshHost& host) {
  std::vector<std::string> lines;
  for (char** own = environ; *own != nullptr; ++own) {
    const std::string_view line = *own;
    if (!host.environment.contains(std::string(line.substr(0, line.find('='))))) {
      lines.emplace_back(line);
    }
  }
  for (const auto& [name, value] : host.environment) lines.push_back(name + "=" + value);
  return lines;
}

std::string command_by_hand(const SshHost& host) {
  std::vector<std::string> words = host.command;
  append_chosen(words, host);
  words.push_back(destination(host));
  std::string text;
  constexpr std::string_view kOfAddresses = "[]";
  for (const std::string& word : words)
    text += (text.empty() ? "" : " ") + shell_word(word, kOfAddresses);
  return text;
}

std::string describe(const SshHost& host) {
  if (host.port == 0) return destination(host);
  return fmt::format("{} port {}", destination(host), host.port);
}

}  // namespace leanto
