/** How a command runs on an instance: the script that Systems Manager gives to its agent, and what that tells. */
import { createHash } from 'node:crypto';

/** How a command on an instance ended. */
export type MachineEnding =
  | { kind: 'exited'; code: number }
  | { kind: 'timed-out' }
  /** It never began, and never will. */
  | { kind: 'not-started'; why: string; next: string }
  /** Nothing more will be heard of it; whether it did its work is not known. */
  | { kind: 'gone'; why: string };

/** A command for one instance. */
export interface MachineCommand {
  /**
   * Names the run, for example `bascule <deployment> <step>`: at most 100 characters. A run of this name that was
   * begun before, by a process that is gone since, is awaited and not repeated.
   */
  name: string;
  service: string;
  /** The release in whose folder it runs. */
  version: string;
  /** Program and arguments; no shell reads them. */
  command: readonly string[];
  /** Variables beside those of the application. Systems Manager keeps them, so no secrets. */
  environment: Readonly<Record<string, string>>;
  /** From its start until it is ended. */
  timeoutSeconds: number;
}

/** Characters that a command's comment may have (Systems Manager API reference, "SendCommand"). */
const COMMENT_CHARACTERS = 100;

/** What is shown of the output: the agent passes on the first 24,000 characters, and what counts stands last. */
const SHOWN_BYTES = 16_000;

/** From SIGTERM to SIGKILL, for a command that took too long. */
const GRACE_SECONDS = 10;

/** After the script's own limit, which lets it say what the command printed. The agent's limit only kills. */
const AGENT_GRACE_SECONDS = GRACE_SECONDS + 20;

/** The exit code that lets the agent restart the machine and run the script again (Systems Manager user guide, "Handling reboots when running commands"). */
const REBOOT = 194;

/** The most that AWS-RunShellScript takes as its executionTimeout: 48 hours. */
const MOST_SECONDS = 172_800;

/** What Systems Manager is given as the agent's own limit. */
export function executionTimeout({ timeoutSeconds }: MachineCommand): number {
  return Math.min(timeoutSeconds + AGENT_GRACE_SECONDS, MOST_SECONDS);
}

/** The name of a run as a comment: whole where it fits, otherwise its beginning and a digest of all of it. */
export function commentOf({ name }: MachineCommand): string {
  if (name.length <= COMMENT_CHARACTERS) return name;
  const digest = digestOf(name);
  return `${name.slice(0, COMMENT_CHARACTERS - digest.length - 1)} ${digest}`;
}

/**
 * The script, whose last line says how the command ended. A folder that is named by the run and can be made but
 * once keeps a second script of the same run from doing anything: SendCommand knows no token that would tell a
 * repeated call from another one.
 *
 * In the sandbox there is neither a user of the service's nor /etc/bascule: BASCULE_MACHINE says that folder, user
 * and environment are the instance's own already, and names a folder in the place of /var/lib/bascule.
 */
