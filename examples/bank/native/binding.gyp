{
  "targets": [
    {
      "target_name": "null_dereference",
      "sources": ["null-dereference.cc"],
      "defines": ["NAPI_VERSION=8"]
    }
  ]
}
