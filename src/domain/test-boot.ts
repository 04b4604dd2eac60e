/** The test of an image at its first boot: what the instance runs for it, and what its console says. Pure. */
import { quotedForShell } from './shell';

/** What is asked of the application on an instance of a new image. */
export interface TestBoot {
  /** Has to answer with 2xx. */
  path: string;
  /** How long it may take to, from the start of the application. */
  timeoutSeconds: number;
}

const BEGIN = '#bascule:test-boot begin';
const END = '#bascule:test-boot end';

/** Before each line of the verdict and of what the application printed, on the console. */
const VERDICT = 'bascule-test-boot: ';
const SAID = 'bascule-test-boot| ';

/** So often may systemd start the application again before it counts as one that crashes. */
const MOST_RESTARTS = 3;
/** How much longer than its test an instance may live that nobody ends. */
const SPARE_MINUTES = 20;
const LINES_TOLD = 40;

/**
 * What a test's user data begins with. The machine ends by itself, so that none is left when whoever launched it
 * was killed; and a step that fails before the application starts is told on the console.
 */
export function testBootStart({ timeoutSeconds }: TestBoot): string[] {
  return [
    `shutdown -h +${Math.ceil(timeoutSeconds / 60) + SPARE_MINUTES} >/dev/null 2>&1 || true`,
    `trap 'code=$?; [ "$code" -eq 0 ] || printf "\\n${VERDICT}failed the boot script ended with exit code %s\\n" "$code" >> /dev/console' EXIT`,
  ];
}

/**
 * Shell lines that ask the application until it answers or its time is over, and write the verdict to the console,
 * or to the file that BASCULE_CONSOLE names. Whoever ends the application before that ends them by SIGTERM.
 */
export function testBootPart(
  { service, port }: { service: string; port: number },
  { path, timeoutSeconds }: TestBoot,
): string[] {
  return [
    BEGIN,
    '(',
    '  set +eu',
    '  console="${BASCULE_CONSOLE:-/dev/console}"',
    `  url="http://127.0.0.1:\${PORT:-${port}}"${quotedForShell(path)}`,
    `  end=$(( $(date +%s) + ${timeoutSeconds} ))`,
    `  tell() { printf '\\n${VERDICT}%s\\n' "$1" >> "$console"; }`,
    '  fail() {',
    "    trap '' TERM",
    '    if [ -z "${BASCULE_CONSOLE:-}" ]; then',
    `      journalctl -u ${service}.service -n ${LINES_TOLD} -o cat --no-pager 2>/dev/null | sed 's/^/${SAID}/' >> "$console"`,
    '    fi',
    '    tell "failed $1"',
    '    exit 0',
    '  }',
    `  trap 'fail "the application ended before $url answered with 2xx"' TERM`,
    '  command -v curl >/dev/null || fail "curl is not installed"',
    '  while :; do',
    `    code=$(curl -s -o /dev/null --noproxy '*' -m 5 -w '%{http_code}' "$url")`,
    '    case "$code" in',
    '      2[0-9][0-9]) tell "passed $url answered with $code"; exit 0 ;;',
    "      000|'') seen='does not answer' ;;",
    '      *) seen="answers with $code" ;;',
    '    esac',
    `    restarts=$(systemctl show -p NRestarts --value ${service}.service 2>/dev/null | tr -cd 0-9)`,
    `    [ "\${restarts:-0}" -lt ${MOST_RESTARTS} ] || fail "the application ended $restarts times, and $url $seen"`,
    `    [ "$(date +%s)" -lt "$end" ] || fail "$url $seen after ${timeoutSeconds} s"`,
    '    sleep 1',
    '  done',
    ')',
    END,
  ];
}

/** The lines of user data that are a test of the image; undefined where there are none. */
export function testBootIn(userData: string | null): string | undefined {
  const lines = (userData ?? '').split('\n');
  const begin = lines.indexOf(BEGIN);
  const end = lines.indexOf(END, begin);
  return begin < 0 || end < 0 ? undefined : lines.slice(begin, end + 1).join('\n');
}

/** How a console says that the test failed. */
export function failedVerdict(why: string): string {
  return `\n${VERDICT}failed ${why}\n`;
}

export type ConsoleVerdict =
  | { kind: 'passed' }
  | { kind: 'failed'; why: string; lines: string[] }
  /** Nothing yet. */
  | { kind: 'open' };

/** What an instance's console says of the test. */
export function judgeConsole(text: string): ConsoleVerdict {
  const lines = linesOf(text);
  const at = lines.findIndex((line) => line.includes(VERDICT));
  // The kernel may write to the console in the same instant, and so to the same line.
  const said = /(passed|failed) ?(.*)$/.exec(lines[at]?.split(VERDICT)[1] ?? '');
  if (said === null) return { kind: 'open' };
  if (said[1] === 'passed') return { kind: 'passed' };
  return { kind: 'failed', why: said[2] ?? '', lines: told(lines.slice(0, at)) };
}

/** The end of what was on the console, for a test without a verdict. */
export function consoleEnd(text: string): string[] {
  return told(linesOf(text));
}

/** What the application printed, where the machine could tell it apart; else the end of it all. */
function told(lines: readonly string[]): string[] {
  const own = lines.flatMap((line) => (line.startsWith(SAID) ? [line.slice(SAID.length)] : []));
  return (own.length > 0 ? own : lines).slice(-LINES_TOLD);
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
}
