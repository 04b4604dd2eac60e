/** What goes wrong with which AWS call, from a seed: the same for the same call, in whatever order calls arrive. */
import { PASS, throttling, type AwsCall, type Fault } from './aws-proxy';

/** A number from 0 up to 1 for a text: FNV-1a, then the finish of MurmurHash3 to spread it. */
function chance(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Calls of one service that a burst of throttling takes in one piece. */
const BURST = 6;

export class Weather {
  private readonly occurrences = new Map<string, number>();
  private readonly fates = new Map<AwsCall, number>();
  private arrived = 0;
  /** What was done to which call, in the order it was done. */
  readonly told: string[] = [];

  /** How many of the calls go wrong. */
  readonly rate: number;
  /** How many of the bursts' places have one. */
  readonly bursts: number;
  /** The call from which on the credentials have expired; in most weathers they never do. */
  readonly expiry: number;

  constructor(private readonly seed: number) {
    this.rate = 0.02 + 0.15 * this.draw('rate') ** 2;
    this.bursts = this.draw('bursts') < 0.4 ? 0.06 : 0;
    this.expiry = this.draw('expiry') < 0.3 ? 5 + Math.floor(this.draw('expiry at') * 250) : Infinity;
  }

  draw(what: string): number {
    return chance(`${this.seed} ${what}`);
  }

  describe(): string {
    const expiry = this.expiry === Infinity ? '' : `, credentials expire at call ${this.expiry}`;
    const bursts = this.bursts === 0 ? '' : ', bursts of throttling';
    return `${Math.round(this.rate * 100)} % of the calls go wrong${bursts}${expiry}`;
  }

  before = (call: AwsCall): Fault => {
    if ((this.arrived += 1) > this.expiry) return this.tell(call, expired(call));
    const nth = this.count(call.service);
    if (this.draw(`burst ${call.service} ${Math.floor(nth / BURST)}`) < this.bursts)
      return this.tell(call, throttling(call));
    const name = `${call.label} ${this.count(call.label)}`;
    const fate = this.draw(`call ${name}`) / this.rate;
    this.fates.set(call, fate);
    if (fate >= 1) return PASS;
    if (fate < 0.2) return this.tell(call, throttling(call));
    if (fate < 0.35) return this.tell(call, { kind: 'answer', status: 503, code: 'ServiceUnavailable' });
    if (fate < 0.55) return this.tell(call, { kind: 'reset-before' });
    if (fate < 0.75) return this.tell(call, { kind: 'reset-after' });
    if (fate >= 0.85) return PASS;
    return this.tell(call, { kind: 'delay', milliseconds: 20 + 1_500 * this.draw(`delay ${name}`) });
  };

  /** The effect is there, and the answer says that it is not. */
  after = (call: AwsCall): Fault => {
    const fate = this.fates.get(call) ?? Infinity;
    if (fate < 0.85 || fate >= 1) return PASS;
    return this.tell(call, { kind: 'answer', status: 500, code: 'InternalFailure' });
  };

  private count(name: string): number {
    const nth = this.occurrences.get(name) ?? 0;
    this.occurrences.set(name, nth + 1);
    return nth;
  }

  private tell(call: AwsCall, fault: Fault): Fault {
    this.told.push(`${fault.kind}${'code' in fault ? ` ${fault.code}` : ''}: ${call.label}`);
    return fault;
  }
}

function expired(call: AwsCall): Fault {
  return { kind: 'answer', status: call.service === 's3' ? 400 : 403, code: 'ExpiredToken' };
}
