/** The values of the engine's events in words that people read; its marks are those of `sdk/go/common/resource`. */

export const SECRET = '[secret]';
export const COMPUTED = '[computed]';

/** The key under which the engine says what an object stands for. */
const SIGNATURE = '4dabf18193072939515e22adb298388d';

const STANDS_FOR: Readonly<Record<string, string>> = {
  '1b47061264138c4ac30d75fd1eb44270': SECRET,
  c44067f5952c0a294b673a41bacd8c17: '[file]',
  '0def7320c3a5731c473e5ecbe6d01bc7': '[archive]',
  '5cf8f73096256a8f31e491e813e4eb8e': '[resource]',
};

/** What stands in the place of a value that is not known before AWS gave it, by the kind of the value. */
const UNKNOWN: ReadonlySet<string> = new Set([
  '04da6b54-80e4-46f7-96ec-b56ff0331ba9',
  '1c4a061d-8072-4f0a-a4cb-0ff528b18fe7',
  '3eeb2bf0-c639-47a8-9e75-3b44932eb421',
  '6a19a0b0-7e62-4c92-b797-7f8e31da9cc2',
  '030794c1-ac77-496b-92df-f27374a8bd58',
  'e48ece36-62e2-4504-bad9-02848725956a',
  'dd056dcd-154b-4c76-9bd3-c8f88648b5ff',
]);

/** The value with sorted keys; what is unknown, secret or a file is a text in brackets, wherever it is in it. */
export function readable(value: unknown): unknown {
  if (typeof value === 'string') return readableText(value);
  if (Array.isArray(value)) return value.map(readable);
  if (!isObject(value)) return value ?? null;
  const mark = value[SIGNATURE];
  if (typeof mark === 'string') return STANDS_FOR[mark] ?? '[other]';
  const entries = Object.entries(value).filter(([name]) => !name.startsWith('__'));
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, inner]) => [name, readable(inner)]),
  );
}

function readableText(text: string): string {
  if (UNKNOWN.has(text)) return COMPUTED;
  // A JSON document with something unknown in it is unknown as a whole, and has the mark within.
  return [...UNKNOWN].some((mark) => text.includes(mark)) ? COMPUTED : text;
}

/** As `readable`; a text in base64, as user data is sent, in the words that were encoded. */
export function decoded(value: unknown): unknown {
  const shown = readable(value);
  if (typeof shown !== 'string' || shown.startsWith('[')) return shown;
  const text = Buffer.from(shown, 'base64').toString('utf8');
  return Buffer.from(text, 'utf8').toString('base64') === shown ? text : shown;
}

/** Both with everything hidden that is a secret in either: what is a secret now was one before it was marked. */
export function togetherHidden(one: unknown, other: unknown): [unknown, unknown] {
  if (one === SECRET || other === SECRET) return [SECRET, SECRET];
  if (Array.isArray(one) && Array.isArray(other)) {
    const length = Math.max(one.length, other.length);
    const pairs = Array.from({ length }, (_, index) => togetherHidden(one[index], other[index]));
    return [
      pairs.slice(0, one.length).map(([old]) => old),
      pairs.slice(0, other.length).map(([, now]) => now),
    ];
  }
  if (!isObject(one) || !isObject(other)) return [one, other];
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  const pairs = names.map((name) => [name, togetherHidden(one[name], other[name])] as const);
  return [
    Object.fromEntries(pairs.filter(([name]) => name in one).map(([name, [old]]) => [name, old])),
    Object.fromEntries(pairs.filter(([name]) => name in other).map(([name, [, now]]) => [name, now])),
  ];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
