/** What a systemd unit says of how its service is started. Pure. */
export interface ServiceUnit {
  /** The words of ExecStart, quotes resolved; a word may name variables as systemd does. */
  execStart: string[];
  workingDirectory: string | undefined;
  environment: Record<string, string>;
}

/** Reads a unit's text (systemd.syntax(7), systemd.service(5)). */
export function parseUnit(text: string): ServiceUnit {
  const settings = serviceSettings(text);
  const last = (name: string) => settings.filter((one) => one.name === name).at(-1)?.value;
  // `-` before a folder lets it be missing, and ~ is the user's home; neither names a folder of the release.
  const folder = last('WorkingDirectory')?.replace(/^-/, '') ?? '';
  const assignments = settings
    .filter(({ name }) => name === 'Environment')
    .flatMap(({ value }) => words(value));
  return {
    // Before the program there may be marks for how it is run: as whom, and what its failure means.
    execStart: words((last('ExecStart') ?? '').replace(/^[-@:+!]+/, '')),
    workingDirectory: folder.startsWith('/') ? folder : undefined,
    environment: Object.fromEntries(
      assignments.flatMap((assignment) => {
        const at = assignment.indexOf('=');
        return at > 0 ? [[assignment.slice(0, at), assignment.slice(at + 1)]] : [];
      }),
    ),
  };
}

interface Setting {
  name: string;
  value: string;
}

/** The settings of [Service] in their order; an empty one takes back those before it. */
function serviceSettings(text: string): Setting[] {
  let section = '';
  let settings: Setting[] = [];
  for (const line of logicalLines(text)) {
    const header = /^\[(.+)\]$/.exec(line);
    if (header !== null) section = header[1] ?? '';
    const at = line.indexOf('=');
    if (header !== null || section !== 'Service' || at < 0) continue;
    const setting = { name: line.slice(0, at).trim(), value: line.slice(at + 1).trim() };
    if (setting.value === '') settings = settings.filter(({ name }) => name !== setting.name);
    else settings.push(setting);
  }
  return settings;
}

/** Lines without comments; one that ends with a backslash goes on in the next. */
function logicalLines(text: string): string[] {
  const kept = text.split('\n').filter((line) => !/^\s*[#;]/.test(line));
  return kept
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Splits at spaces outside of quotes; `%%` is a percent sign, and other specifiers are left as they stand. */
function words(text: string): string[] {
  const found = text.match(/(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\.|[^\s"'\\])+/g) ?? [];
  return found.map((word) =>
    word
      .replace(/"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|\\(.)/g, (_, double, single, escaped) =>
        unescaped(String(double ?? single ?? escaped ?? '')),
      )
      .replaceAll('%%', '%'),
  );
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}
