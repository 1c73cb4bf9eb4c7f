// Who is alive. A pid alone says little, because pids are used again; pid and start time name one process, and a thread id with its start
// time one thread. Signals go through a pidfd, which cannot come to mean another process.
#pragma once
#include <cstdint>
#include "file-descriptor.h"
#include "status.h"

namespace mofo {

/** The process does not exist, has ended, or is a zombie. */
constexpr int64_t NOT_ALIVE = -1;
/** /proc does not tell (a mount option hides it): whoever asks must assume that it lives. */
constexpr int64_t NOT_TOLD = -2;

/** Start time of a living thread in clock ticks since boot, or NOT_ALIVE or NOT_TOLD; `tid` 0 is the process's first thread. */
int64_t threadStartTime(uint32_t pid, uint32_t tid);

/** Thread id of the calling thread. */
uint32_t currentThreadId();

/** Opens a pidfd for exactly the process that started then; empty when that one has ended. */
Status openProcess(uint32_t pid, int64_t startTime, FileDescriptor& pidfd);

/** Sends a signal to exactly that process; `sent` is false when it has ended already. */
Status signalProcess(uint32_t pid, int64_t startTime, int signal, bool& sent);

/** Core dumps of one byte, which is none at all, not even into a pipe (R22). Inherited by children. */
Status limitCoreDump();

}  // namespace mofo
