/** Where progress goes: standard error, so that standard output holds the result alone. */
export interface Terminal {
  write(text: string): void;
}

/**
 * Whether somebody watches, so that lines may be redrawn; a CI's log is read afterwards. A terminal that says it has
 * no columns makes a spinner count lines for ever.
 */
export function isInteractive(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && stream.columns > 0 && process.env['CI'] === undefined;
}
