// The clock of everything in control: CLOCK_MONOTONIC in milliseconds, the same in every process of the machine and the one behind
// process.hrtime(), so that times written by JavaScript and by threads of the addon compare.
#pragma once
#include <ctime>

namespace mofo {

inline double monotonicMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) * 1000 + double(now.tv_nsec) / 1e6;
}

/** A number of milliseconds (a moment or a duration) as a timespec. */
inline timespec toTimespec(double ms) {
  timespec result;
  result.tv_sec = time_t(ms / 1000.0);
  result.tv_nsec = long((ms - double(result.tv_sec) * 1000.0) * 1e6);
  if (result.tv_nsec < 0) result.tv_nsec = 0;
  if (result.tv_nsec > 999999999) result.tv_nsec = 999999999;
  return result;
}

}  // namespace mofo
