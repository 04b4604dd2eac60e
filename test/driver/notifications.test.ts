/** What people are told of deployments: at least once, in order, and never at the deployment's expense. */
import { describe, expect, it } from 'vitest';
import type { Post } from '../../automation/operations/courier';
import { deploy } from '../../automation/operations/deploy';
import { notify } from '../../automation/operations/notify';
import { abort, resume } from '../../automation/operations/resume';
import { rollback } from '../../automation/operations/rollback';
import type { Commits } from '../../src/ports';
import { deploymentOf, livePlace, whenSaid } from '../support/deployments';
import { DeadlyJournal } from '../support/kill-switch';
import { FakeChannel, MemoryDeliveries, never, postOf } from '../support/post';
import { sessionOf, TESTER, type TestSession } from '../support/session';
import { must } from '../support/until';

const TO_TWO = { version: '2.0.0', force: false };
const DAY = 24 * 3600_000;

class Scene {
  private readonly place = livePlace();
  readonly world = this.place.world;
  readonly journal = this.place.journal;
  readonly leases = this.place.leases;
  readonly mail = new FakeChannel('mail');
  readonly chat = new FakeChannel('chat', ['succeeded', 'failed']);
  readonly deliveries = new MemoryDeliveries();

  post(): Post {
    return postOf([this.mail, this.chat], this.deliveries);
  }

  session(
    post: Post | null = this.post(),
    journal = this.journal as ConstructorParameters<typeof DeadlyJournal>[0],
  ): TestSession {
    return { ...sessionOf(this.world, journal, this.leases), post };
  }

  /** What a deployment came to, and how long its courier kept it after its last record. */
  async deployed(session = this.session()) {
    const clock = session.post?.clock;
    let closedAt = NaN;
    whenSaid(
      session,
      ({ kind }) => kind === 'closed',
      () => (closedAt = clock?.now() ?? 0),
    );
    const result = await deploymentOf(session);
    return { result, waited: (clock?.now() ?? 0) - closedAt, session };
  }
}

const notesOf = ({ messages }: TestSession): string[] =>
  messages.flatMap((message) => (message.kind === 'note' ? [message.text] : []));

describe('the courier of a deployment', () => {
  it('tells each channel what it wants to know, in order, and marks it', async () => {
    const scene = new Scene();
    const { result } = await scene.deployed();
    expect(result.outcome).toBe('succeeded');
    expect(scene.mail.told).toEqual(['opened', 'succeeded']);
    expect(scene.chat.told).toEqual(['succeeded']);
    const last = result.records.length - 1;
    expect(scene.mail.ids).toEqual([`${result.deployment}/0`, `${result.deployment}/${last}`]);
    expect([...(scene.deliveries.marks.get(result.deployment) ?? [])].sort()).toEqual(
      [`0-mail`, `${last}-mail`, `${last}-chat`, 'complete'].sort(),
    );
  });

  it.each([
    ['refuses everything', () => Promise.reject(new Error('451 try later'))],
    ['never answers, and heeds no signal', never],
    [
      'answers only when it is told to stop',
      (_: unknown, signal: AbortSignal) =>
        new Promise<void>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('stopped'))),
        ),
    ],
  ])('is nobody’s burden where a channel %s', async (_, carries) => {
    const scene = new Scene();
    scene.mail.carries = carries;
    const { result, waited, session } = await scene.deployed();
    expect(result.outcome).toBe('succeeded');
    expect(waited).toBeLessThanOrEqual(10_000);
    expect(scene.chat.told).toEqual(['succeeded']);
    expect(notesOf(session).at(-1)).toContain('not delivered yet: opened to mail, succeeded to mail');
    expect(notesOf(session).at(-1)).toContain('`bascule notify test`');
  });

  it('says once why a channel fails, and tries it again', async () => {
    const scene = new Scene();
    let failures = 2;
    scene.mail.carries = () => {
      if (failures-- > 0) throw new Error('451 try later');
    };
    const { session } = await scene.deployed();
    expect(scene.mail.told).toEqual(['opened', 'succeeded']);
    expect(notesOf(session).filter((text) => text.includes('451 try later'))).toHaveLength(1);
  });

  it('lets a deployment that fails fail as it would', async () => {
    const scene = new Scene();
    scene.world.at().behaviours.set('2.0.0', 'sick');
    const { result } = await scene.deployed();
    expect(result.outcome).toBe('failed');
    expect(scene.mail.told).toEqual(['opened', 'failed']);
    expect(scene.mail.got.at(-1)?.lines.join(' ')).toContain('no traffic was moved');
  });

  it('lets a deployment succeed whose messages cannot even be made', async () => {
    const scene = new Scene();
    Object.defineProperty(scene.mail, 'events', {
      get: () => {
        throw new Error('broken');
      },
    });
    const { result, session } = await scene.deployed();
    expect(result.outcome).toBe('succeeded');
    expect(notesOf(session)).toContain('a notification cannot be made: broken');
  });

  it('ends within ten seconds where the store of the marks never answers', async () => {
    const scene = new Scene();
    scene.deliveries.since = () => new Promise(() => undefined);
    const { result, waited } = await scene.deployed();
    expect(result.outcome).toBe('succeeded');
    expect(waited).toBeLessThanOrEqual(10_000);
  });
});

