/** What Packer says with `-machine-readable` (its documentation, "Machine-readable output"). Pure, and tolerant. */

export type PackerMessage =
  | { kind: 'say' | 'message' | 'error'; text: string }
  | { kind: 'artifact-id'; id: string }
  /** What a build ended with, said once more. */
  | { kind: 'build-error'; text: string }
  | { kind: 'other' };

/** One line: `timestamp,target,type,data…`. What is no such line was said by somebody else, and is kept as text. */
export function parsePackerLine(line: string): PackerMessage {
  const [time = '', target = '', type, ...data] = line.split(',');
  if (type === undefined || !/^\d+$/.test(time)) return plain(line);
  const [first = '', second = '', third = ''] = data.map(unescaped);
  switch (type) {
    case 'ui':
      return uiMessage(first, second);
    case 'artifact':
      return second === 'id' ? { kind: 'artifact-id', id: third } : { kind: 'other' };
    case 'error':
      return target === '' ? { kind: 'other' } : { kind: 'build-error', text: clean(first) };
    default:
      return { kind: 'other' };
  }
}

function uiMessage(type: string, text: string): PackerMessage {
  if (type === 'say' || type === 'message' || type === 'error') return { kind: type, text: clean(text) };
  return { kind: 'other' };
}

function plain(line: string): PackerMessage {
  return line.trim() === '' ? { kind: 'other' } : { kind: 'message', text: clean(line) };
}

/** Commas and line ends inside a field are written otherwise. */
function unescaped(field: string): string {
  return field.replaceAll('%!(PACKER_COMMA)', ',').replaceAll('\\n', '\n').replaceAll('\\r', '\r');
}

/** Without the builder's name in front, and without colours. */
function clean(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex
      .replace(/\u001b\[[0-9;]*m/g, '')
      .replaceAll('\r', '')
      .split('\n')
      .map((line) => line.replace(/^(==>| {3}) [\w-]+(\.[\w-]+)?: ?/, '').trimEnd())
      .join('\n')
      .trimEnd()
  );
}

/** The image of a region: an artifact's id is `eu-west-3:ami-1,us-east-1:ami-2`. */
export function imageInArtifact(id: string, region: string): string | undefined {
  return id
    .split(',')
    .map((place) => place.split(':'))
    .find(([where]) => where === region)?.[1];
}
