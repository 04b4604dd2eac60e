export type Version = readonly [major: number, minor: number, patch: number];

/** The first version number in a text: `v3.259.0`, `go1.26.8`, `Python 3.11`. A missing patch counts as 0. */
export function parseVersion(text: string): Version | undefined {
  const found = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return found ? [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)] : undefined;
}

export function isAtLeast(version: Version, oldest: Version): boolean {
  for (const part of [0, 1, 2] as const) {
    if (version[part] !== oldest[part]) return version[part] > oldest[part];
  }
  return true;
}

export function printVersion(version: Version): string {
  return version.join('.');
}