export function machineScript(order: MachineCommand): string {
  const { name, service, version, command, environment, timeoutSeconds } = order;
  const home = `/opt/${service}`;
  const variables = Object.entries(environment);
  return [
    '#!/bin/sh',
    `# ${name.replace(/[\r\n]/g, ' ')}`,
    'set -u',
    `end() { printf '\\n${MARK}%s\\n' "$1"; exit "$2"; }`,
    `set -- ${command.map(quoted).join(' ')}`,
    'if [ -z "${BASCULE_MACHINE-}" ]; then',
    '  BASCULE_MACHINE=/var/lib/bascule',
    '  [ -r /etc/bascule/environment ] || end "not-started /etc/bascule/environment is missing" 1',
    `  id ${quoted(service)} >/dev/null 2>&1 || end ${quoted(`not-started there is no user ${service}`)} 1`,
    `  cd ${quoted(`${home}/${version}`)} || end ${quoted(`not-started there is no folder ${home}/${version}`)} 1`,
    `  HOME=${quoted(home)}`,
    '  set -a; . /etc/bascule/environment; set +a',
    '  PATH="$PWD/node_modules/.bin:/usr/local/bin:$PATH"; export HOME PATH',
    `  set -- runuser -u ${quoted(service)} -- "$@"`,
    'fi',
    ...variables.map(([key, value]) => `${key}=${quoted(value)}; export ${key}`),
    'umask 077',
    `run=$BASCULE_MACHINE/${folderOf(name)}`,
    'mkdir -p "$BASCULE_MACHINE/runs" || end "not-started no folder can be made in $BASCULE_MACHINE" 1',
    'if ! mkdir "$run" 2>/dev/null; then',
    '  [ -d "$run" ] && end begun-before 1',
    '  end "not-started no folder can be made in $BASCULE_MACHINE/runs" 1',
    'fi',
    // In the foreground, and so in the group that the agent kills; with its whole group gone it would live on.
    `limit='timeout --foreground -k ${GRACE_SECONDS} ${timeoutSeconds}'`,
    // What has no such program, or another one, is left to the agent's limit.
    'timeout --foreground 1 true >/dev/null 2>&1 || limit=',
    'began=$(date +%s)',
    '(umask 022; exec $limit "$@") >"$run/output" 2>&1 </dev/null &',
    // Command and group of processes, for the script that ends a run; it may have come before.
    `echo $! $(ps -o pgid= -p $$) >"$run/processes"`,
    '[ -e "$run/ended" ] && kill $!',
    // The shell would tell of a signal there.
    'wait $! 2>/dev/null',
    'code=$?',
    'rm "$run/processes"',
    'took=$(($(date +%s) - began))',
    `tail -c ${SHOWN_BYTES} "$run/output"`,
    'if [ $code != 0 ] && [ -e "$run/ended" ]; then end ended 1; fi',
    `if [ -n "$limit" ] && [ "$took" -ge ${timeoutSeconds} ] && { [ $code = 124 ] || [ $code = 137 ]; }; then`,
    `  printf '\\n${MARK}timed-out\\n'`,
    // What the command started and did not wait for ends with it, and so does this script.
    '  kill -KILL 0',
    'fi',
    `if [ $code = ${REBOOT} ]; then end "exited $code" 1; fi`,
    'end "exited $code" "$code"',
    '',
  ].join('\n');
}

/** The script that ends a run, and keeps it from beginning where it has not. */
export function endingScript({ name }: MachineCommand): string {
  return [
    '#!/bin/sh',
    'set -u',
    `run=\${BASCULE_MACHINE:-/var/lib/bascule}/${folderOf(name)}`,
    'mkdir -p "$run" && : >"$run/ended"',
    '[ -r "$run/processes" ] && read -r command group <"$run/processes" || exit 0',
    // The command alone, so that the run's own script goes on and says what that printed.
    'kill "$command"',
    `for _ in $(seq ${GRACE_SECONDS}); do kill -0 "$command" 2>/dev/null || exit 0; sleep 1; done`,
    'kill -KILL -- "-$group"',
    '',
  ].join('\n');
}

/** What the script begins its last line with. */
const MARK = 'bascule: ';

export type ScriptEnding =
  | { kind: 'exited'; code: number }
  | { kind: 'timed-out' }
  | { kind: 'not-started'; why: string }
  /** Another script of this run was first. */
  | { kind: 'begun-before' }
  /** By the script that ends a run. */
  | { kind: 'ended' };

/** What a script printed, apart from its last line; that is missing where the script was ended before its end. */
export function readScriptOutput(stdout: string): { ending: ScriptEnding | undefined; output: string } {
  const text = stdout.trimEnd();
  const start = text.lastIndexOf('\n') + 1;
  const ending = text.startsWith(MARK, start) ? endingOf(text.slice(start + MARK.length)) : undefined;
  return ending === undefined ? { ending, output: text } : { ending, output: text.slice(0, start).trimEnd() };
}

function endingOf(words: string): ScriptEnding | undefined {
  const [, kind, rest = ''] = /^(\S+)(?: (.*))?$/.exec(words) ?? [];
  if (kind === 'exited' && /^\d+$/.test(rest)) return { kind, code: Number(rest) };
  if (kind === 'not-started') return { kind, why: rest };
  if (kind === 'timed-out' || kind === 'begun-before' || kind === 'ended') return { kind };
  return undefined;
}

/** Of a run, below the folder of all that Bascule keeps on a machine. */
function folderOf(name: string): string {
  return `runs/${digestOf(name)}`;
}

function digestOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}

function quoted(text: string): string {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}
