// Messages between the launcher and one of its processes about connections, a descriptor with those that open one. A socket pair of packets: each comes whole
// or not at all, and what a dead process had sent can still be read.
#pragma once
#include <cstdint>
#include "file-descriptor.h"
#include "status.h"

namespace mofo {

struct ConnectionMessage {
  enum Kind : uint32_t {
    /** Launcher to process, with the descriptor: hold this, or serve it if you are main. */
    Opened = 1,
    /** Launcher to process: let go of it, main has closed it. */
    Closed = 2,
    /** Process to launcher: it is over. */
    Close = 3,
  };
  uint32_t kind;
  uint32_t slot;
  uint64_t number;
};

enum class Transfer { Done, Later, Ended };

/** Both ends do not block and close themselves on exec. */
Status makeChannel(FileDescriptor& left, FileDescriptor& right);
/** Sends a message, with a descriptor unless that is negative. `Later`: the queue is full, or too many descriptors are under way. */
Transfer sendMessage(int channel, const ConnectionMessage& message, int fd);
/** Takes the next message; `Later`: there is none. A descriptor for which this process has no room is left out. */
Transfer receiveMessage(int channel, ConnectionMessage& message, FileDescriptor& fd);

}  // namespace mofo
