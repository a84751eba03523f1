#include "cli/report_node.h"

#include <string>

#include "cli/command.h"
#include "cli/node_process.h"
#include "cli/report.h"
#include "cli/table_text.h"
#include "os/xdg.h"

namespace leanto::cli {

namespace {

int say_not_running(const std::string& socket, Format format, NoNode no_node) {
  const std::string message =
      fmt::format("no node is running here (it starts on first use; socket {})", printable(socket));
  if (format == Format::kJson) {
    print_json({{"running", false}, {"socket", socket}});
  } else if (no_node == NoNode::kAnswer) {
    fmt::print("{}\n", message);
  } else {
    print_error(message);
  }
  return kNotRunning;
}

}  // namespace

int with_node(Format format, NoNode no_node, const std::function<int(Connection&)>& use,
              Duration limit) {
  const Result<Directories> directories = find_directories(find_environment_variable);
  if (!directories) return print_error(directories.error());
  Result<Connection> connection = Connection::open(directories->socket(), limit);
  if (no_node == NoNode::kStart && !connection && asked_node().empty() &&
      connection.error().kind == ErrorKind::kNotFound) {
    if (const Status started = start_node({}); !started) return print_error(started.error());
    connection = Connection::open(directories->socket(), limit);
  }
  if (connection) return use(*connection);
  if (connection.error().kind != ErrorKind::kNotFound) return print_error(connection.error());
  return say_not_running(directories->socket().string(), format, no_node);
}

}  // namespace leanto::cli
