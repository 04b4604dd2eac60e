import { describe, expect, it } from 'vitest';
import { cookieName, judge, TOKEN_HEADER, type Incoming, type Secrets } from '../../automation/web/guard';

const secrets: Secrets = { port: 4242, key: 'key', cookie: 'cookie', token: 'token' };
const HOST = '127.0.0.1:4242';
const cookie = `theme=dark; ${cookieName(4242)}=cookie`;

function asking(change: Incoming['headers'] = {}, path = '/ask', method = 'POST') {
  const headers = {
    host: HOST,
    origin: `http://${HOST}`,
    cookie,
    [TOKEN_HEADER]: 'token',
    'content-type': 'application/json',
    'sec-fetch-site': 'same-origin',
    ...change,
  };
  const url = new URL(path, 'http://127.0.0.1');
  return judge({ method, path: url.pathname, query: url.searchParams, headers }, secrets);
}

describe('the guard of the page', () => {
  it('lets the page itself ask, by either name of the loopback', () => {
    expect(asking()).toEqual({ kind: 'ask' });
    expect(asking({ host: 'localhost:4242', origin: 'http://localhost:4242' })).toEqual({ kind: 'ask' });
    expect(asking({ 'sec-fetch-site': undefined })).toEqual({ kind: 'ask' });
  });

  it.each<[string, Incoming['headers']]>([
    [
      'another name of the host, as after DNS rebinding',
      { host: 'evil.example:4242', origin: 'http://evil.example:4242' },
    ],
    ['no host', { host: undefined }],
    ['another port', { host: '127.0.0.1:80' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['the other name as its origin', { origin: 'http://localhost:4242' }],
    ['an opaque origin', { origin: 'null' }],
    ['no origin', { origin: undefined }],
    ['another site by its browser’s word', { 'sec-fetch-site': 'cross-site' }],
    ['no cookie', { cookie: undefined }],
    ['the cookie of another page', { cookie: `${cookieName(4243)}=cookie` }],
    ['a guessed cookie', { cookie: `${cookieName(4242)}=guess` }],
    ['an empty cookie', { cookie: `${cookieName(4242)}=` }],
    ['no token', { [TOKEN_HEADER]: undefined }],
    ['a guessed token', { [TOKEN_HEADER]: 'guess' }],
    ['the type of a form', { 'content-type': 'text/plain' }],
  ])('refuses to ask with %s', (_, change) => {
    expect(asking(change).kind).toBe('refused');
  });

  it('changes the key for a cookie, and lets nobody read without one', () => {
    const stranger = { cookie: undefined };
    expect(asking(stranger, '/?key=key', 'GET')).toEqual({ kind: 'welcome' });
    expect(asking({ ...stranger, host: 'evil.example' }, '/?key=key', 'GET').kind).toBe('refused');
    for (const path of ['/', '/events', '/?key=guess', '/?key='])
      expect(asking(stranger, path, 'GET'), path).toMatchObject({ kind: 'refused', status: 403 });
    expect(asking({}, '/', 'GET')).toEqual({ kind: 'page' });
    expect(asking({}, '/events', 'GET')).toEqual({ kind: 'events' });
  });

  it('knows each place by one method', () => {
    expect(asking({}, '/ask', 'GET')).toMatchObject({ status: 405 });
    expect(asking({}, '/events', 'POST')).toMatchObject({ status: 405 });
    expect(asking({}, '/', 'POST')).toMatchObject({ status: 405 });
    expect(asking({}, '/other', 'GET')).toMatchObject({ status: 404 });
  });
});
