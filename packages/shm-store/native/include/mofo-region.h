/*
 * For native addons that keep data with raw pointers in a MOFO store: the memory of a native region.
 *
 * JavaScript makes or finds the region and passes its handle to the addon:
 *
 *     const region = store.regions.create('graph', 2 ** 20);      // once; later: store.regions.open('graph')
 *     store.transaction(() => addon.insert(region.handle, 7));
 *
 *     static napi_value insert(napi_env env, napi_callback_info info) {
 *       ...
 *       const void* base;  uint64_t size;  void* start;
 *       int code = mofo_region_read(env, handle, &base, &size);
 *       if (code == MOFO_REGION_OK) code = mofo_region_write(env, handle, offset, bytes, &start);
 *       if (code != MOFO_REGION_OK) return napi_throw_error(env, NULL, mofo_region_message(code)), NULL;
 *
 * What holds:
 *  - `base` is the same address in every process, on this machine and after a restore, for as long as the region is there: pointers into the region
 *    may be stored in it. Pointers to anything else may not: not to functions, vtables, or the process's own heap.
 *  - A region begins with zeros and is aligned to a page. Nobody else writes into it.
 *  - Memory stays mapped while the handle lives, but pointers must be asked for anew in each call: the region may have been removed.
 * What the addon has to do:
 *  - Write only inside store.transaction(), and only bytes that mofo_region_write() was called for in that same transaction: it tells snapshots what
 *    changes. Then an image holds the region as it is between two transactions. Bytes written otherwise may be missing from images, or torn.
 *  - Be its own journal. A region is not undone when a transaction is rolled back or its process is killed: order the stores so that any prefix of
 *    them is sound (fill a node, then publish it with one store), or keep a word that says "in doubt".
 *  - Read from other threads and processes only inside a transaction, or with a protocol of its own.
 *
 * Plain C, header only, Node-API 8. Nothing here must be linked.
 */
#ifndef MOFO_REGION_H
#define MOFO_REGION_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOFO_REGION_VERSION 1u

enum {
  MOFO_REGION_OK = 0,
  /** The value is not the `handle` of a region, or one of another version of this header. */
  MOFO_REGION_NOT_A_REGION = 1,
  /** The store's handle was closed. */
  MOFO_REGION_CLOSED = 2,
  /** The region was removed. */
  MOFO_REGION_REMOVED = 3,
  /** The range leads out of the region. */
  MOFO_REGION_OUT_OF_RANGE = 4,
  /** Writing outside a transaction of this thread. */
  MOFO_REGION_READ_ONLY = 5
};

/** What stands behind a handle; for the functions below only. */
struct mofo_region_v1 {
  uint32_t version;
  uint32_t structBytes;
  int (*read)(struct mofo_region_v1* region, const void** base, uint64_t* bytes);
  int (*write)(struct mofo_region_v1* region, uint64_t offset, uint64_t bytes, void** start);
};

static const napi_type_tag MOFO_REGION_TYPE_TAG = {0x6d6f666f2d726567ull, 0x696f6e2d76310001ull};

static inline int mofo_region_behind(napi_env env, napi_value handle, struct mofo_region_v1** region) {
  napi_valuetype type;
  bool isTagged = false;
  void* data = NULL;
  if (napi_typeof(env, handle, &type) != napi_ok || type != napi_object) return MOFO_REGION_NOT_A_REGION;
  if (napi_check_object_type_tag(env, handle, &MOFO_REGION_TYPE_TAG, &isTagged) != napi_ok || !isTagged) return MOFO_REGION_NOT_A_REGION;
  if (napi_unwrap(env, handle, &data) != napi_ok || data == NULL) return MOFO_REGION_NOT_A_REGION;
  *region = (struct mofo_region_v1*)data;
  return (*region)->version == MOFO_REGION_VERSION ? MOFO_REGION_OK : MOFO_REGION_NOT_A_REGION;
}

/** The region's first byte and its size. Valid until the call of the addon that asked returns. */
static inline int mofo_region_read(napi_env env, napi_value handle, const void** base, uint64_t* bytes) {
  struct mofo_region_v1* region = NULL;
  const int code = mofo_region_behind(env, handle, &region);
  return code == MOFO_REGION_OK ? region->read(region, base, bytes) : code;
}

/** Makes `bytes` bytes from `offset` on writable for the rest of the running transaction, and says where they are. */
static inline int mofo_region_write(napi_env env, napi_value handle, uint64_t offset, uint64_t bytes, void** start) {
  struct mofo_region_v1* region = NULL;
  const int code = mofo_region_behind(env, handle, &region);
  return code == MOFO_REGION_OK ? region->write(region, offset, bytes, start) : code;
}

static inline const char* mofo_region_message(int code) {
  switch (code) {
    case MOFO_REGION_OK: return "no error";
    case MOFO_REGION_NOT_A_REGION: return "this is not the handle of a native region that this addon understands; pass region.handle";
    case MOFO_REGION_CLOSED: return "the store of this native region was closed; open it again";
    case MOFO_REGION_REMOVED: return "this native region was removed from its store; nothing was changed";
    case MOFO_REGION_OUT_OF_RANGE: return "the range leads out of the native region; nothing was changed";
    case MOFO_REGION_READ_ONLY: return "a native region is written only inside store.transaction(); nothing was changed";
    default: return "unknown code of a native region";
  }
}

#endif
