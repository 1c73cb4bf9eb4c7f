// Side-by-side measurements: `pnpm bench <name> [--json]`.
export {};
