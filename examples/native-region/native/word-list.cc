// A native addon that keeps its data in a MOFO store: a linked list of words, with raw pointers from node to node, in a native region.
//
//   region   | List: magic, first ──┐ free | node: next, length, text | node: next, ... |  not used yet  |
//                                   └────────────────────────────────────^
//
// Pointers work in every process and after a restore, for the region lies at the same address or cannot be opened. What a region does not give is a journal: a
// killed process leaves what it had stored so far. So the order of the stores is the crash protocol: `free` moves on, the node is filled, and one store of `first` publishes
// it. Killed in between, at most the room of one node is lost. And bytes are input: whoever follows a pointer sees first that it leads into the region.
#include <mofo-region.h>
#include <node_api.h>
#include <sys/mman.h>
#include <cstring>

namespace {

constexpr uint64_t MAGIC = 0x7473694c64726f57;  // "WordList"
constexpr uint32_t TEXT_MAX_BYTES = 1000;

struct Node {
  Node* next;
  uint32_t length;
  char text[4];  // and more
};

struct List {
  uint64_t magic;
  Node* first;
  uint64_t freeOffset;
};

uint64_t nodeBytes(uint32_t length) { return (offsetof(Node, text) + length + 7) / 8 * 8; }

napi_value fail(napi_env env, const char* message) {
  napi_throw_error(env, nullptr, message);
  return nullptr;
}

/** insert(handle, word): puts a word at the head of the list. Inside store.transaction(). */
napi_value insert(napi_env env, napi_callback_info info) {
  napi_value args[2];
  size_t count = 2, length = 0;
  char word[TEXT_MAX_BYTES + 1];
  if (napi_get_cb_info(env, info, &count, args, nullptr, nullptr) != napi_ok || count != 2 ||
      napi_get_value_string_utf8(env, args[1], word, sizeof word, &length) != napi_ok)
    return fail(env, "insert takes the handle of a region and a word");
  const void* base = nullptr;
  uint64_t size = 0;
  void* start = nullptr;
  int code = mofo_region_read(env, args[0], &base, &size);
  if (code == MOFO_REGION_OK) code = mofo_region_write(env, args[0], 0, sizeof(List), &start);
  if (code != MOFO_REGION_OK) return fail(env, mofo_region_message(code));
  auto* list = static_cast<List*>(start);
  if (list->magic == 0) {  // A region begins with zeros.
    list->freeOffset = sizeof(List);
    __atomic_store_n(&list->magic, MAGIC, __ATOMIC_RELEASE);
  }
  if (list->magic != MAGIC) return fail(env, "the region holds something else");

  const uint64_t offset = list->freeOffset;
  code = mofo_region_write(env, args[0], offset, nodeBytes(uint32_t(length)), &start);
  if (code != MOFO_REGION_OK) return fail(env, mofo_region_message(code));
  __atomic_store_n(&list->freeOffset, offset + nodeBytes(uint32_t(length)), __ATOMIC_RELEASE);
  auto* node = static_cast<Node*>(start);
  node->next = list->first;
  node->length = uint32_t(length);
  memcpy(node->text, word, length);
  __atomic_store_n(&list->first, node, __ATOMIC_RELEASE);
  return nullptr;
}

/** words(handle): the words, the newest first, found by following the pointers. */
napi_value words(napi_env env, napi_callback_info info) {
  napi_value handle, result;
  size_t count = 1;
  const void* base = nullptr;
  uint64_t size = 0;
  if (napi_get_cb_info(env, info, &count, &handle, nullptr, nullptr) != napi_ok || count != 1) return fail(env, "words takes the handle of a region");
  const int code = mofo_region_read(env, handle, &base, &size);
  if (code != MOFO_REGION_OK) return fail(env, mofo_region_message(code));
  if (napi_create_array(env, &result) != napi_ok) return nullptr;
  const auto* list = static_cast<const List*>(base);
  if (list->magic != MAGIC) return result;
  const uint64_t from = uint64_t(base) + sizeof(List), to = uint64_t(base) + size;
  uint32_t index = 0;
  for (const Node* node = list->first; node != nullptr; node = node->next, index++) {
    const uint64_t at = uint64_t(node);
    const bool isInside = at >= from && at % 8 == 0 && at + sizeof(Node) <= to && node->length <= TEXT_MAX_BYTES && at + nodeBytes(node->length) <= to;
    if (!isInside || index > size / sizeof(Node)) return fail(env, "the list is damaged: a pointer leads astray");
    napi_value word;
    if (napi_create_string_utf8(env, node->text, node->length, &word) != napi_ok || napi_set_element(env, result, index, word) != napi_ok) return nullptr;
  }
  return result;
}

/** address(handle): where the region lies; to show that it is the same everywhere. */
napi_value address(napi_env env, napi_callback_info info) {
  napi_value handle, result;
  size_t count = 1;
  const void* base = nullptr;
  uint64_t size = 0;
  if (napi_get_cb_info(env, info, &count, &handle, nullptr, nullptr) != napi_ok || count != 1) return fail(env, "address takes the handle of a region");
  const int code = mofo_region_read(env, handle, &base, &size);
  if (code != MOFO_REGION_OK) return fail(env, mofo_region_message(code));
  return napi_create_bigint_uint64(env, uint64_t(base), &result) == napi_ok ? result : nullptr;
}

/** occupy(address): maps a page there, so that the store cannot be opened in this process; returns whether that went well. */
napi_value occupy(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  size_t count = 1;
  uint64_t at = 0;
  bool isWhole = false;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok ||
      napi_get_value_bigint_uint64(env, argument, &at, &isWhole) != napi_ok)
    return fail(env, "occupy takes an address as a bigint");
  void* wanted = reinterpret_cast<void*>(at / 4096 * 4096);
  void* mapped = mmap(wanted, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  return napi_get_boolean(env, mapped == wanted, &result) == napi_ok ? result : nullptr;
}

napi_value init(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"insert", nullptr, insert, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"words", nullptr, words, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"address", nullptr, address, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"occupy", nullptr, occupy, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions) == napi_ok ? exports : nullptr;
}

}  // namespace

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
