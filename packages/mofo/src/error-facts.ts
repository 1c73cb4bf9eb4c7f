// What an error says, in one place: our packages write its code into the message or into the name, the system at the beginning of the message; told to people or
// programs it is said once.

/** An error taken apart. */
export interface ErrorFacts {
  /** Its class, without the code. */
  readonly name: string;
  /** Undefined for errors that nobody foresaw. */
  readonly code: string | undefined;
  /** What it says, without code and class. */
  readonly message: string;
  /** Facts for programs; undefined if there are none. */
  readonly data: Readonly<Record<string, unknown>> | undefined;
}

/** Takes an error apart. */
export function factsOf(error: unknown): ErrorFacts {
  if (!(error instanceof Error)) return { name: 'Error', code: undefined, message: String(error), data: undefined };
  const { code: own, data } = error as { readonly code?: unknown; readonly data?: unknown };
  const code = typeof own === 'string' ? own : undefined;
  const hasData = typeof data === 'object' && data !== null && Object.keys(data).length > 0;
  return {
    name: code === undefined ? error.name : error.name.replace(` [${code}]`, ''),
    code,
    message: code === undefined ? error.message : withoutCode(error.message, code),
    data: hasData ? (data as Readonly<Record<string, unknown>>) : undefined,
  };
}

function withoutCode(message: string, code: string): string {
  for (const beginning of [`[${code}] `, `${code}: `]) {
    if (message.startsWith(beginning)) return message.slice(beginning.length);
  }
  return message;
}
