// One line about an error: what people see in the timeline.

/** The error's name and the first line of its message, with its cause. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause =
    error.cause instanceof Error && error.cause.message !== error.message
      ? ` (${error.cause.name}: ${error.cause.message})`
      : '';
  const [first] = error.message.split('\n');
  return `${error.name}: ${first}${cause}`;
}
