import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allTo,
  driftOf,
  liveColour,
  receivesTraffic,
  type Route,
  type Weights,
} from '../../src/domain/traffic';

const weights = fc.record({
  blue: fc.integer({ min: 0, max: 999 }),
  green: fc.integer({ min: 0, max: 999 }),
});

function route(id: string, of: Weights, listener: Route['listener'] = 'production'): Route {
  return { id, kind: id === 'default' ? 'default' : 'rule', listener, label: id, weights: of };
}

describe('the live colour', () => {
  it('is what all production routes with weight agree on', () => {
    expect(liveColour([route('default', allTo('blue')), route('a', allTo('blue'))])).toEqual({
      kind: 'live',
      colour: 'blue',
    });
    expect(liveColour([route('default', allTo('blue')), route('a', allTo('green'))])).toEqual({
      kind: 'mixed',
    });
    expect(liveColour([route('default', { blue: 90, green: 10 })])).toEqual({ kind: 'mixed' });
    expect(liveColour([])).toEqual({ kind: 'none' });
    expect(liveColour([route('default', { blue: 0, green: 0 })])).toEqual({ kind: 'none' });
  });

  it('is never told from the test listener', () => {
    expect(liveColour([route('default', allTo('green')), route('test', allTo('blue'), 'test')])).toEqual({
      kind: 'live',
      colour: 'green',
    });
  });

  it('is never a colour that leaves the other some weight', () => {
    fc.assert(
      fc.property(fc.array(weights, { minLength: 1, maxLength: 8 }), (all) => {
        const routes = all.map((one, index) => route(`r${index}`, one));
        const live = liveColour(routes);
        if (live.kind === 'live')
          expect(receivesTraffic(routes, live.colour === 'blue' ? 'green' : 'blue')).toBe(false);
      }),
    );
  });
});

describe('drift', () => {
  const from = [route('default', allTo('blue')), route('a', allTo('blue'))];
  const to = from.map((one) => ({ ...one, weights: allTo('green') }));

  it('accepts every mixture of the weights before and after, as a half-written shift leaves them', () => {
    expect(driftOf([route('default', allTo('green')), route('a', allTo('blue'))], [from, to])).toEqual([]);
  });

  it('shows both states of a changed, a missing and an unknown route', () => {
    const drifts = driftOf([route('default', { blue: 1, green: 2 }), route('b', allTo('blue'))], [from, to]);
    expect(drifts).toEqual([
      { label: 'default', expected: 'blue 100, green 0 or blue 0, green 100', found: 'blue 1, green 2' },
      { label: 'a', expected: 'blue 100, green 0 or blue 0, green 100', found: 'the route is gone' },
      { label: 'b', expected: 'no such route when the deployment was planned', found: 'blue 100, green 0' },
    ]);
  });
});
