#include "node/image_build.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "base/duration.h"
#include "net/readable.h"
#include "os/files.h"
#include "os/process.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr const char* kProgram =
    "import sys; sys.path[0] = sys.argv[1]; from leanto.worker import image_build; "
    "image_build.run()";

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return fail_errno(ErrorKind::kInternal, errno, "making a pipe for a build");
  }
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<UniqueFd> in_memory(const std::string& bytes) {
  UniqueFd memory(::memfd_create("leanto-image", MFD_CLOEXEC));
  if (!memory) return fail_errno(ErrorKind::kCapacity, errno, "saying what to build");
  if (Status written = write_all(memory.get(), bytes, "a memory file"); !written) {
    return Failure(written.error());
  }
  ::lseek(memory.get(), 0, SEEK_SET);
  return memory;
}

// What can be read without waiting. At the end of the pipe it's empty, and `at_end` is set.
std::string read_now(int fd, bool& at_end) {
  std::array<char, 64 << 10> buffer;
  ssize_t size = 0;
  do {
    size = ::read(fd, buffer.data(), buffer.size());
  } while (size < 0 && errno == EINTR);
  at_end = size == 0;
  return {buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

// The node's side of the process.
struct Building {
  Child child;
  UniqueFd lifeline;  // closed with this: then the process ends
  UniqueFd report;
};

struct Started {
  Building building;
  UniqueFd output;
};

Result<Started> start(const ImageBuild& build) {
  auto lifeline = make_pipe();
  auto output = make_pipe();
  auto report = make_pipe();
  for (const auto* made : {&lifeline, &output, &report}) {
    if (!*made) return Failure(made->error());
  }
  Json words = build.image;
  words["directory"] = build.directory;
  const auto text = in_memory(words.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!text) return Failure(text.error());
  SpawnOptions options;
  options.arguments = {build.interpreter, "-c", kProgram, build.package};
  options.environment = environment_for_python();
  options.working_directory = "/";
  options.fds = {{lifeline->read_end.get(), 0},
                 {output->write_end.get(), 1},
                 {output->write_end.get(), 2},
                 {report->write_end.get(), 3},
                 {text->get(), 4}};
  Result<Child> child = spawn(options);
  if (!child) {
    return fail(ErrorKind::kImage,
                "the interpreter {} cannot be started here to build an image: {}",
                build.interpreter, child.error().message);
  }
  for (const int end : {output->read_end.get(), report->read_end.get()}) {
    ::fcntl(end, F_SETFL, O_NONBLOCK);
  }
  return Started{{*std::move(child), std::move(lifeline->write_end), std::move(report->read_end)},
                 std::move(output->read_end)};
}

Status outcome(const ImageBuild& build, const Building& building, net::Waited waited) {
  const Result<std::optional<ExitStatus>> ended = try_wait(building.child.pid);
  if (waited == net::Waited::kTimedOut) {
    return fail(ErrorKind::kImage,
                "building the image took longer than {} and was ended; {}/build.log has what it "
                "wrote",
                format_duration(build.limit), build.directory);
  }
  bool at_end = false;
  const std::string why = read_now(building.report.get(), at_end);
  if (ended && *ended && (*ended)->code == 0) return {};
  return fail(ErrorKind::kImage, "the image cannot be built: {}\n({}/build.log has all output)",
              !why.empty()      ? why
              : ended && *ended ? "the build ended early, with " + describe(**ended)
                                : "the build ended early",
              build.directory);
}

}  // namespace

net::Task<Status> build_image(net::Loop& loop, ImageBuild build, ImageOutput on_output) {
  Result<Started> started = start(build);
  if (!started) co_return Failure(started.error());
  Building building = std::move(started->building);
  const int output = started->output.get();
  auto read_output = [output, &on_output] {
    bool at_end = false;
    for (std::string text = read_now(output, at_end); !text.empty();
         text = read_now(output, at_end))
      on_output(text);
    return at_end ? net::Readable::Next::kStop : net::Readable::Next::kGoOn;
  };
  net::Event ended(loop);
  auto on_exit = [&ended] {
    ended.set();
    return net::Readable::Next::kStop;
  };
  const int pidfd = ::fcntl(building.child.pidfd.get(), F_DUPFD_CLOEXEC, 0);
  const net::Readable exit(loop, pidfd, on_exit);
  const net::Readable readable(loop, started->output.release(), read_output);
  const net::Waited waited = co_await ended.wait(build.limit);
  // Before it's reaped, so that its number can't be somebody else's.
  (void)kill_group(building.child.pid, SIGKILL);
  if (waited == net::Waited::kTimedOut) co_await ended.wait();
  read_output();
  co_return outcome(build, building, waited);
}

}  // namespace leanto::node
