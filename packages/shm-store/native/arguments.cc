#include "arguments.h"

#include "js-error.h"

namespace mofo {

bool readInteger(const Napi::CallbackInfo& info, size_t index, double least, double most, int64_t& result) {
  const double value = index < info.Length() && info[index].IsNumber() ? info[index].As<Napi::Number>().DoubleValue() : least - 1;
  if (value >= least && value <= most && double(int64_t(value)) == value) {
    result = int64_t(value);
    return true;
  }
  throwStatus(info.Env(), Status::fail("INVALID_ARGUMENT", "argument " + std::to_string(index + 1) + " must be a whole number from " +
                                                               std::to_string(int64_t(least)) + " to " + std::to_string(int64_t(most)) + "."));
  return false;
}

}  // namespace mofo
