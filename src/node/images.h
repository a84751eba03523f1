// The environments of images on this node: built once for each digest, kept in
// `<cache>/images/DIGEST`, and collected on request.
//
//   DIGEST/env         the virtual environment; its interpreter is the service's
//   DIGEST/image.json  written last: the environment is whole
//   DIGEST/build.log   what its steps wrote
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "node/image_build.h"
#include "node/image_prune.h"
#include "node/image_trees.h"
#include "node/ledger_access.h"

namespace leanto::node {

// 32 hex digits that name an image: the digest of its words, {"python", "steps"}.
std::string image_digest(const wire::Json& image);
// kInvalid if these are not the words of an image.
Status check_image(const wire::Json& image);

// An environment that is there. While somebody holds this it isn't collected.
struct ImageUse {
  std::string digest;
  std::string python;  // its interpreter
};
using ImageUsePtr = std::shared_ptr<const ImageUse>;

class Images {
 public:
  struct Parts {
    net::Loop& loop;
    LedgerAccess& ledger;
    CodeStore& code;
    const Clock& clock;
    std::string directory;
    std::string package;  // the directory that holds the Python package
    Duration build_limit;
  };
  explicit Images(Parts parts) : parts_(std::move(parts)) {}

  // The image's environment. If it isn't there it's built by `interpreter`, once for all who ask
  // meanwhile; `on_output` hears what the build writes from now on.
  net::Task<Result<ImageUsePtr>> get(wire::Json image, std::string interpreter,
                                     ImageOutput on_output);

  // What is on the disk, used last first.
  net::Task<Result<std::vector<ImageRow>>> list();
  // Removes what `choose_unused` says, or only says what that would be.
  net::Task<Result<std::vector<ImageRow>>> prune(PruneWords words, PruneMode mode);
  // Removes what a build left unfinished when the node ended.
  void tidy();

  std::string python_of(const std::string& digest) const;

 private:
  struct Build {
    explicit Build(net::Loop& loop) : ended(loop) {}
    net::Event ended;
    std::vector<ImageOutput> listeners;
    Status outcome;
  };

  std::string directory_of(const std::string& digest) const;
  std::shared_ptr<ImageUse> use_of(const std::string& digest);
  bool in_use(const std::string& digest) const;
  net::Task<bool> is_whole(std::string digest);
  net::Task<Status> build(std::string digest, wire::Json image, std::string interpreter,
                          std::shared_ptr<Build> build);
  net::Task<Status> run_steps(const std::string& directory, wire::Json image,
                              std::string interpreter, std::shared_ptr<Build> build);
  net::Task<Status> record(std::string digest, wire::Json image);
  net::Task<> remove(std::string digest);
  net::Task<> remove_unfinished();
  std::int64_t now() const;

  Parts parts_;
  std::map<std::string, std::shared_ptr<Build>> builds_;
  std::map<std::string, std::weak_ptr<ImageUse>> uses_;
};

}  // namespace leanto::node
