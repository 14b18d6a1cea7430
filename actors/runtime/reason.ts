/** What went wrong, in the words of whatever was thrown: for people, in a message or a log. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