describe('what was not delivered', () => {
  it('is delivered by the next deployment, before its own', async () => {
    const scene = new Scene();
    scene.mail.carries = never;
    const first = await scene.deployed();
    scene.mail.carries = () => undefined;
    await rollback(scene.session());
    expect(scene.mail.told).toEqual(['opened', 'succeeded', 'opened', 'succeeded']);
    expect(scene.mail.ids[0]).toBe(`${first.result.deployment}/0`);
    expect(scene.chat.told).toEqual(['succeeded', 'succeeded']);
  });

  it('is delivered by `bascule notify`, once', async () => {
    const scene = new Scene();
    scene.mail.carries = never;
    await scene.deployed();
    scene.mail.carries = () => undefined;
    const { delivered, failed } = await notify(scene.session(), scene.post());
    expect(failed).toEqual([]);
    expect(delivered.map(({ notification, channel }) => `${notification.event} ${channel.name}`)).toEqual([
      'opened mail',
      'succeeded mail',
    ]);
    expect((await notify(scene.session(), scene.post())).delivered).toEqual([]);
    expect(scene.mail.told).toEqual(['opened', 'succeeded']);
  });

  it('is told with its reason where it cannot be delivered now either', async () => {
    const scene = new Scene();
    scene.mail.carries = () => Promise.reject(new Error('451 try later'));
    await scene.deployed();
    const before = scene.mail.asked;
    const { delivered, failed } = await notify(scene.session(), scene.post());
    expect(delivered).toEqual([]);
    expect(failed.map(({ reason }) => reason)).toEqual(['451 try later', '451 try later']);
    expect(scene.mail.asked - before).toBe(6);
  });

  it('is sent again, as the same one, where a kill came between sending and marking', async () => {
    const scene = new Scene();
    scene.deliveries.beforeMark = never;
    const { result } = await scene.deployed();
    const sent = [...scene.mail.ids];
    expect(sent).toEqual([`${result.deployment}/0`]);
    scene.deliveries.beforeMark = () => undefined;
    await notify(scene.session(), scene.post());
    expect(scene.mail.ids.slice(1)[0]).toBe(sent[0]);
    expect(scene.mail.told).toEqual(['opened', 'opened', 'succeeded']);
  });

  it('is delivered by who goes on after a kill at any record, and nothing that was marked comes again', async () => {
    const whole = new Scene();
    const { result } = await whole.deployed();
    for (const moment of ['before', 'after'] as const)
      for (let at = 2; at <= result.records.length; at += 3) {
        const scene = new Scene();
        await deploy(scene.session(scene.post(), new DeadlyJournal(scene.journal, at, moment)), TO_TWO).catch(
          () => undefined,
        );
        expect(scene.mail.told[0]).toBe('opened');
        const closed = moment === 'after' && at === result.records.length;
        if (closed) await notify(scene.session(), scene.post());
        else await resume(scene.session());
        expect(scene.mail.told).toEqual(['opened', 'succeeded']);
        expect(scene.chat.told).toEqual(['succeeded']);
      }
  });

  it('tells of the way back too', async () => {
    const scene = new Scene();
    const dies = new DeadlyJournal(scene.journal, 12, 'before');
    await deploy(scene.session(scene.post(), dies), TO_TWO).catch(() => undefined);
    await abort(scene.session());
    expect(scene.mail.told).toEqual(['opened', 'failed']);
  });

  it('is not owed to channels that were configured later, nor to those that are gone', async () => {
    const scene = new Scene();
    await scene.deployed(scene.session(null));
    await notify(scene.session(), scene.post());
    expect(scene.mail.told).toEqual([]);
    scene.mail.carries = never;
    await rollback(scene.session());
    const { delivered, failed } = await notify(scene.session(), postOf([scene.chat], scene.deliveries));
    expect([delivered, failed]).toEqual([[], []]);
  });

  it('is given up after a week', async () => {
    const scene = new Scene();
    scene.mail.carries = never;
    await scene.deployed();
    scene.mail.carries = () => undefined;
    await scene.world.clock.wait(8 * DAY);
    expect((await notify(scene.session(), scene.post())).delivered).toEqual([]);
    expect(scene.mail.told).toEqual([]);
  });

  it('is left to the driver that is at work', async () => {
    const scene = new Scene();
    let during: ReturnType<typeof notify> | undefined;
    scene.world.beforeApply = () => {
      during ??= notify(scene.session(), scene.post());
    };
    const { result } = await scene.deployed();
    expect((await during)?.underWay).toBe(result.deployment);
    expect(scene.mail.told).toEqual(['opened', 'succeeded']);
  });
});

