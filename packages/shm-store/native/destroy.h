// Destroying a store: RETIRED first, under role and write lock (R8), so that whoever is attached is told at its next transaction; then the files.
#pragma once
#include <string>
#include "segment.h"
#include "status.h"

namespace mofo {

/**
 * Removes a store; `existed` tells whether there was anything. Unless forced: STORE_BUSY while a living thread owns the role lock or
 * holds the write lock for longer than a moment, and STORE_INCOMPLETE or the examination's code for files that are not a whole store of ours.
 * Forced, all files of that name that belong to this user go, and RETIRED is set where control can be understood. Files of another
 * user are never touched.
 */
Status destroySegments(const std::string& directory, const std::string& name, bool force, bool& existed);

/** Sets RETIRED in a whole store, under role and write lock unless forced: STORE_BUSY. The create lock must be held. */
Status retireStore(const FileDescriptor& control, const std::string& name, bool force);
/** Sets RETIRED where the store is not whole but its control segment can be understood. */
void retireStoreWithoutLocks(const FileDescriptor& control);
/** False when what examine() refused belongs to somebody else or may not be touched. */
bool isTouchable(const Status& status);

}  // namespace mofo
