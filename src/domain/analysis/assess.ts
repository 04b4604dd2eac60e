import type { Assessment, Figure, Verdict } from './assessment';
import type { AlarmCheck, CheckRule, HostsCheck } from './check';
import { assessLatency } from './latency';
import type { AlarmsMeasurement, CommandMeasurement, HostsMeasurement, Measurement } from './measurement';
import { assessRate, SOLE_STAGE, type Stages } from './rate';

/** Judges one measurement, with what was found at earlier weights. No answer and no data never pass. */
export function assessCheck(
  check: CheckRule,
  measured: Measurement,
  stages: Stages = SOLE_STAGE,
): Assessment {
  if (measured.kind === 'none') return assessment('error', measured.reason, measured);
  switch (check.kind) {
    case 'error-rate':
    case 'connection-errors':
      return measured.kind === 'rate' ? assessRate(check, measured, stages) : mismatch(check, measured);
    case 'latency':
      return measured.kind === 'latency' ? assessLatency(check, measured) : mismatch(check, measured);
    case 'unhealthy-hosts':
      return measured.kind === 'hosts' ? assessHosts(check, measured) : mismatch(check, measured);
    case 'alarms':
      return measured.kind === 'alarms' ? assessAlarms(check, measured) : mismatch(check, measured);
    case 'command':
      return measured.kind === 'command' ? assessCommand(measured) : mismatch(check, measured);
  }
}

function assessHosts({ limit }: HostsCheck, measured: HostsMeasurement): Assessment {
  const value = measured.unhealthy;
  const figures: Figure[] = [{ name: 'unhealthy hosts', value, limit, unit: 'count' }];
  if (value === null)
    return assessment(
      'inconclusive',
      'the unhealthy hosts of the new colour are not reported',
      measured,
      figures,
    );
  const over = value > limit;
  const reason = `${value} unhealthy host(s) of the new colour, ${over ? 'over' : 'within'} the limit of ${limit}`;
  return assessment(over ? 'fail' : 'pass', reason, measured, figures);
}

function assessAlarms({ names }: AlarmCheck, measured: AlarmsMeasurement): Assessment {
  const found = names.map(
    (name) =>
      measured.alarms.find((alarm) => alarm.name === name) ?? { name, state: 'absent' as const, reason: '' },
  );
  const raised = found.filter(({ state }) => state === 'ALARM');
  const figures: Figure[] = [{ name: 'alarms raised', value: raised.length, limit: 0, unit: 'count' }];
  if (raised.length > 0) {
    const reason = raised.map((alarm) => `alarm ${alarm.name}: ${alarm.reason}`).join('; ');
    return assessment('fail', reason, measured, figures);
  }
  const unknown = found.filter(({ state }) => state !== 'OK');
  if (unknown.length === 0) return assessment('pass', `${found.length} alarm(s) are OK`, measured, figures);
  const reason = unknown.map(({ name, state }) =>
    state === 'absent' ? `there is no alarm ${name}` : `alarm ${name} has insufficient data`,
  );
  return assessment('inconclusive', reason.join('; '), measured, figures);
}

/** Only the three codes that mean something are an answer: a script that crashed has not judged the release. */
function assessCommand(measured: CommandMeasurement): Assessment {
  const { ending, output } = measured;
  const said = output.trim() === '' ? '' : `: ${output.trim()}`;
  switch (ending.kind) {
    case 'exited': {
      const verdicts: Verdict[] = ['pass', 'fail', 'inconclusive'];
      const verdict = verdicts[ending.code] ?? 'error';
      return assessment(verdict, `the command exited with ${ending.code}${said}`, measured);
    }
    case 'killed':
      return assessment('error', `the command was ended by ${ending.signal}${said}`, measured);
    case 'timed-out':
      return assessment('error', `the command did not end in time${said}`, measured);
    case 'not-started':
      return assessment('error', `the command could not be started: ${ending.reason}`, measured);
  }
}

function mismatch(check: CheckRule, measured: Measurement): Assessment {
  return assessment(
    'error',
    `a check of ${check.kind} cannot judge a measurement of ${measured.kind}`,
    measured,
  );
}

function assessment(
  verdict: Verdict,
  reason: string,
  { window }: Measurement,
  figures: Figure[] = [],
): Assessment {
  return { verdict, reason, window, figures };
}
