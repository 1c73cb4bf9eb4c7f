// How the core reports failure: no exception ever leaves it, and none is thrown inside it.
#pragma once
#include <string>
#include <utility>

namespace mofo {

/** Success, or a stable code with one sentence of detail and the errno behind it (0 if none). */
class [[nodiscard]] Status {
 public:
  static Status ok() { return Status(); }
  static Status fail(const char* code, std::string detail, int error = 0) { return Status(code, std::move(detail), error); }

  bool isOk() const { return code_ == nullptr; }
  const char* code() const { return code_; }
  const std::string& detail() const { return detail_; }
  int error() const { return error_; }

 private:
  Status() = default;
  Status(const char* code, std::string detail, int error) : code_(code), detail_(std::move(detail)), error_(error) {}
  const char* code_ = nullptr;
  std::string detail_;
  int error_ = 0;
};

}  // namespace mofo
