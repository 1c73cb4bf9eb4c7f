// The smallest test frame that does the job: named cases, checks that count, one result line per suite.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace mofo::test {

struct Case {
  const char* name;
  void (*run)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> list;
  return list;
}
inline int& failuresInCase() {
  static int count = 0;
  return count;
}

struct Registration {
  Registration(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

inline void failed(const char* file, int line, const std::string& what) {
  // One broken rule can fail in thousands of cut states; the first few say it all.
  if (++failuresInCase() <= 5) std::printf("  %s:%d: %s\n", file, line, what.c_str());
}

/** Runs every case whose name contains the first argument; prints a line for each that fails and a count at the end. */
inline int runCases(int argumentCount, char** arguments) {
  const std::string filter = argumentCount > 1 ? arguments[1] : "";
  int passed = 0, failedCases = 0;
  for (const Case& test : cases()) {
    if (std::string(test.name).find(filter) == std::string::npos) continue;
    failuresInCase() = 0;
    test.run();
    if (failuresInCase() == 0) {
      passed++;
    } else {
      failedCases++;
      std::printf("FAILED %s (%d checks)\n", test.name, failuresInCase());
    }
    std::fflush(stdout);
  }
  std::printf("%d passed, %d failed\n", passed, failedCases);
  return failedCases == 0 ? 0 : 1;
}

}  // namespace mofo::test

#define MOFO_JOIN2(a, b) a##b
#define MOFO_JOIN(a, b) MOFO_JOIN2(a, b)
#define TEST(name) MOFO_TEST(name, MOFO_JOIN(testCase, __LINE__))
#define MOFO_TEST(name, function)                                                \
  static void function();                                                        \
  static const ::mofo::test::Registration MOFO_JOIN(function, Entry)(name, function); \
  static void function()
#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) ::mofo::test::failed(__FILE__, __LINE__, #condition);    \
  } while (0)
#define CHECK_MESSAGE(condition, message)                                                             \
  do {                                                                                                \
    if (!(condition)) ::mofo::test::failed(__FILE__, __LINE__, std::string(#condition " ") + (message)); \
  } while (0)
