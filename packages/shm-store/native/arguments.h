// Arguments from JavaScript as numbers of the core.
#pragma once
#include <napi.h>
#include <cstdint>

namespace mofo {

/** The largest whole number that JavaScript holds exactly. */
constexpr double EXACT_MAX = 9007199254740991.0;

/** Argument `index` as a whole number from `least` to `most`; throws INVALID_ARGUMENT. */
bool readInteger(const Napi::CallbackInfo& info, size_t index, double least, double most, int64_t& result);

}  // namespace mofo
