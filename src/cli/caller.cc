#include "cli/caller.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace leanto::cli {

namespace {

// A static binary can't ask the user database, of which other places than the file are parts.
std::string user_name() {
  for (const char* const variable : {"USER", "LOGNAME"}) {
    if (const char* const name = std::getenv(variable)) return name;
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/etc/passwd", "re"),
                                                             &std::fclose);
  while (file) {
    const passwd* const user = ::fgetpwent(file.get());
    if (user == nullptr) break;
    if (user->pw_uid == ::getuid()) return user->pw_name;
  }
  return {};
}

}  // namespace

wire::Json say_caller() {
  char host[256] = {};
  (void)::gethostname(host, sizeof host - 1);
  return {{"pid", ::getpid()}, {"host", host}, {"user", user_name()}};
}

}  // namespace leanto::cli
