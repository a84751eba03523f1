// For tests: a worker whose process is played by the test, and the others that calls have to do
// with.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/test_loop.h"
#include "node/calls.h"
#include "node/worker.h"
#include "os/fd_passing.h"

namespace leanto::node {

struct ManualClock final : Clock {
  WallTime wall() const override { return WallTime(std::chrono::milliseconds(wall_ms)); }
  MonotonicTime monotonic() const override {
    return MonotonicTime(std::chrono::milliseconds(monotonic_ms));
  }
  std::int64_t wall_ms = 1'700'000'000'000;
  std::int64_t monotonic_ms = 0;
};

// A frame as somebody heard it.
struct Heard {
  wire::FrameType type = wire::FrameType::kHello;
  std::uint32_t stream = 0;
  std::string head;
  std::string body;

  wire::Json json() const { return wire::decode_head(head).value_or("not a head"); }
  friend bool operator==(const Heard&, const Heard&) = default;
  friend void PrintTo(const Heard& heard, std::ostream* out) {
    *out << "type " << static_cast<int>(heard.type) << " stream " << heard.stream << " "
         << heard.json().dump(-1, ' ', false, wire::Json::error_handler_t::replace) << " "
         << testing::PrintToString(heard.body);
  }
};

// A raw socket that frames are said and heard on, without a loop.
class FrameSocket {
 public:
  explicit FrameSocket(UniqueFd socket) : socket_(std::move(socket)) {}

  void say(wire::FrameType type, std::uint32_t stream, std::string_view head = {},
           std::string_view body = {}) {
    std::string bytes;
    wire::append_header(bytes,
                        {type, stream, static_cast<std::uint32_t>(head.size()), body.size()});
    say_raw(bytes.append(head).append(body));
  }
  void say_head(wire::FrameType type, std::uint32_t stream, const wire::Json& head) {
    say(type, stream, wire::encode_head(head));
  }
  void say_raw(std::string_view bytes) {
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // What has come since the last time.
  std::vector<Heard> hear() {
    std::vector<Heard> all;
    while (true) {
      const wire::FrameDecoder::Room room = decoder_.prepare();
      const ssize_t size = ::recv(socket_.get(), room.data, room.size, MSG_DONTWAIT);
      if (size == 0) closed_ = true;
      if (size <= 0) return all;
      decoder_.commit(static_cast<std::size_t>(size));
      while (auto frame = *decoder_.next()) {
        all.push_back({frame->type, frame->stream, std::string(frame->head),
                       std::string(frame->body.view())});
      }
    }
  }
  bool is_closed() {
    hear();
    return closed_;
  }
  void close() { socket_.reset(); }

 private:
  UniqueFd socket_;
  wire::FrameDecoder decoder_;
  bool closed_ = false;
};

struct PipeEnds {
  UniqueFd read;
  UniqueFd write;
};

inline PipeEnds make_pipe() {
  std::array<int, 2> fds{};
  EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

inline std::pair<UniqueFd, UniqueFd> make_sockets() {
  std::array<int, 2> fds{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

inline void write_all(const UniqueFd& fd, std::string_view text) {
  EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

// Both sides of a worker. The process has no pid, so nothing can be killed.
class FakeWorker {
 public:
  static constexpr wire::OutputNonce kNonce{'\xfe', 'n', 'o', 'n', 'c', 'e', '6', '7',
                                            '8',    '9', 'a', 'b', 'c', 'd', 'e', 'f'};

  FakeWorker(net::TestLoop& test, net::Outgoing& outgoing, WorkerEvents& events, const Clock& clock,
             ServicePtr service)
      : test_(test) {
    auto [main, process_main] = make_sockets();
    auto [side, process_side] = make_sockets();
    PipeEnds pass_pipe = make_pipe();
    PipeEnds out_pipe = make_pipe();
    PipeEnds err_pipe = make_pipe();
    WorkerChannels channels{
        std::move(main),          std::move(side),          std::move(pass_pipe.write),
        std::move(out_pipe.read), std::move(err_pipe.read), kNonce};
    process = std::make_unique<FrameSocket>(std::move(process_main));
    side_ = std::move(process_side);
    pass = std::move(pass_pipe.read);
    out = std::move(out_pipe.write);
    err = std::move(err_pipe.write);
    worker = std::make_shared<Worker>(test.loop, outgoing, events, clock, std::move(service),
                                      /*pid=*/0, std::move(channels));
    worker->start();
  }

  // Plays a service that was imported; returns what `load` did.
  Result<wire::Json> load(const wire::Json& offers = wire::Json::object()) {
    process->say_head(wire::FrameType::kReady, 0, {{"describe", offers}});
    return test_.get(worker->load({{"op", "load"}}, "values"));
  }

  static std::string record(std::uint32_t call, int stream, std::string_view text) {
    std::string bytes(kNonce.data(), kNonce.size());
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(call >> shift);
    bytes += static_cast<char>(stream);
    bytes += static_cast<char>(text.size());
    bytes += static_cast<char>(text.size() >> 8);
    return bytes.append(text);
  }
  void print(std::uint32_t call, std::string_view text) { write_all(out, record(call, 1, text)); }

  // Gives a call pipes of its own; returns where it writes: stdout, stderr.
  std::pair<UniqueFd, UniqueFd> give_pipes(std::uint32_t call) {
    auto pipes = send_pipes(call);
    announce_pipes(call);
    return pipes;
  }
  std::pair<UniqueFd, UniqueFd> send_pipes(std::uint32_t call) {
    PipeEnds own_out = make_pipe();
    PipeEnds own_err = make_pipe();
    const std::array<int, 2> fds{own_out.read.get(), own_err.read.get()};
    std::string number;
    for (int shift = 0; shift < 32; shift += 8) number += static_cast<char>(call >> shift);
    EXPECT_TRUE(send_fds(side_.get(), number, fds).has_value());
    return {std::move(own_out.write), std::move(own_err.write)};
  }
  void announce_pipes(std::uint32_t call) { process->say(wire::FrameType::kPipes, call); }

  void exit(ExitStatus status) {
    process->close();
    side_.reset();
    out.reset();
    err.reset();
    worker->on_exit(status);
    EXPECT_TRUE(test_.run_until([&] { return worker->state() == WorkerState::kEnded; }));
  }

  std::shared_ptr<Worker> worker;
  std::unique_ptr<FrameSocket> process;
  UniqueFd out;
  UniqueFd err;
  UniqueFd pass;

 private:
  net::TestLoop& test_;
  UniqueFd side_;
};

// A caller that keeps what it is told.
struct FakePort final : ReplyPort {
  void reply(wire::FrameType type, std::uint32_t stream, std::string_view head,
             wire::Body body) override {
    heard.push_back({type, stream, std::string(head), std::string(body.view())});
  }
  void started(std::uint32_t stream, std::uint32_t number) override { numbers[stream] = number; }
  void ended(std::uint32_t stream) override { ended_streams.push_back(stream); }
  const std::string& party() const override { return name; }

  std::string name = "a program";
  std::vector<Heard> heard;
  std::map<std::uint32_t, std::uint32_t> numbers;
  std::vector<std::uint32_t> ended_streams;
};

}  // namespace leanto::node
