// How many processors this process may run on; 1 if that can't be found out.
#pragma once

namespace leanto {

int usable_cpus();

}  // namespace leanto
