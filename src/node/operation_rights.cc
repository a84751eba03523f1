#include "node/operation_rights.h"

#include <array>

namespace leanto::node {

namespace {

constexpr auto kRights = std::to_array<OperationRight>({
    {"lookup", Right::kCall},
    {"put", Right::kCall},
    {"get", Right::kCall},
    {"keys", Right::kCall},
    {"delete", Right::kCall},
    {"rename", Right::kCall},
    {"fetch", Right::kCall, ByTicket::kItsValue},
    {"value_ticket", Right::kCall},
    {"take_value", Right::kCall},
    {"release", Right::kCall},
    {"segment", Right::kCall},
    {"close_segment", Right::kCall},
    {"submit", Right::kCall},
    {"run_replay", Right::kCall},
    {"run_record", Right::kCall},
    {"runs", Right::kCall},
    {"run_wait", Right::kCall},
    {"run_result", Right::kCall},
    {"run_logs", Right::kCall},
    {"run_cancel", Right::kCall},
    {"keep", Right::kCall},
    {"offer", Right::kCall},
    {"ls", Right::kCall},
    {"objects", Right::kCall},
    {"deploy", Right::kDeploy},
    {"save", Right::kDeploy},
    {"missing_blobs", Right::kDeploy},
    {"put_blobs", Right::kDeploy},
    {"take_tree", Right::kDeploy},
    {"images", Right::kDeploy},
    {"run_recall", Right::kDebug},
    {"tree_ticket", Right::kDebug},
    {"tree_blobs", Right::kDebug, ByTicket::kItsTree},
    {"get_blobs", Right::kDebug, ByTicket::kItsTree},
    {"run_debug", Right::kDebug},
    {"logs", Right::kDebug},
    {"status", Right::kAdmin},
    {"restart", Right::kAdmin},
    {"stop", Right::kAdmin},
    {"prune_images", Right::kAdmin},
    {"prune_runs", Right::kAdmin},
    {"token_create", Right::kAdmin},
    {"token_ls", Right::kAdmin},
    {"token_revoke", Right::kAdmin},
    {"command", Right::kAdmin},
    {"read_file", Right::kAdmin},
    {"write_file", Right::kAdmin},
    {"autostop", Right::kAdmin},
    {"cluster", Right::kAdmin},
    {"clusters", Right::kAdmin},
    {"cluster_up", Right::kAdmin},
    {"cluster_down", Right::kAdmin},
    {"forget_cluster", Right::kAdmin},
    {"orphans", Right::kAdmin},
    {"node_state", Right::kAdmin},
    {"ssh_command", Right::kAdmin},
    {"offers", Right::kAdmin},
    {"move_value", Right::kAdmin},
});

}  // namespace

std::span<const OperationRight> operation_rights() { return kRights; }

namespace {

OperationRight row_of(std::string_view operation) {
  for (const OperationRight& row : kRights) {
    if (row.operation == operation) return row;
  }
  return {operation, Right::kAdmin};
}

}  // namespace

Right right_for(std::string_view operation) { return row_of(operation).right; }

ByTicket by_ticket(std::string_view operation) { return row_of(operation).by_ticket; }

}  // namespace leanto::node
