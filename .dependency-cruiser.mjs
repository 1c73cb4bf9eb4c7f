// The arrows of docs/architecture.md, one rule each. A package imports only packages below it, never a sibling, and
// only through their public entry. Where a sibling's service is needed, the package declares the interface it needs in
// its own source and `mofo` passes the implementation in.
//
//   examples/*, bench
//        mofo
//        scheduler  level  snapshot  xml-export  watchdog  versions
//        journal
//        shm-store

/** A rule: sources of package `from` never reach any package of ours except itself and `allowed`. */
function mayOnlyImport(from, allowed, comment) {
  const inside = [from, ...allowed].join('|');
  return {
    name: `${from}-imports-${allowed.length > 0 ? allowed.join('-or-') : 'none-of-ours'}`,
    comment,
    severity: 'error',
    from: { path: `^packages/${from}/` },
    to: { path: '^packages/', pathNot: `^packages/(${inside})/` },
  };
}

const forbidden = [
  mayOnlyImport(
    'shm-store',
    [],
    'The ground floor: native segments and the heap know nothing of what is stored in them.',
  ),
  mayOnlyImport(
    'journal',
    ['shm-store'],
    'The one door to stored data. If it knew its users, no other package could be built on it alone.',
  ),
  mayOnlyImport(
    'versions',
    [],
    'Module versions live on disk only: they must be readable when the store is damaged or gone, so no store is imported.',
  ),
  mayOnlyImport(
    'watchdog',
    ['journal', 'shm-store'],
    'Takeover must work for any program, with or without modules, tasks and snapshots; blame goes through an interface.',
  ),
  mayOnlyImport(
    'scheduler',
    ['journal', 'shm-store'],
    'Tasks are journalled data. Bundles of waiting ones lay out their own words through the door, for a tree entry each costs ten times as much; and the kernel tells of dead workers.',
  ),
  mayOnlyImport(
    'level',
    ['journal'],
    'A database of the Level ecosystem is one tree and its snapshots; what it needs of segments and processes journal passes on.',
  ),
  mayOnlyImport(
    'snapshot',
    ['journal', 'shm-store'],
    'An image is taken below the level of meaning: pages and commits, not tasks or versions.',
  ),
  mayOnlyImport(
    'xml-export',
    ['journal', 'shm-store'],
    'Export and check read any store or image by its type catalog; images are viewed through journal, not snapshot.',
  ),
  {
    name: 'nothing-published-imports-examples-or-bench',
    comment: 'Published packages must not reach private workspaces: an install from the registry would break.',
    severity: 'error',
    from: { path: '^packages/' },
    to: { path: '^(examples|bench|scripts)/' },
  },
  {
    name: 'examples-use-what-is-published',
    comment: 'An example shows what a user writes, and a user installs mofo, or single packages of it.',
    severity: 'error',
    from: { path: '^examples/' },
    to: { path: '^bench/' },
  },
  {
    name: 'public-entry-only',
    comment: 'Another package is its exports map. A deep path into it would pass here and fail when installed.',
    severity: 'error',
    from: { path: '^packages/([^/]+)/' },
    to: {
      path: '^packages/[^/]+/',
      pathNot: ['^packages/$1/', '^packages/[^/]+/(bundle/index\\.js|dist/index\\.d\\.ts)$'],
    },
  },
  {
    name: 'public-entry-only-outside-packages',
    comment: 'The same for the private workspaces, so that examples show nothing a user cannot do.',
    severity: 'error',
    from: { path: '^(bench|examples)/' },
    to: { path: '^packages/[^/]+/', pathNot: '^packages/[^/]+/(bundle/index\\.js|dist/index\\.d\\.ts)$' },
  },
  {
    name: 'no-cycles',
    comment:
      'Two files that load each other are one concept in two places, and loading order would decide what works. Cycles of types alone are left out: an interface may name the class that implements what it needs.',
    severity: 'error',
    from: { path: '^(packages|bench|examples)/.*/?src/' },
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'src-imports-no-tests',
    comment: 'What is published must not need what is not.',
    severity: 'error',
    from: { path: '^packages/[^/]+/src/' },
    to: { path: '^packages/[^/]+/(test|bench|soak)/' },
  },
  {
    name: 'resolvable',
    comment: 'An import that resolves to nothing would slip past every rule above. Build first: pnpm build.',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true },
  },
];

export default {
  forbidden,
  options: {
    doNotFollow: { path: ['node_modules', '/dist/', '/bundle/'] },
    exclude: { path: ['(^|/)node_modules/', '\\.tsbuildinfo$', '/native/build/', '/prebuilds/'] },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'default'],
      extensions: ['.ts', '.js', '.mjs'],
    },
  },
};
