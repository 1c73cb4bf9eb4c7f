// The one error class of this package. Codes are stable within a major version, messages are not.

/** Every code that an `XmlExportError` can carry; the README says for each when, what state is left, and what to do. */
export type XmlExportErrorCode = 'IN_TRANSACTION' | 'STORE_UNREADABLE' | 'UNKNOWN_OPTION';

/** An export or check that cannot begin. Damage that is found on the way is no error: it is a finding. */
export class XmlExportError extends Error {
  override readonly name: string = 'XmlExportError';
  readonly code: XmlExportErrorCode;

  constructor(code: XmlExportErrorCode, message: string, options?: { readonly cause: unknown }) {
    super(`[${code}] ${message}`, options);
    this.code = code;
  }
}

/** Throws UNKNOWN_OPTION unless all options of `call` are known. */
export function refuseUnknownOptions(call: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new XmlExportError(
      'UNKNOWN_OPTION',
      `${call} has no option "${name}"; it has ${known.join(', ')}. Nothing was read. Correct the call.`,
    );
  }
}
