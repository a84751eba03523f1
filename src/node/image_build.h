// One build of an image's environment, in a process of its own
// (python/leanto/worker/image_build.py), which ends when the node does.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "net/event.h"
#include "wire/head.h"

namespace leanto::node {

// Takes what the build's steps write, as they write it.
using ImageOutput = std::function<void(std::string_view)>;

struct ImageBuild {
  std::string interpreter;  // runs the build itself
  std::string package;      // the directory that holds the Python package
  std::string directory;    // of the image
  wire::Json image;         // {"python", "steps", "places"}
  Duration limit{};
};

// Returns when the process has ended, with all that it started in its group. kImage: why it failed.
net::Task<Status> build_image(net::Loop& loop, ImageBuild build, ImageOutput on_output);

}  // namespace leanto::node
