// The bank demo: a service under load that is updated, broken and killed while it serves.
export {};
