/** How a run of Packer goes: steps for those who watch, and what is known of a failure. Pure. */
import type { PackerMessage } from './packer-output';

/** An Ansible task that failed. */
export interface FailedTask {
  /** Empty where the playbook failed before its first task. */
  task: string;
  /** Empty where it failed on none. */
  host: string;
  message: string;
}

export interface PackerCourse {
  /** The step under way. */
  step: string;
  /** Ansible tasks begun so far. */
  tasks: number;
  task: string;
  failed: FailedTask | null;
  /** What Packer said of errors, each once. */
  errors: string[];
  artifact: string | null;
}

export type PackerNews =
  | { kind: 'step'; title: string }
  | { kind: 'done'; note: string; failed: boolean }
  /** Something that Packer names and does not tag, or only much later. */
  | { kind: 'made'; what: Untagged; name: string };

export type Untagged = 'key-pair' | 'security-group' | 'image';

export const PACKER_BEGINS: PackerCourse = {
  step: '',
  tasks: 0,
  task: '',
  failed: null,
  errors: [],
  artifact: null,
};

/** In the words of Packer's amazon-ebs builder and its Ansible provisioner. */
const STEPS: readonly [RegExp, string][] = [
  [
    /^(Prevalidating|Found Image ID|Creating temporary|Launching a source AWS instance)/,
    'start build instance',
  ],
  [/^(Using ssh communicator|Waiting for SSH)/i, 'wait for SSH'],
  [/^(Provisioning with Ansible|Executing Ansible)/, 'Ansible'],
  [/^Provisioning with/, 'provision'],
  [/^(Stopping the source instance|Waiting for the instance to stop)/, 'stop build instance'],
  [/^(Creating (unencrypted )?AMI|Waiting for (all )?(the )?AMI|AMI: |Copying|Encrypting)/, 'make image'],
  [/^(Terminating the source|Cleaning up|Deleting temporary|No volumes to clean)/, 'remove build instance'],
];

/** Takes the next message in. */
export function advance(
  course: PackerCourse,
  message: PackerMessage,
): { course: PackerCourse; news: PackerNews[] } {
  switch (message.kind) {
    case 'artifact-id':
      return { course: { ...course, artifact: message.id }, news: [] };
    case 'build-error':
      return { course: withError(course, message.text), news: [] };
    case 'error':
      return { course: withError(course, message.text), news: [] };
    case 'say':
    case 'message':
      return message.text.split('\n').reduce<{ course: PackerCourse; news: PackerNews[] }>(
        (so, line) => {
          const next = takeLine(so.course, line);
          return { course: next.course, news: [...so.news, ...next.news] };
        },
        { course, news: [] },
      );
    case 'other':
      return { course, news: [] };
  }
}

function withError(course: PackerCourse, text: string): PackerCourse {
  const known = text === '' || course.errors.includes(text);
  return known ? course : { ...course, errors: [...course.errors, text] };
}

function takeLine(course: PackerCourse, line: string): { course: PackerCourse; news: PackerNews[] } {
  const made = madeIn(line);
  const stepped = STEPS.find(([words]) => words.test(line))?.[1];
  if (stepped !== undefined) {
    const news: PackerNews[] = made === undefined ? [] : [made];
    if (stepped === course.step) return { course, news };
    return { course: { ...course, step: stepped }, news: [{ kind: 'step', title: stepped }, ...news] };
  }
  if (made !== undefined) return { course, news: [made] };
  return takeAnsible(course, line);
}

const MADE: readonly [RegExp, Untagged][] = [
  [/^Creating temporary keypair: (\S+)/, 'key-pair'],
  [/^Creating temporary security group for this instance: (\S+)/, 'security-group'],
  [/^AMI: (ami-\w+)/, 'image'],
];

function madeIn(line: string): PackerNews | undefined {
  for (const [words, what] of MADE) {
    const name = words.exec(line)?.[1];
    if (name !== undefined) return { kind: 'made', what, name };
  }
  return undefined;
}

function takeAnsible(course: PackerCourse, line: string): { course: PackerCourse; news: PackerNews[] } {
  const task = /^(?:TASK|RUNNING HANDLER) \[(.*)\]/.exec(line)?.[1];
  if (task !== undefined) {
    const tasks = course.tasks + 1;
    const title = `Ansible: ${task} (task ${tasks})`;
    return { course: { ...course, task, tasks, step: title }, news: [{ kind: 'step', title }] };
  }
  // Of a failure that the playbook does not mind: it goes on.
  if (/^\.\.\.ignoring/.test(line)) return { course: { ...course, failed: null }, news: [] };
  const recap = /\bok=\d+.*\bunreachable=(\d+).*\bfailed=(\d+)/.exec(line);
  if (recap !== null) {
    const failures = recap[1] !== '0' || recap[2] !== '0';
    const news: PackerNews[] = [{ kind: 'done', note: recap[0].replace(/\s+/g, ' '), failed: failures }];
    // What a block rescued counts as none.
    return { course: failures ? course : { ...course, failed: null }, news };
  }
  const failed = failedIn(line, course.task);
  return { course: failed === undefined ? course : { ...course, failed }, news: [] };
}

/** `fatal: [default]: FAILED! => {"msg": "…"}`, or of one item of a loop `failed: [default] (item=x) => {…}`. */
function failedIn(line: string, task: string): FailedTask | undefined {
  const said = /^(?:fatal|failed): \[([^\]]*)\](?::? ?\(item=.*?\))?(?::? ?([A-Z]+)!)?(?: => (.*))?$/.exec(
    line,
  );
  if (said !== null) {
    const [, host = '', , facts = ''] = said;
    return { task, host: host.split(' ')[0] ?? host, message: messageIn(facts) };
  }
  // Nothing of the playbook ran, or not that part of it.
  const error = /^ERROR! (.*)$/.exec(line)?.[1];
  return error === undefined ? undefined : { task, host: '', message: error };
}

function messageIn(facts: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(facts);
  } catch {
    return facts;
  }
  if (typeof parsed !== 'object' || parsed === null) return facts;
  const { msg, stderr, stdout } = parsed as Record<string, unknown>;
  const texts = [msg, stderr, stdout].filter((text) => typeof text === 'string' && text.trim() !== '');
  return [...new Set(texts as string[])].map((text) => text.trim()).join('\n') || facts;
}

/** Lines that tell a person what failed, and the first of them as the end of a sentence. */
export function failureOf(course: PackerCourse): { why: string; details: string[] } {
  const { failed, step } = course;
  const packer = packerLines(course).map((line) => `Packer: ${line}`);
  if (failed === null)
    return { why: step === '' ? 'Packer failed' : `Packer failed at "${step}"`, details: packer };
  const said = failed.message
    .split('\n')
    .slice(0, 12)
    .map((line) => `message: ${line}`);
  return {
    why:
      failed.task === '' ? 'Ansible could not run the playbook' : `the Ansible task "${failed.task}" failed`,
    details: [
      ...(failed.task === '' ? [] : [`task: ${failed.task}`]),
      ...(failed.host === '' ? [] : [`host: ${failed.host}`]),
      ...said,
      ...packer,
    ],
  };
}

/** What Packer says of an error up to three times, each in other words around it, once. */
function packerLines({ errors }: PackerCourse): string[] {
  const lines = errors
    .flatMap((text) => text.split('\n'))
    .map((line) =>
      line.replace(/^(-->|==>) /, '').replace(/^(Build '[^']*' errored after [^:]*|[\w.-]+): /, ''),
    )
    .filter((line) => line !== '' && !/^Some builds didn't complete/.test(line));
  return [...new Set(lines)].slice(-8);
}
