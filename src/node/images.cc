#include "node/images.h"

#include <unistd.h>

#include <utility>

#include "base/digest.h"
#include "os/files.h"

namespace leanto::node {

using wire::Json;

namespace {

constexpr std::size_t kDigits = 32;

std::string text_of(const Json& image) {
  return image.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool are_strings(const Json& list) {
  if (!list.is_array()) return false;
  for (const Json& item : list) {
    if (!item.is_string()) return false;
  }
  return true;
}

bool is_step(const Json& step) {
  if (!step.is_object()) return false;
  if (const auto packages = step.find("pip"); packages != step.end()) {
    return are_strings(*packages) && are_strings(step.value("options", Json::array()));
  }
  return wire::find_string(step, "run") || wire::find_string(step, "requirements");
}

}  // namespace

std::string image_digest(const Json& image) {
  return Digest::of(wire::encode_head(image)).hex().substr(0, kDigits);
}

Status check_image(const Json& image) {
  bool right = image.is_object() && wire::find_string(image, "python").value_or("") != "" &&
               image.value("steps", Json()).is_array();
  if (right) {
    for (const Json& step : image["steps"]) right = right && is_step(step);
  }
  if (right) return check_trees(image);
  return fail(ErrorKind::kInvalid, "these are not the words of an image: {}", text_of(image));
}

std::string Images::directory_of(const std::string& digest) const {
  return parts_.directory + "/" + digest;
}

std::string Images::python_of(const std::string& digest) const {
  return directory_of(digest) + "/env/bin/python";
}

std::int64_t Images::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             parts_.clock.wall().time_since_epoch())
      .count();
}

std::shared_ptr<ImageUse> Images::use_of(const std::string& digest) {
  std::erase_if(uses_, [](const auto& entry) { return entry.second.expired(); });
  if (auto use = uses_[digest].lock()) return use;
  auto use = std::make_shared<ImageUse>(ImageUse{digest, python_of(digest)});
  uses_[digest] = use;
  return use;
}

bool Images::in_use(const std::string& digest) const {
  const auto use = uses_.find(digest);
  return use != uses_.end() && !use->second.expired();
}

net::Task<bool> Images::is_whole(std::string digest) {
  auto look = [marker = directory_of(digest) + "/image.json", python = python_of(digest)] {
    return exists(marker) && exists(python);
  };
  co_return co_await parts_.loop.in_background(std::move(look));
}

net::Task<Result<ImageUsePtr>> Images::get(Json image, std::string interpreter,
                                           ImageOutput on_output) {
  if (const Status checked = check_image(image); !checked) co_return Failure(checked.error());
  const std::string digest = image_digest(image);
  ImageUsePtr use = use_of(digest);  // from now on, so that it isn't collected meanwhile
  const bool whole = co_await is_whole(digest);
  if (whole && !builds_.contains(digest)) {
    auto note = [digest, at = now()](Ledger& ledger) { return ledger.use_image(digest, at); };
    (void)co_await parts_.ledger.with(std::move(note));
    co_return use;
  }
  if (const auto other = builds_.find(digest); other != builds_.end()) {
    const std::shared_ptr<Build> under_way = other->second;
    on_output("image: somebody else has it built just now; waiting\n");
    under_way->listeners.push_back(std::move(on_output));
    co_await under_way->ended.wait();
    if (!under_way->outcome) co_return Failure(under_way->outcome.error());
    co_return use;
  }
  const auto mine = std::make_shared<Build>(parts_.loop);
  mine->listeners.push_back(std::move(on_output));
  builds_[digest] = mine;
  mine->outcome = co_await build(digest, std::move(image), std::move(interpreter), mine);
  builds_.erase(digest);
  mine->ended.set();
  if (!mine->outcome) co_return Failure(mine->outcome.error());
  co_return use;
}

net::Task<Status> Images::build(std::string digest, Json image, std::string interpreter,
                                std::shared_ptr<Build> build) {
  const std::string directory = directory_of(digest);
  auto prepare = [directory] { return make_directories(directory, 0700); };
  const Status made = co_await parts_.loop.in_background(std::move(prepare));
  if (!made) co_return made;
  const Status built = co_await run_steps(directory, image, std::move(interpreter), build);
  if (!built) co_return built;
  co_return co_await record(std::move(digest), std::move(image));
}

