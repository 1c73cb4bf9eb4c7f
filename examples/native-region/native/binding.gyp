{
  "targets": [
    {
      "target_name": "word_list",
      "sources": ["word-list.cc"],
      "include_dirs": ["<!(node -p \"require('node:path').dirname(require.resolve('@mofo/shm-store/package.json')) + '/native/include'\")"],
      "defines": ["NAPI_VERSION=8"],
      "cflags": ["-Wall", "-Wextra", "-Werror"],
      "cflags_cc": ["-std=c++17"]
    }
  ]
}
