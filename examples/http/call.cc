// Calls a Python service from C++, with nothing but a socket: one request, one answer.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

std::string socket_path() {
  if (const char* path = std::getenv("LEANTO_SOCKET")) return path;
  if (const char* state = std::getenv("XDG_STATE_HOME"))
    return std::string(state) + "/leanto/node.sock";
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "") + "/.local/state/leanto/node.sock";
}

int connect_to_node() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_path().c_str(), sizeof address.sun_path - 1);
  const int node = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(node, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return node;
  std::perror(address.sun_path);
  std::exit(3);
}

// Returns the body of the answer; ends the program if the service says no.
std::string call(const std::string& service, const std::string& arguments) {
  const std::string request = "POST /v1/services/" + service +
                              " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                              "Content-Type: application/json\r\nContent-Length: " +
                              std::to_string(arguments.size()) + "\r\n\r\n" + arguments;
  const int node = connect_to_node();
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t size = ::send(node, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (size < 0) std::exit(1);
    sent += static_cast<std::size_t>(size);
  }
  std::string answer;
  char buffer[4096];
  ssize_t size = 0;
  while ((size = ::recv(node, buffer, sizeof buffer, 0)) > 0) {
    answer.append(buffer, static_cast<std::size_t>(size));
  }
  ::close(node);
  const std::size_t head_end = answer.find("\r\n\r\n");
  if (head_end == std::string::npos) std::exit(1);
  const std::string body = answer.substr(head_end + 4);
  if (answer.compare(0, 13, "HTTP/1.1 200 ") == 0) return body;
  std::fprintf(stderr, "%s", body.c_str());
  std::exit(1);
}

int main(int argc, char** argv) {
  const std::string arguments = argc > 1 ? argv[1] : R"({"values": [1, 2, 6]})";
  std::printf("the mean is %s", call("mean", arguments).c_str());
}
