// A refusal that a module decided (`ctx.fail('NO_ACCOUNT', 'alice')`), as opposed to a fault in its code. It rolls the
// transaction back like any exception, but says nothing bad about the version that threw it.

/** Thrown by `ctx.fail`: a refusal with a code of the module's own. Clients get it as status 422 with code and message. */
export class ModuleFailure extends Error {
  override readonly name: string = 'ModuleFailure';
  /** The module's own code. */
  readonly code: string;
  /** What the module said besides; it is sent to clients only as part of the message, when it is a text or a number. */
  readonly detail: unknown;

  constructor(code: string, detail?: unknown) {
    super(typeof detail === 'string' || typeof detail === 'number' ? `${code}: ${detail}` : code);
    this.code = code;
    this.detail = detail;
  }
}
