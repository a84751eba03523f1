#include "cli/node_questions.h"

#include "cli/report.h"

namespace leanto::cli {

using wire::Json;

Result<Json> ask_for_status(Connection& node) {
  Result<Reply> reply = node.ask({{"op", "status"}});
  if (!reply) return Failure(reply.error());
  return std::move(reply->head);
}

Result<std::vector<Json>> ask_for_objects(Connection& node) {
  const Result<Reply> reply = node.ask({{"op", "objects"}});
  if (!reply) return Failure(reply.error());
  const Json rows = Json::parse(reply->body, nullptr, /*allow_exceptions=*/false);
  if (!rows.is_array())
    return fail(ErrorKind::kProtocol, "the node's answer makes no sense; is it another version?");
  return rows_of({{"objects", rows}}, "objects");
}

std::vector<Json> ask_for_begun_runs(Connection& node) {
  const Result<Reply> reply =
      node.ask({{"op", "runs"}, {"status", {"queued", "running"}}, {"limit", 10'000}});
  if (!reply) return {};
  const Json rows = Json::parse(reply->body, nullptr, /*allow_exceptions=*/false);
  return rows_of({{"runs", rows}}, "runs");
}

}  // namespace leanto::cli