net::Task<Status> Images::run_steps(const std::string& directory, Json image,
                                    std::string interpreter, std::shared_ptr<Build> build) {
  LaidOutTrees trees;
  Status done = co_await lay_out_trees(parts_.code, image, trees);
  if (done) {
    image["places"] = trees.places;
    ImageBuild words{std::move(interpreter), parts_.package, directory, std::move(image),
                     parts_.build_limit};
    ImageOutput on_output = [build](std::string_view text) {
      for (const ImageOutput& listener : build->listeners) listener(text);
    };
    done = co_await build_image(parts_.loop, std::move(words), std::move(on_output));
  }
  release_trees(parts_.code, trees);
  co_return done;
}

net::Task<Status> Images::record(std::string digest, Json image) {
  ImageRecord record{digest, text_of(image), 0, now(), now()};
  auto write = [record, marker = directory_of(digest) + "/image.json"](Ledger& ledger) mutable {
    if (const Result<std::string> text = read_file(marker)) {
      const Json said = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
      record.size = static_cast<std::int64_t>(wire::find_number(said, "size").value_or(0));
    }
    return ledger.put_image(record);
  };
  co_return co_await parts_.ledger.with(std::move(write));
}

net::Task<Result<std::vector<ImageRow>>> Images::list() {
  // The cache may be emptied by hand: what isn't there any more is forgotten.
  auto read = [this](Ledger& ledger) -> Result<std::vector<ImageRecord>> {
    Result<std::vector<ImageRecord>> images = ledger.images();
    if (!images) return images;
    auto is_gone = [&](const ImageRecord& image) {
      if (exists(directory_of(image.digest) + "/image.json")) return false;
      (void)ledger.remove_image(image.digest);
      return true;
    };
    std::erase_if(*images, is_gone);
    return images;
  };
  const Result<std::vector<ImageRecord>> images = co_await parts_.ledger.with(std::move(read));
  if (!images) co_return Failure(images.error());
  std::vector<ImageRow> rows;
  for (const ImageRecord& image : *images) {
    rows.push_back({image.digest, image.spec, image.size, image.created_at, image.used_at,
                    in_use(image.digest)});
  }
  co_return rows;
}

net::Task<Result<std::vector<ImageRow>>> Images::prune(PruneWords words, PruneMode mode) {
  const Result<std::vector<ImageRow>> images = co_await list();
  if (!images) co_return Failure(images.error());
  std::vector<ImageRow> removed;
  for (const ImageRow& image : choose_unused(*images, words, now())) {
    if (mode == PruneMode::kRemove) {
      if (in_use(image.digest)) continue;  // since the one before was removed
      co_await remove(image.digest);
    }
    removed.push_back(image);
  }
  co_return removed;
}

// First what says that it is whole, so that half a directory never passes for an environment.
net::Task<> Images::remove(std::string digest) {
  auto work = [digest, directory = directory_of(digest)](Ledger& ledger) -> Status {
    ::unlink((directory + "/image.json").c_str());
    (void)ledger.remove_image(digest);
    return remove_tree(directory);
  };
  (void)co_await parts_.ledger.with(std::move(work));
}

void Images::tidy() { parts_.loop.spawn("tidy images", remove_unfinished()); }

net::Task<> Images::remove_unfinished() {
  auto work = [directory = parts_.directory]() -> Status {
    const Result<UniqueFd> opened = open_directory_at(AT_FDCWD, directory);
    if (!opened) return Failure(opened.error());
    const Result<std::vector<DirectoryItem>> items = list_directory(opened->get(), directory);
    if (!items) return Failure(items.error());
    for (const DirectoryItem& item : *items) {
      const std::string image = directory + "/" + item.name;
      if (!exists(image + "/image.json")) (void)remove_tree(image + "/env");
    }
    return {};
  };
  // Nobody else is at work on the background thread, and builds begin behind this.
  (void)co_await parts_.loop.in_background(std::move(work));
}

}  // namespace leanto::node
