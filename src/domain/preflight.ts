/** What AWS would let a new fleet have: measured before anything starts, then judged. Pure. */

/** An answer, or why there is none; what is not known refuses nothing. */
export type Known<T> = { kind: 'known'; value: T } | { kind: 'unknown'; why: string };

export const known = <T>(value: T): Known<T> => ({ kind: 'known', value });
export const unknown = <T>(why: string): Known<T> => ({ kind: 'unknown', why });

/** vCPUs of running On-Demand Instances that share a quota with an instance type. */
export interface VcpuRoom {
  quota: string;
  limit: number;
  running: number;
  /** What one instance of the type takes. */
  each: number;
}

export interface Subnet {
  id: string;
  zone: string;
  /** Addresses that nothing has. */
  free: number;
}

/** What EC2 said to a launch that it was not to carry out. */
export type LaunchAnswer =
  { kind: 'allowed' } | { kind: 'denied'; said: string } | { kind: 'refused'; said: string };

/** What was measured of one region; nothing here is judged. */
export interface PreflightReading {
  region: string;
  /** For each instance type of the configuration, the preferred one first. */
  vcpus: { instanceType: string; room: Known<VcpuRoom> }[];
  /** The subnets that instances may be in. */
  subnets: Known<Subnet[]>;
  /** Targets that AWS allows; null where it names no limit. */
  targets: Known<{ perGroup: number | null; perLoadBalancer: number | null }>;
  /** null where it was not asked for. */
  launch: Known<LaunchAnswer> | null;
  /** The state of each alarm that a check names; null where there is no such alarm. */
  alarms: Known<{ name: string; state: string | null }[]>;
}

/** What a deployment needs of one region. */
export interface PreflightNeed {
  /** Instances of the new fleet when it carries everything. */
  instances: number;
  /** Instances that its group has now; they are kept, or gone before new ones come. */
  present: number;
  /** Instances of the fleet that is live, which stay beside it. */
  live: number;
}

/** Something that AWS will not give, or that forbids to begin. */
export interface Lack {
  code: string;
  message: string;
  next: string;
}

export interface PreflightAssessment {
  lacks: Lack[];
  /** What could not be known, and what a person should know before it starts. */
  notes: string[];
  /** What there is room for, in one line. */
  summary: string;
}

/** Whether there is room for the new fleet in one region. */
export function assessPreflight(reading: PreflightReading, need: PreflightNeed): PreflightAssessment {
  const parts = [
    assessVcpus(reading, need),
    assessAddresses(reading, need),
    assessTargets(reading, need),
    assessLaunch(reading),
    assessAlarms(reading),
  ];
  const said = parts.map((part) => part.fine).filter((text) => text !== undefined);
  return {
    lacks: parts.flatMap((part) => part.lacks ?? []),
    notes: parts.flatMap((part) => part.notes ?? []),
    summary: `${reading.region}: ${moreOf(need)} more instance(s)${said.length === 0 ? '' : `; ${said.join(', ')}`}`,
  };
}

/** What one part came to; `fine` is its share of the summary. */
interface Part {
  lacks?: Lack[];
  notes?: string[];
  fine?: string;
}

const moreOf = ({ instances, present }: PreflightNeed): number => Math.max(0, instances - present);

/**
 * Only running instances count, by the vCPUs of their type (Amazon EC2 user guide, "On-Demand Instance
 * quotas"). A fleet may take any of its types: it lacks room where none of them has it.
 */
function assessVcpus({ region, vcpus }: PreflightReading, need: PreflightNeed): Part {
  const more = moreOf(need);
  const notes = vcpus.flatMap(({ instanceType, room }) =>
    room.kind === 'unknown' ? [`${region}: the vCPU quota of ${instanceType} is not known: ${room.why}`] : [],
  );
  const rooms = vcpus.flatMap(({ instanceType, room }) =>
    room.kind === 'known' ? [{ instanceType, ...room.value }] : [],
  );
  const full = rooms.filter(({ running, each, limit }) => running + more * each > limit);
  const words = full.map(
    ({ instanceType, each, running, limit, quota }) =>
      `${more} more ${instanceType} need ${more * each} vCPUs; ${running} of ${limit} are in use (${quota})`,
  );
  const [first] = rooms;
  if (more === 0 || full.length === 0)
    return first === undefined
      ? { notes }
      : { notes, fine: `${first.running} of ${first.limit} vCPUs in use (${first.quota})` };
  if (full.length < vcpus.length)
    return { notes: [...notes, ...words.map((text) => `${region}: ${text}; another type has room`)] };
  return {
    notes,
    lacks: [
      {
        code: 'BASCULE_QUOTA_VCPU',
        message: `The vCPU quota of ${region} is too small for the new fleet: ${words.join('; ')}.`,
        next: 'Ask AWS for more in Service Quotas, end instances that are not needed, or deploy with fewer or smaller ones.',
      },
    ],
  };
}

