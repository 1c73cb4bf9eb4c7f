// Where Node's C headers are. node-gyp downloads them by default, which needs a network; a Node that came with its
// headers (Debian's libnode-dev, the official tarballs) can do without.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The `--nodedir` of the running Node, or undefined when its headers are not installed beside it. */
export function nodeHeadersFolder() {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  return existsSync(join(prefix, 'include/node/node_api.h')) ? prefix : undefined;
}
