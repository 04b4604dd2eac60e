import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { userDataOf, type Boot } from '../../src/domain/user-data';

const BOOT: Boot = {
  service: 'shop',
  environment: 'production',
  colour: 'blue',
  version: '1.0.0',
  region: 'eu-west-3',
  port: 8080,
  variables: { GREETING: 'it\'s "5 $" `x` \\ o\'clock', TWO_LINES: 'a\nBASCULE_END\nb' },
};
const BUNDLE = { address: "s3://acme/it's/1.0.0.tar.gz", sha256: 'c'.repeat(64) };

/** What `cat > path <<'END'` in the script would write, as the shell reads it. */
function fileIn(script: string, path: string): string {
  const start = script.split('\n').findIndex((line) => line.startsWith(`cat > ${path} <<`));
  if (start < 0) throw new Error(`the script does not write ${path}`);
  const rest = script.split('\n').slice(start).join('\n').replace(`cat > ${path}`, 'cat');
  return execFileSync('/bin/sh', ['-c', `set -eu\n${rest.split('\n').slice(0, endOf(rest)).join('\n')}`], {
    encoding: 'utf8',
  });
}

function endOf(here: string): number {
  const lines = here.split('\n');
  const mark = /<<'(\w+)'/.exec(lines[0] ?? '')?.[1];
  return lines.indexOf(mark ?? '', 1) + 1;
}

describe('user data', () => {
  it('says the variables to machines on its second line', () => {
    const [first, second] = userDataOf(BOOT).split('\n');
    expect(first).toBe('#!/bin/sh');
    expect(second?.startsWith('#bascule:environment {')).toBe(true);
    expect(JSON.parse(second?.slice('#bascule:environment '.length) ?? '')).toEqual(BOOT.variables);
  });

  it.each([
    ['an image that starts by itself', BOOT],
    ['a bundle', { ...BOOT, bundle: BUNDLE }],
    ['a test of the image', { ...BOOT, testBoot: { path: '/health', timeoutSeconds: 60 } }],
    ['a script of its own', { ...BOOT, script: '#!/usr/bin/env python3\nprint("hello")', bundle: BUNDLE }],
  ])('is a script that a shell can read, for %s', (_what, boot) => {
    execFileSync('/bin/sh', ['-n'], { input: userDataOf(boot) });
  });

  it('writes variables as systemd reads them, whatever is in them', () => {
    const file = fileIn(userDataOf(BOOT), '/etc/bascule/environment');
    expect(file).toContain('GREETING="it\'s \\"5 \\$\\" \\`x\\` \\\\ o\'clock"\n');
    expect(file).toContain('TWO_LINES="a\nBASCULE_END\nb"\n');
    expect(file).toContain('PORT="8080"\n');
    expect(file).toContain('BASCULE_COLOUR="blue"\n');
  });

  it('does not let the variables of the environment take the place of its own', () => {
    const file = fileIn(
      userDataOf({ ...BOOT, variables: { PORT: '1', BASCULE_COLOUR: 'red' } }),
      '/etc/bascule/environment',
    );
    expect(file.match(/^PORT=.*/gm)).toEqual(['PORT="8080"']);
    expect(file.match(/^BASCULE_COLOUR=.*/gm)).toEqual(['BASCULE_COLOUR="blue"']);
  });

  it('checks the bundle before it unpacks it, and starts it as a user of its own', () => {
    const script = userDataOf({ ...BOOT, bundle: BUNDLE });
    const order = ['aws s3 cp', 'sha256sum -c', 'tar -xzf', 'systemctl enable --now shop.service'].map(
      (text) => script.indexOf(text),
    );
    expect(order.every((at) => at > 0)).toBe(true);
    expect([...order].sort((a, b) => a - b)).toEqual(order);
    const unit = fileIn(script, '/etc/systemd/system/shop.service');
    expect(unit).toContain('User=shop\n');
    expect(unit).not.toContain('AmbientCapabilities');
    expect(
      fileIn(userDataOf({ ...BOOT, port: 80, bundle: BUNDLE }), '/etc/systemd/system/shop.service'),
    ).toContain('AmbientCapabilities=CAP_NET_BIND_SERVICE');
  });

  it('starts the service that is on the image, where there is one, after its environment is written', () => {
    const script = userDataOf(BOOT);
    const start = script.slice(script.indexOf('if systemctl'));
    expect(script.indexOf('BASCULE_INSTANCE_ID=')).toBeLessThan(script.indexOf(start));
    const startedBy = (exists: boolean): string => {
      const program = `set -eu; systemctl() { case $1 in cat) ${exists} ;; *) echo "$@" ;; esac; }\n${start}`;
      return execFileSync('/bin/sh', ['-c', program], { encoding: 'utf8' });
    };
    expect(startedBy(true)).toBe('enable --now shop.service\n');
    expect(startedBy(false)).toBe('');
    expect(userDataOf({ ...BOOT, bundle: BUNDLE })).not.toContain('systemctl cat');
  });

  it("runs the environment's own script by its own interpreter, before the application starts", () => {
    const script = userDataOf({ ...BOOT, script: '#!/usr/bin/env python3\nprint("hello")', bundle: BUNDLE });
    expect(fileIn(script, '/var/lib/bascule/first-boot')).toBe('#!/usr/bin/env python3\nprint("hello")\n');
    expect(script.indexOf('\n/var/lib/bascule/first-boot\n')).toBeLessThan(
      script.indexOf('systemctl enable'),
    );
  });
});
