// The clock of everything in control: CLOCK_MONOTONIC in milliseconds, the same in every process and as process.hrtime().
#pragma once
#include <time.h>

namespace mofo {

inline double monotonicMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) * 1000 + double(now.tv_nsec) / 1e6;
}

}  // namespace mofo
