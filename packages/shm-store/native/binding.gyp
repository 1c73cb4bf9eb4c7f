{
  "targets": [
    {
      "target_name": "shm_store",
      "sources": [
        "backup.cc",
        "binding-image.cc",
        "binding-process.cc",
        "binding-transaction.cc",
        "binding-wait.cc",
        "binding.cc",
        "crc32.cc",
        "create.cc",
        "destroy.cc",
        "doorbell-watcher.cc",
        "exposed-memory.cc",
        "guard.cc",
        "huge-pages.cc",
        "image.cc",
        "js-error.cc",
        "list.cc",
        "listen.cc",
        "lock.cc",
        "memory-limit.cc",
        "native-store.cc",
        "process-watcher.cc",
        "process.cc",
        "recovery.cc",
        "reserve.cc",
        "restore.cc",
        "role-watcher.cc",
        "role.cc",
        "segment.cc",
        "slots.cc",
        "thread-report.cc",
        "transaction.cc",
        "wait.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS", "_FILE_OFFSET_BITS=64"],
      "cflags!": ["-O3"],
      "cflags_cc!": ["-std=gnu++14", "-std=gnu++17", "-std=gnu++20"],
      "cflags": ["-O2", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"],
      "cflags_cc": ["-std=c++17", "-fno-exceptions", "-fno-rtti"],
      "ldflags": ["-pthread"]
    }
  ]
}
