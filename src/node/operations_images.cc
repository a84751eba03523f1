// What a deploy says about its environment, and the operations on images.
#include "node/operations.h"

namespace leanto::node {

using wire::Json;

// The secrets are behind the handles in the body. What the node would hand on to everyone's
// workers, because the program that started it had them in its environment, is taken from there.
Status Operations::take_secrets(const Request& request, ServiceSpec& spec) {
  const auto size = wire::find_number(request.head, "secrets");
  if (!size) return {};
  const std::string_view body = request.body.view();
  if (!(*size > 0 && *size <= static_cast<double>(body.size()))) {
    return fail(ErrorKind::kInvalid, "a deploy says more secrets than it brings");
  }
  const std::size_t values_size = body.size() - static_cast<std::size_t>(*size);
  Result<SecretValues> secrets = decode_secrets(body.substr(values_size));
  if (!secrets) return Failure(secrets.error());
  spec.values_hex = to_hex(body.substr(0, values_size));
  spec.secrets = names_of(*secrets);
  spec.secrets_tag = parts_.secrets.keep(*std::move(secrets));
  if (forget_variables(spec.secrets)) parts_.zygotes.renew_all();
  return {};
}

// What a worker sends on without an image runs in the environment that it comes from.
void Operations::inherit_image(const Request& request, ServiceSpec& spec) {
  const auto of = wire::find_string(request.head, "snapshot_of");
  const ServicePtr sender = of ? find_sender(*of) : nullptr;
  if (!sender || sender->python != spec.python) return;
  spec.image = sender->image;
  spec.builder = sender->builder;
}

net::Task<Result<ImageUsePtr>> Operations::prepare_image(const Request& request,
                                                         ServiceSpec& spec) {
  if (spec.image.is_null()) {
    inherit_image(request, spec);
  } else {
    spec.builder = spec.python;
  }
  if (spec.image.is_null()) co_return nullptr;
  const Status taken = co_await take_trees(parts_.code, spec.image);
  if (!taken) co_return Failure(taken.error());
  const bool wants_log = wire::find_flag(request.head, "log", true);
  ImageOutput show = [caller = request.caller, stream = request.stream,
                      wants_log](std::string_view text) {
    const auto port = wants_log ? caller.lock() : nullptr;
    if (port)
      port->reply(wire::FrameType::kLog, stream, wire::encode_head({{"s", 2}}), wire::Body(text));
  };
  Result<ImageUsePtr> image = co_await parts_.images.get(spec.image, spec.builder, std::move(show));
  if (image) spec.python = (*image)->python;
  co_return image;
}

net::Task<Result<Answer>> Operations::images(Request&) {
  const Result<std::vector<ImageRow>> images = co_await parts_.images.list();
  if (!images) co_return Failure(images.error());
  Json rows = Json::array();
  for (const ImageRow& image : *images) rows.push_back(to_json(image));
  co_return Answer{{{"images", rows}}, {}};
}

net::Task<Result<Answer>> Operations::prune_images(Request& request) {
  const Result<PruneWords> words = parse_prune(request.head);
  if (!words) co_return Failure(words.error());
  const PruneMode mode =
      wire::find_flag(request.head, "dry_run", false) ? PruneMode::kPreview : PruneMode::kRemove;
  const Result<std::vector<ImageRow>> pruned = co_await parts_.images.prune(*words, mode);
  if (!pruned) co_return Failure(pruned.error());
  Json rows = Json::array();
  std::int64_t size = 0;
  for (const ImageRow& image : *pruned) {
    if (mode == PruneMode::kRemove) parts_.zygotes.renew_all(parts_.images.python_of(image.digest));
    rows.push_back(to_json(image));
    size += image.size;
  }
  co_return Answer{{{"images", rows}, {"size", size}, {"dry_run", mode == PruneMode::kPreview}},
                   {}};
}

}  // namespace leanto::node
