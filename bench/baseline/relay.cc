// The bare relay: one epoll loop that copies bytes between two Unix sockets.
//
//     relay CLIENT_SOCKET WORKER_SOCKET
//
// Listens on both paths, prints "ready", takes one connection on each, and ends when either side
// closes.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

int listen_on(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof address.sun_path) die("relay: the path is too long");
  std::strcpy(address.sun_path, path);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    die("relay: bind");
  if (::listen(listener, 1) != 0) die("relay: listen");
  return listener;
}

// False when one of the two is gone.
bool copy(int from, int to) {
  static std::array<char, 256 << 10> buffer;
  const ssize_t size = ::recv(from, buffer.data(), buffer.size(), 0);
  for (ssize_t at = 0; at < size;) {
    const ssize_t sent = ::send(to, buffer.data() + at, size - at, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += sent;
  }
  return size > 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int client_listener = listen_on(argv[1]);
  const int worker_listener = listen_on(argv[2]);
  std::puts("ready");
  std::fflush(stdout);
  const int client = ::accept(client_listener, nullptr, nullptr);
  const int worker = ::accept(worker_listener, nullptr, nullptr);
  if (client < 0 || worker < 0) die("relay: accept");

  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  for (const int socket : {client, worker}) {
    epoll_event event{EPOLLIN, {.fd = socket}};
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0) die("relay: epoll_ctl");
  }
  while (true) {
    std::array<epoll_event, 2> events;
    const int count = ::epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const int from = events[i].data.fd;
      if (!copy(from, from == client ? worker : client)) return 0;
    }
  }
}
