// The other half of the store hook: counts stores and ends the run after the k-th one, by an exception (in one process) or by SIGKILL (in a
// forked child). Notes every line at which a run was ended, in memory that forked children share.
#pragma once
#include <cstdint>

namespace mofo::cut {

/** Thrown out of the core in place of a death. */
struct Cut {};

enum class Ending { Throw, Kill };

/** From now on the run ends after `count` stores; 0 never. */
void arm(uint64_t count, Ending ending);
/** Stores since the last arm. */
uint64_t storeCount();
/** Prints "cut <file>:<line>" for each line at which a run was ended. */
void printSites();
/** Makes the shared table of lines; before the first fork. */
void start();

}  // namespace mofo::cut
