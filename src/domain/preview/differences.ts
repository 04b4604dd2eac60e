/** Longer values are cut in the middle of a line that shows two of them. */
const LONGEST = 100;

/** Where two JSON values differ, one line for each place: `fleets.eu-west-3.blue.desired: 2 → 3`. */
export function differences(path: string, before: unknown, after: unknown): string[] {
  if (isMapping(before) && isMapping(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => differences(`${path}${keyText(key)}`, before[key], after[key]));
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length)
    return before.flatMap((one, index) => differences(`${path}[${index}]`, one, after[index]));
  const [one, other] = [shown(before), shown(after)];
  return one === other ? [] : [`${path}: ${cut(one)} → ${cut(other)}`];
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keyText(key: string): string {
  return /^[\w-]+$/.test(key) ? `.${key}` : `["${key}"]`;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (isMapping(value))
    return `{${Object.keys(value)
      .sort()
      .map((key) => `${key}: ${shown(value[key])}`)
      .join(', ')}}`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}
