import { randomBytes } from 'node:crypto';
import { checkInputs } from '../model/check';
import { compareInputs, isIgnored } from '../model/compare';
import {
  PartialFailure,
  type CheckRequest,
  type CheckResult,
  type CreateRequest,
  type DiffRequest,
  type DiffResult,
  type Resource,
  type State,
  type UpdateRequest,
} from '../model/plugin';
import type { InputSpec } from '../model/schema';
import { isProps, UNKNOWN, type Props, type Value } from '../rpc/values';
import type { LineLog } from './engine-log';
import { run, type Output } from './run';

const STRING: InputSpec = { type: 'string' };
const INPUTS: Readonly<Record<string, InputSpec>> = {
  create: STRING,
  update: STRING,
  delete: STRING,
  dir: STRING,
  stdin: STRING,
  environment: { type: 'map', items: STRING },
  interpreter: { type: 'list', items: STRING },
  triggers: { type: 'list', replace: true },
  addPreviousOutputInEnv: { type: 'boolean', default: true },
  logging: { type: 'string', oneOf: ['none', 'stdout', 'stderr', 'stdoutAndStderr'] },
};

/**
 * command:local:Command: runs a command of this machine when the resource is made, changed or deleted. As the
 * official one: a change of `triggers` makes a new resource, any other change runs `update`, or `create` where
 * there is no `update`.
 */
export class LocalCommand implements Resource {
  readonly echoes = ['stdout', 'stderr'];

  constructor(
    private readonly signal: AbortSignal,
    private readonly log: LineLog,
  ) {}

  check(request: CheckRequest): Promise<CheckResult> {
    const { triggers, ...rest } = request.newInputs;
    const checked = checkInputs(INPUTS, rest, 'command:local:Command');
    // Triggers may be anything; they are only ever compared.
    if (triggers !== undefined && triggers !== null) checked.inputs.triggers = triggers;
    // A default that the program did not give would show as a change to those who upgrade.
    if (rest.addPreviousOutputInEnv === undefined) delete checked.inputs.addPreviousOutputInEnv;
    return Promise.resolve(checked);
  }

  diff({ oldInputs, newInputs, ignoreChanges }: DiffRequest): Promise<DiffResult> {
    const { triggers: before, ...old } = oldInputs;
    const { triggers: after, ...next } = newInputs;
    const changes = compareInputs(INPUTS, old, next);
    if (JSON.stringify(before ?? null) !== JSON.stringify(after ?? null)) {
      changes.push({ path: 'triggers', kind: 'update', replace: true });
    }
    const seen = changes.filter((change) => !isIgnored(change, ignoreChanges));
    return Promise.resolve({ changes: seen, deleteBeforeReplace: false });
  }

  async create({ urn, inputs, preview }: CreateRequest): Promise<State> {
    if (preview) return { id: '', outputs: { ...inputs, stdout: UNKNOWN, stderr: UNKNOWN } };
    const id = `command${randomBytes(4).toString('hex')}`;
    const output = await this.execute(urn ?? '', inputs.create, inputs, undefined);
    return { id, outputs: { ...inputs, ...output } };
  }

  /** A command leaves nothing that could be read. */
  read({ id, inputs, outputs }: { id: string; inputs: Props; outputs: Props }) {
    return Promise.resolve({ id, inputs, outputs });
  }

  async update({ urn, id, oldInputs, oldOutputs, newInputs, preview }: UpdateRequest): Promise<Props> {
    const command = newInputs.update ?? newInputs.create;
    if (preview) {
      const output = command === undefined ? {} : { stdout: UNKNOWN, stderr: UNKNOWN };
      return { ...newInputs, ...previousOf(oldOutputs), ...output };
    }
    try {
      return { ...newInputs, ...(await this.execute(urn ?? '', command, newInputs, oldOutputs)) };
    } catch (thrown) {
      throw new PartialFailure(id, oldOutputs, oldInputs, thrown);
    }
  }

  async delete({ outputs }: { id: string; outputs: Props }): Promise<void> {
    await this.execute('', outputs.delete, outputs, outputs);
  }

  private async execute(
    urn: string,
    command: Value | undefined,
    inputs: Props,
    before: Props | undefined,
  ): Promise<Output> {
    const previous = previousOf(before ?? {});
    if (typeof command !== 'string' || command === '') return previous;
    return run(
      {
        command,
        interpreter: Array.isArray(inputs.interpreter) ? inputs.interpreter.map(String) : [],
        directory: typeof inputs.dir === 'string' ? inputs.dir : process.cwd(),
        environment: {
          ...(isProps(inputs.environment) ? (inputs.environment as Record<string, string>) : {}),
          ...(inputs.addPreviousOutputInEnv === false ? {} : environmentOf(previous)),
        },
        stdin: typeof inputs.stdin === 'string' ? inputs.stdin : '',
        logged: loggedOf(inputs.logging ?? 'stdoutAndStderr'),
        log: (line) => this.log(urn, line),
      },
      this.signal,
    );
  }
}

function previousOf(outputs: Props): Output {
  const text = (value: Value | undefined): string => (typeof value === 'string' ? value : '');
  return { stdout: text(outputs.stdout), stderr: text(outputs.stderr) };
}

/** The output of the command that ran before, for those that follow it. */
function environmentOf({ stdout, stderr }: Output): Record<string, string> {
  return {
    ...(stdout === '' ? {} : { PULUMI_COMMAND_STDOUT: stdout }),
    ...(stderr === '' ? {} : { PULUMI_COMMAND_STDERR: stderr }),
  };
}

function loggedOf(logging: Value): ('stdout' | 'stderr')[] {
  return (['stdout', 'stderr'] as const).filter(
    (stream) => logging === stream || logging === 'stdoutAndStderr',
  );
}
