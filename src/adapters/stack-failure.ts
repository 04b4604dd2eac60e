import { stripVTControlCharacters } from 'node:util';
import type { EngineEvent } from '@pulumi/pulumi/automation';
import { BasculeError, messageOf } from '../domain/errors';
import { saysLocked } from './stack-lock';
import { silenceIn } from './stack-silence';
import { resourceTitle, type ResourcePlan } from './stack-state';

/** Lines of the engine's own words that a failure shows. */
const SHOWN_LINES = 12;

/** Collects what the engine says of errors while it runs. */
export class Diagnostics {
  private readonly lines: string[] = [];
  /** What the engine failed to create. */
  readonly uncreated: ResourcePlan[] = [];

  take(event: EngineEvent): void {
    const failed = event.resOpFailedEvent?.metadata;
    if (failed?.op === 'create' || failed?.op === 'create-replacement')
      this.uncreated.push({ ...failed.new, urn: failed.urn, type: failed.type });
    const diagnostic = event.diagnosticEvent;
    if (diagnostic === undefined || diagnostic.severity !== 'error') return;
    const text = stripMarks(diagnostic.message).trim();
    // Said for every failed update, after the line that says why.
    if (text === '' || /^(update|preview|destroy) failed$/.test(text)) return;
    const resource = diagnostic.urn === undefined ? '' : `${resourceTitle(diagnostic.urn)}: `;
    for (const line of `${resource}${text}`.split('\n'))
      if (line.trim() !== '') this.lines.push(line.trimEnd());
  }

  /** The first lines, each once. */
  shown(): string[] {
    return [...new Set(this.lines)].slice(0, SHOWN_LINES);
  }
}

function stripMarks(text: string): string {
  return stripVTControlCharacters(text.replace(/<\{%[^%]*%\}>/g, ''));
}

/** Whether the engine refused because another update holds the stack. */
export function isLocked(thrown: unknown): boolean {
  return saysLocked(messageOf(thrown)) || (thrown as Error | undefined)?.name === 'ConcurrentUpdateError';
}

/** What a failed operation on a stack means for a person. */
export function stackFailure(stack: string, thrown: unknown, diagnostics: Diagnostics): BasculeError {
  if (thrown instanceof BasculeError) return thrown;
  const text = messageOf(thrown);
  if (isLocked(thrown))
    return new BasculeError({
      code: 'BASCULE_STACK_LOCKED',
      message: `The Pulumi stack ${stack} is locked by another update.`,
      details: lockLines(text),
      next: `Wait for that update. If its process is gone: \`pulumi cancel --yes --stack ${stack}\`, then \`pulumi refresh --stack ${stack}\`, and try again.`,
      blame: 'world',
      exitCode: 6,
      cause: thrown,
    });
  const shown = diagnostics.shown();
  const details = shown.length > 0 ? shown : lastLines(text);
  const unset = UNSET.find(({ says }) => details.some((line) => says.test(line)));
  if (unset !== undefined)
    return new BasculeError({
      code: unset.code,
      message: `Pulumi cannot open the stack ${stack}: ${unset.means}.`,
      details,
      next: `${unset.next} For the sandbox: \`eval "$(bascule sandbox env)"\`.`,
      blame: 'user',
      exitCode: 2,
      cause: thrown,
    });
  const silence = silenceIn(details);
  if (silence !== undefined)
    return new BasculeError({
      code: silence.code,
      message: `Pulumi could not finish the stack ${stack}: ${silence.means}.`,
      details,
      next: silence.next,
      blame: 'world',
      exitCode: 3,
      cause: thrown,
    });
  return new BasculeError({
    code: 'BASCULE_STACK_FAILED',
    message: `Pulumi could not finish the stack ${stack}.`,
    details,
    next: `Mend what is named above; \`pulumi preview --stack ${stack}\` shows the same.`,
    blame: 'world',
    exitCode: 3,
    cause: thrown,
  });
}

/** What the engine says before it begins anything, where a setting is missing that only people can give. */
const UNSET = [
  {
    says: /PULUMI_ACCESS_TOKEN must be set|not logged in/,
    code: 'BASCULE_STACK_BACKEND',
    means: 'nothing says where its state is kept',
    next: 'Set PULUMI_BACKEND_URL (such as s3://acme-bascule?region=eu-west-3), or `pulumi login`.',
  },
  {
    says: /passphrase must be set|incorrect passphrase/,
    code: 'BASCULE_STACK_SECRETS',
    means: 'its secrets need their passphrase',
    next: 'Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the one that the stack was made with.',
  },
] as const;

function lockLines(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => /created by|locked/.test(line))
    .map((line) => line.trim())
    .slice(0, 3);
}

/** What the command line says of itself around its error. */
const FRAME = /^\s*(code:|stdout:|stderr:|err\?:|at )|Command failed with exit code|^\w[\w ]* \([^)]*\):$/;

function lastLines(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trimEnd());
  return [...new Set(lines)].filter((line) => line !== '' && !FRAME.test(line)).slice(-SHOWN_LINES);
}
