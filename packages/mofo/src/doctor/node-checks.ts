// The Node that runs this.

import type { Finding, Patient } from './finding.ts';

/** The oldest Node that is tested, as package.json says it. */
const OLDEST = [20, 19] as const;

/** Flags that take something away. */
const flags: readonly {
  readonly flag: RegExp;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}[] = [
  {
    flag: /^--inspect(-brk|-wait)?(=|$)/,
    code: 'NODE_INSPECT',
    message: 'with the inspector on, hang deadlines are off: a debugger must be able to stop the program.',
    remedy: 'Leave --inspect away in production',
  },
  {
    flag: /^--(jitless|no-opt|no-jit)\b/,
    code: 'NODE_NO_JIT',
    message: 'without compiled code everything is ten to a hundred times slower, takeovers included.',
    remedy: 'Leave the flag away',
  },
];

/** Version and flags. */
export function checkNode({ nodeVersion, nodeFlags }: Patient): Finding[] {
  const findings: Finding[] = [];
  const [major = 0, minor = 0] = nodeVersion.replace(/^v/, '').split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    findings.push({
      code: 'NODE_OLD',
      level: 'warning',
      message: `this is Node ${nodeVersion}; ${OLDEST.join('.')} is the oldest that is tested.`,
      remedy: 'Install a newer Node',
    });
  for (const { flag, code, message, remedy } of flags)
    if (nodeFlags.some((one) => flag.test(one))) findings.push({ code, level: 'note', message, remedy });
  return findings;
}
