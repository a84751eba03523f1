// What this node has to give, decided from what was found on the machine and what its owner says.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "node/slots.h"
#include "os/gpus.h"
#include "os/machine.h"

namespace leanto::node {

// `declared`: of node.toml, and then that's what there is, numbered kind after kind in alphabetical
// order. Otherwise what was found, in the order of CUDA's numbers. `visible` is the
// CUDA_VISIBLE_DEVICES that the daemon was started with: nothing beyond it may be given away.
NodeSlots node_slots(const Machine& machine, const AcceleratorCounts& declared,
                     const std::vector<FoundGpu>& found, const std::optional<std::string>& visible);

// By the first word of their kinds, as one asks for them: "A100" for an A100-SXM4-40GB.
AcceleratorCounts accelerator_counts(const std::vector<Gpu>& gpus);

// What workers hold; a GPU of which somebody has a part is in use.
Resources resources_in_use(const Slots& slots);

}  // namespace leanto::node
