/** Variables of Bascule's own environment that hold what may stand in no file, no record and no message. */

/** @throws Error that names the variable where it is not set. */
export function secretFrom(variable: string): string {
  const value = process.env[variable];
  if (value !== undefined && value !== '') return value;
  throw new Error(`the environment variable ${variable} is not set`);
}

/** A text of somebody else's, in which a secret may be quoted, on one line. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const clean = secrets
    .filter((secret) => secret !== '')
    .reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
  return clean.replace(/\s+/g, ' ').trim().slice(0, 300);
}
