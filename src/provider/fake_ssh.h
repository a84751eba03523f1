// For tests: hosts without sshd. An "ssh" that is a shell script and runs the remote command on
// this machine, under another HOME; and a small "leanto" whose bridge says back what it hears.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <string>

#include "net/test_loop.h"
#include "os/temporary_directory.h"
#include "provider/ssh_dial.h"

namespace leanto {

class FakeSsh : public testing::Test {
 protected:
  // `how` gets the remote command as "$remote"; its standard streams are the connection.
  SshHost host(const std::string& how = "exec /bin/sh -c \"$remote\"") {
    const std::filesystem::path script = here_ / fmt::format("ssh{}", ++scripts_);
    write_program(script, fmt::format("#!/bin/sh\n"
                                      "for remote; do :; done\n"
                                      "HOME='{}'; export HOME; unset XDG_CACHE_HOME; cd\n"
                                      "{}\n",
                                      home().string(), how));
    return {.host = "box", .command = {script.string()}};
  }

  NodeBinary binary(const std::string& bridge = "exec cat") {
    const std::filesystem::path program = here_ / "leanto";
    write_program(program, "#!/bin/sh\necho; echo LEANTO BRIDGE 1\n" + bridge + "\n" + padding());
    const Result<NodeBinary> found = find_node_binary(program, here_ / "packed");
    EXPECT_TRUE(found) << found.error().message;
    return *found;
  }

  Result<SshNode> dial(const SshHost& to, const NodeBinary& with, DialLimits limits = {}) {
    seen_.clear();
    const OnDialProgress see = [this](const DialProgress& progress) { seen_.push_back(progress); };
    return test_.get(leanto::dial(test_.loop, to, with, see, limits));
  }

  // What the first report about bytes said, if there was one.
  std::optional<std::uint64_t> sent_at_first() const {
    for (const DialProgress& progress : seen_) {
      if (progress.phase == DialPhase::kSending) return progress.sent;
    }
    return std::nullopt;
  }

  std::filesystem::path home() const { return home_.path(); }
  std::filesystem::path place() const { return home() / ".cache" / "leanto" / "bin"; }

  static void write_program(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }

  TemporaryDirectory here_, home_;
  net::TestLoop test_;
  std::vector<DialProgress> seen_;

 private:
  // So that it doesn't shrink to nothing: sent in many pieces.
  static std::string padding() {
    std::mt19937 random(1);
    std::string text(3'000'000, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  }
  int scripts_ = 0;
};

}  // namespace leanto