function assessAddresses({ region, subnets }: PreflightReading, need: PreflightNeed): Part {
  if (subnets.kind === 'unknown')
    return { notes: [`${region}: the free addresses of the subnets are not known: ${subnets.why}`] };
  const more = moreOf(need);
  const free = subnets.value.reduce((sum, subnet) => sum + subnet.free, 0);
  const list = subnets.value.map(({ id, zone, free }) => `${id} (${zone}): ${free}`).join(', ');
  if (free < more)
    return {
      lacks: [
        {
          code: 'BASCULE_NO_ADDRESSES',
          message: `The subnets of ${region} have too few free addresses: ${more} more instance(s) need ${more}; free are ${free}: ${list}.`,
          next: 'Free addresses (old network interfaces keep theirs), or give the environment larger or more subnets.',
        },
      ],
    };
  const empty = more === 0 ? [] : subnets.value.filter((subnet) => subnet.free === 0);
  return {
    fine: `${free} free address(es)`,
    notes: empty.map(({ id, zone }) => `${region}: ${id} (${zone}) has no free address; the others get all`),
  };
}

function assessTargets({ region, targets }: PreflightReading, need: PreflightNeed): Part {
  if (targets.kind === 'unknown')
    return { notes: [`${region}: the limits of the load balancer are not known: ${targets.why}`] };
  const { perGroup, perLoadBalancer } = targets.value;
  const both = need.instances + need.live;
  const next = 'Ask AWS for more in Service Quotas (Elastic Load Balancing), or deploy with fewer instances.';
  const lacks: Lack[] = [];
  if (perGroup !== null && need.instances > perGroup)
    lacks.push({
      code: 'BASCULE_QUOTA_TARGETS',
      message: `A target group of ${region} takes ${perGroup} target(s) (targets-per-target-group); the new fleet has ${need.instances}.`,
      next,
    });
  if (perLoadBalancer !== null && both > perLoadBalancer)
    lacks.push({
      code: 'BASCULE_QUOTA_TARGETS',
      message: `A load balancer of ${region} takes ${perLoadBalancer} target(s) (targets-per-application-load-balancer); both fleets together have ${both}.`,
      next,
    });
  return { lacks };
}

function assessLaunch({ region, launch }: PreflightReading): Part {
  if (launch === null) return {};
  if (launch.kind === 'unknown')
    return { notes: [`${region}: whether instances may be launched is not known: ${launch.why}`] };
  const { value } = launch;
  switch (value.kind) {
    case 'allowed':
      return { fine: 'launching is allowed' };
    case 'denied':
      return {
        lacks: [
          {
            code: 'BASCULE_LAUNCH_DENIED',
            message: `These credentials may not launch instances in ${region}: ${value.said}`,
            next: 'Allow ec2:RunInstances (and iam:PassRole for the instances’ role) to the role that runs Bascule; Auto Scaling demands both of whoever changes a group.',
          },
        ],
      };
    case 'refused':
      return {
        lacks: [
          {
            code: 'BASCULE_LAUNCH_REFUSED',
            message: `EC2 would not launch an instance of the new fleet in ${region}: ${value.said}`,
            next: 'Mend what EC2 names, then deploy again.',
          },
        ],
      };
  }
}

function assessAlarms({ region, alarms }: PreflightReading): Part {
  if (alarms.kind === 'unknown')
    return { notes: [`${region}: the alarms that checks name are not known: ${alarms.why}`] };
  const names = (wanted: (state: string | null) => boolean): string =>
    alarms.value.flatMap(({ name, state }) => (wanted(state) ? [name] : [])).join(', ');
  const raised = names((state) => state === 'ALARM');
  const missing = names((state) => state === null);
  const lacks: Lack[] = [];
  if (missing !== '')
    lacks.push({
      code: 'BASCULE_ALARM_MISSING',
      message: `There is no alarm ${missing} in ${region}, though a check names it: the analysis would never have an answer.`,
      next: 'Make the alarm, or correct deployment.analysis.checks.',
    });
  if (raised !== '')
    lacks.push({
      code: 'BASCULE_ALARM_RAISED',
      message: `${raised} in ${region} is in ALARM before the deployment has begun: the analysis would turn it back at once.`,
      next: 'Wait until it is over, or take the alarm out of deployment.analysis.checks for this release.',
    });
  return { lacks };
}
