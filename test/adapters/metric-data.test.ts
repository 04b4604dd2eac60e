/** What the sandbox's CloudWatch never does: pages in the middle of a series, and answers that are not whole. */
import type { CloudWatchClient, GetMetricDataCommandOutput } from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from 'vitest';
import { MetricData, type Series } from '../../src/adapters/metric-data';
import { MINUTE, reachOf } from '../../src/adapters/metric-measurements';

const requests: Series = { colour: 'blue', metric: 'RequestCount', statistic: 'Sum', seconds: 60 };
const errors: Series = { ...requests, metric: 'HTTPCode_Target_5XX_Count' };

interface Asked {
  MetricDataQueries: { Id: string }[];
  NextToken?: string;
}

/** Answers the calls with these pages in turn, and keeps what was asked. */
function reader(...pages: Partial<GetMetricDataCommandOutput>[]) {
  const asked: Asked[] = [];
  const send = ({ input }: { input: Asked }) => {
    asked.push(input);
    return Promise.resolve(pages[asked.length - 1] ?? {});
  };
  const arn = (name: string) => `arn:aws:elasticloadbalancing:eu-west-3:1:targetgroup/${name}/1`;
  const data = new MetricData(
    { send } as unknown as CloudWatchClient,
    'arn:aws:elasticloadbalancing:eu-west-3:1:loadbalancer/app/shop/1',
    { blue: arn('shop-blue'), green: arn('shop-green') },
  );
  return { data, asked };
}

const window = { from: 0, to: 5 * MINUTE };
const page = (Id: string, minutes: number[], StatusCode: 'Complete' | 'PartialData' | 'InternalError') => ({
  Id,
  Timestamps: minutes.map((minute) => new Date(minute * MINUTE)),
  Values: minutes.map((minute) => minute * 10),
  StatusCode,
});

describe('MetricData', () => {
  it('puts the pages of a series together, and asks once for what is named twice', async () => {
    const { data, asked } = reader(
      { MetricDataResults: [page('m0', [0, 1], 'PartialData')], NextToken: 'more' },
      { MetricDataResults: [page('m0', [2], 'Complete'), page('m1', [], 'Complete')] },
    );
    const reading = await data.read([requests, errors, { ...requests }], window);
    expect([...reading(requests)]).toEqual([
      [0, 0],
      [MINUTE, 10],
      [2 * MINUTE, 20],
    ]);
    expect(reading(errors).size).toBe(0);
    expect(asked.map(({ NextToken }) => NextToken)).toEqual([undefined, 'more']);
    expect(asked[0]?.MetricDataQueries.map(({ Id }) => Id)).toEqual(['m0', 'm1']);
  });

  it.each([
    ['broke off', [page('m0', [0], 'PartialData')], /PartialData for the metric RequestCount/],
    ['failed', [page('m0', [0], 'InternalError')], /InternalError for the metric RequestCount/],
    ['is missing', [], /nothing for the metric RequestCount/],
  ])('takes a series that %s for no answer', async (_what, MetricDataResults, message) => {
    const { data } = reader({ MetricDataResults });
    await expect(data.read([requests], window)).rejects.toThrow(message);
  });

  it('asks for no more than 500 series at once', async () => {
    const all = Array.from({ length: 501 }, (_, index): Series => ({
      ...requests,
      statistic: `p${index / 10}`,
    }));
    const answer = (from: number, to: number) => ({
      MetricDataResults: all.slice(from, to).map((_, index) => page(`m${from + index}`, [1], 'Complete')),
    });
    const { data, asked } = reader(answer(0, 500), answer(500, 501));
    const reading = await data.read(all, window);
    expect(asked.map(({ MetricDataQueries }) => MetricDataQueries.length)).toEqual([500, 1]);
    expect(all.every((one) => reading(one).get(MINUTE) === 10)).toBe(true);
  });
});

describe('reachOf', () => {
  const minutes = (...numbers: number[]) => numbers.map((number) => number * MINUTE);
  const span = (to: number, period = MINUTE) => ({ from: 0, to: to * MINUTE, period });

  it('ends with the last period that was reported, or with the look', () => {
    expect(reachOf(minutes(1, 0, 2), span(5))).toBe(3 * MINUTE);
    expect(reachOf(minutes(0, 1, 2), span(2.5))).toBe(2.5 * MINUTE);
    expect(reachOf([], span(5))).toBe(0);
  });

  it('waits for a minute that may still come, at the beginning as well, and not for one that is lost', () => {
    expect(reachOf(minutes(0, 2, 3), span(4.5))).toBe(MINUTE);
    expect(reachOf(minutes(1, 2, 3), span(4.5))).toBe(0);
    expect(reachOf(minutes(0, 2, 3, 4, 5, 6), span(7))).toBe(7 * MINUTE);
  });

  it('minds no second that metrics of seconds left out', () => {
    expect(reachOf([0, 1000, 3000], span(1, 1000))).toBe(4000);
  });
});
