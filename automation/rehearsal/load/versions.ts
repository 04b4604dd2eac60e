/** The header that the sandbox's load balancer adds: `<instance>;<colour>;<version>`. */
export const TARGET_HEADER = 'x-bascule-target';

/** The key of responses that do not say what answered them. */
export const UNKNOWN_VERSION = 'unknown';

/** Release and colour that answered, as one key: `2.0.0 green`. */
export function versionKey(version: string, colour: string): string {
  return colour === '' ? version : `${version} ${colour}`;
}

/** The version key of a target header, or `unknown` where it is absent or of another form. */
export function versionKeyOfTarget(target: string | null): string {
  if (target === null) return UNKNOWN_VERSION;
  const [, colour, version] = target.split(';');
  if (colour === undefined || version === undefined || version === '') return UNKNOWN_VERSION;
  return versionKey(version, colour);
}

/** Splits a version key; `colour` is empty where the key names none. */
export function parseVersionKey(key: string): { version: string; colour: 'blue' | 'green' | '' } {
  const space = key.lastIndexOf(' ');
  const colour = key.slice(space + 1);
  if (space > 0 && (colour === 'blue' || colour === 'green')) return { version: key.slice(0, space), colour };
  return { version: key, colour: '' };
}
