// What commands such as `mofo status` are about: the app whose config is in the directory; where there is none, the server script that has run there.

import { findConfigFile, type LoadedConfig } from '../config/index.ts';
import { validateConfig } from '../config/validate-config.ts';
import { MofoError } from '../errors.ts';
import { scriptStateDirectory, scriptsIn } from '../server-script/script-state.ts';

/**
 * The config of the app, or one that stands for a script: its name, and where its versions are.
 *
 * @param script name that was asked for.
 * @throws MofoError USAGE when several scripts have run there and none was named, or none of that name; what `load` throws when none has.
 */
export async function appOrScript(
  directory: string,
  script: string | undefined,
  load: () => Promise<LoadedConfig>,
): Promise<LoadedConfig> {
  if (script === undefined && (await findConfigFile(directory)) !== undefined) return load();
  const names = scriptsIn(directory);
  if (script === undefined && names.length === 0) return load();
  const [first] = names;
  const name = script ?? (names.length === 1 ? first : undefined);
  if (name === undefined || !names.includes(name)) {
    const problem =
      name === undefined
        ? `several server scripts have run in ${directory}`
        : `no server script "${name}" has run in ${directory}`;
    throw new MofoError(
      'USAGE',
      `${problem}. Nothing was done. Name one of these with --script: ${names.join(', ') || 'none'}.`,
      {
        data: { scripts: names },
      },
    );
  }
  const config = validateConfig({ name: name.toLowerCase() }, directory, 'the script');
  return {
    config: { ...config, name, directory: scriptStateDirectory(directory, name) },
    file: scriptStateDirectory(directory, name),
    appDirectory: directory,
  };
}
