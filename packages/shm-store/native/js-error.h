// The one place where a Status becomes a JavaScript exception.
#pragma once
#include <napi.h>
#include "status.h"

namespace mofo {

/**
 * Throws the error that stands for a failed status: what the factory given to setErrorFactory returns for
 * (code, detail, errno), or before that a plain Error with `code` and `errno`. Does nothing when an exception is pending or the
 * environment is being terminated, because then that is what the caller will see.
 */
void throwStatus(Napi::Env env, const Status& status);

/** Throws unless the status is ok; returns whether it is. */
inline bool throwUnlessOk(Napi::Env env, const Status& status) {
  if (status.isOk()) return true;
  throwStatus(env, status);
  return false;
}

}  // namespace mofo