describe('the commits in between', () => {
  const revisions: Record<string, string> = { '1.0.0': 'a'.repeat(40), '2.0.0': `${'b'.repeat(40)}-changed` };

  /** What git was asked, and what was told of its answer. */
  async function told(answer: Awaited<ReturnType<Commits['between']>>) {
    const scene = new Scene();
    const { find } = scene.world.images;
    scene.world.images.find = async (region, service, version) => {
      const image = must(await find(region, service, version));
      return { ...image, tags: { ...image.tags, 'bascule:revision': revisions[version] ?? '' } };
    };
    const asked: string[] = [];
    const commits: Commits = {
      between: (from, to) => {
        asked.push(`${from[0] ?? ''}..${to[0] ?? ''}`);
        return Promise.resolve(answer);
      },
    };
    await deploy(scene.session(), { ...TO_TWO, commits });
    return { asked, notes: must(scene.mail.got[0]).change.notes };
  }

  it('stand in what is told, with their number', async () => {
    const commit = { id: 'b', author: 'Grace', subject: 'Round prices' };
    const { asked, notes } = await told({ commits: [commit], count: 70 });
    expect(asked).toEqual(['a..b']);
    expect(notes).toMatchObject({ commits: [commit], commitCount: 70 });
  });

  it('are left out where git does not know them', async () => {
    const { notes } = await told(null);
    expect(notes).toEqual({ revisions: { from: revisions['1.0.0'], to: revisions['2.0.0'] } });
  });
});

describe('an approval', () => {
  const approvers = ['arn:aws:iam::123456789012:role/approvers'];
  const rule = {
    name: 'release',
    before: 'shift' as const,
    count: 1,
    approvers,
    notRequester: true,
    expiresAfterSeconds: 3600,
    timeoutSeconds: 3600,
  };

  it('is asked for with all that a person needs to give it, and told when it is given', async () => {
    const scene = new Scene();
    const session = {
      ...sessionOf(scene.world, scene.journal, scene.leases, { approvals: [rule] }),
      post: scene.post(),
    };
    scene.mail.carries = ({ event, deployment, change }) => {
      if (event !== 'approval-needed') return;
      scene.world.approvals.put(deployment, 'release', {
        format: 1,
        decision: 'approve',
        comment: 'CHG-1',
        planHash: change.planHash ?? '',
        arn: 'arn:aws:sts::123456789012:assumed-role/approvers/grace',
        userId: 'AROAAPPROVERS:grace',
        account: '123456789012',
        at: scene.world.clock.now(),
      });
    };
    const result = await deploy(session, { ...TO_TWO, message: 'Round prices' });
    expect(result).toMatchObject({ kind: 'deployed', outcome: 'succeeded' });
    expect(scene.mail.told).toEqual(['opened', 'approval-needed', 'approved', 'succeeded']);
    const { change } = must(scene.mail.got[1]);
    expect(change).toMatchObject({
      from: '1.0.0',
      to: '2.0.0',
      by: TESTER.arn,
      notes: { message: 'Round prices' },
    });
    expect(change.passed.join('\n')).toContain('[eu-west-3]');
    const [waiting] = change.waiting;
    expect(waiting?.approve).toContain(`--step release --plan ${change.planHash ?? 'none'}`);
    expect(must(scene.mail.got[2]).lines.join(' ')).toContain('approvers/grace: CHG-1');
  });
});
