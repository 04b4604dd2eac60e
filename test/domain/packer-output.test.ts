import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advance,
  failureOf,
  PACKER_BEGINS,
  type PackerCourse,
  type PackerNews,
} from '../../src/domain/packer-course';
import { imageInArtifact, parsePackerLine } from '../../src/domain/packer-output';

/** What Packer 1.6.6 said in the sandbox, with paths of nobody's machine. */
function recorded(name: string): string[] {
  const file = path.resolve(__dirname, '../golden/packer', `${name}.log`);
  return readFileSync(file, 'utf8').split('\n');
}

function follow(lines: readonly string[]): { course: PackerCourse; news: PackerNews[] } {
  let course = PACKER_BEGINS;
  const news: PackerNews[] = [];
  for (const line of lines) {
    const next = advance(course, parsePackerLine(line));
    course = next.course;
    news.push(...next.news);
  }
  return { course, news };
}

/** Lines of Packer's, as Ansible's output comes in them. */
function ansible(...lines: string[]): string[] {
  return lines.map(
    (line) => `1,,ui,message,    amazon-ebs.image: ${line.replaceAll(',', '%!(PACKER_COMMA)')}`,
  );
}

describe('a line of Packer', () => {
  it('is taken apart, with its commas and line ends', () => {
    expect(parsePackerLine('1,,ui,say,==> amazon-ebs.image: No volumes%!(PACKER_COMMA) skipping')).toEqual({
      kind: 'say',
      text: 'No volumes, skipping',
    });
    expect(parsePackerLine('1,,ui,error,    amazon-ebs.image: one\\n    amazon-ebs.image: two')).toEqual({
      kind: 'error',
      text: 'one\ntwo',
    });
    expect(parsePackerLine('1,amazon-ebs.image,artifact,0,id,eu-west-3:ami-1')).toEqual({
      kind: 'artifact-id',
      id: 'eu-west-3:ami-1',
    });
    expect(parsePackerLine('1,amazon-ebs.image,error,no%!(PACKER_COMMA) never')).toEqual({
      kind: 'build-error',
      text: 'no, never',
    });
    expect(parsePackerLine('\u001b[1;32mcoloured\u001b[0m, by somebody else')).toEqual({
      kind: 'message',
      text: 'coloured, by somebody else',
    });
  });

  it('may be anything at all', () => {
    fc.assert(fc.property(fc.string(), (line) => void advance(PACKER_BEGINS, parsePackerLine(line))));
  });

  it('names the image of each region', () => {
    const id = 'eu-west-3:ami-1,us-east-1:ami-2';
    expect(imageInArtifact(id, 'us-east-1')).toBe('ami-2');
    expect(imageInArtifact(id, 'ap-south-1')).toBeUndefined();
  });
});

describe('the course of a build', () => {
  it('is told in steps, with each task of the playbook', () => {
    const { course, news } = follow(recorded('baked'));
    const steps = news.flatMap((one) => (one.kind === 'step' ? [one.title] : []));
    const tasks = steps.filter((step) => step.startsWith('Ansible: '));
    expect(steps.filter((step) => !tasks.includes(step))).toEqual([
      'start build instance',
      'wait for SSH',
      'Ansible',
      'stop build instance',
      'make image',
      'remove build instance',
    ]);
    expect(tasks[0]).toBe('Ansible: Gathering Facts (task 1)');
    expect(tasks.at(-1)).toBe(`Ansible: hardening : Finish the system (task ${tasks.length})`);
    expect(news).toContainEqual({
      kind: 'done',
      note: 'ok=12 changed=8 unreachable=0 failed=0',
      failed: false,
    });
    expect(imageInArtifact(course.artifact ?? '', 'eu-west-3')).toBe('ami-06a2ff9444d542ed8');
  });

  it('names what has to be tagged from outside', () => {
    const made = follow([
      ...recorded('baked'),
      '1,,ui,say,==> amazon-ebs.image: Creating temporary keypair: packer_1',
    ]).news.filter(({ kind }) => kind === 'made');
    expect(made).toEqual([
      { kind: 'made', what: 'security-group', name: expect.stringMatching(/^packer_[0-9a-f-]+$/) },
      { kind: 'made', what: 'image', name: 'ami-56897291b6adbb008' },
      { kind: 'made', what: 'key-pair', name: 'packer_1' },
    ]);
  });
});

describe('a build that failed', () => {
  it('names task, host and message, and neither what was ignored nor what was rescued', () => {
    const { course, news } = follow(recorded('failed'));
    expect(failureOf(course)).toEqual({
      why: 'the Ansible task "Install, all of it" failed',
      details: [
        'task: Install, all of it',
        'host: default',
        'message: non-zero return code',
        'message: no space, left',
        'message: doing 7',
        'Packer: Error executing Ansible: Non-zero exit status: exit status 2',
      ],
    });
    expect(news).toContainEqual(expect.objectContaining({ kind: 'done', failed: true }));
  });

  it('says what is wrong with a playbook that could not be read', () => {
    expect(failureOf(follow(recorded('unreadable')).course)).toEqual({
      why: 'Ansible could not run the playbook',
      details: [
        expect.stringMatching(/^message: couldn't resolve module\/action 'nosuchmodule'/),
        'Packer: Error executing Ansible: Non-zero exit status: exit status 4',
      ],
    });
  });

  it('forgets what the playbook ignored or rescued, also where something else failed then', () => {
    const lines = ansible(
      'TASK [first] ***',
      'fatal: [default]: FAILED! => {"msg": "a, b"}',
      '...ignoring',
      'TASK [second] ***',
      'fatal: [default]: FAILED! => {"msg": "c"}',
      'TASK [rescue] ***',
      'ok: [default]',
      'default : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=1 ignored=1',
    );
    const { course } = follow([
      ...lines,
      '1,,ui,error,==> amazon-ebs.image: Error stopping instance: no%!(PACKER_COMMA) not now',
    ]);
    expect(failureOf(course)).toEqual({
      why: 'Packer failed at "Ansible: rescue (task 3)"',
      details: ['Packer: Error stopping instance: no, not now'],
    });
  });

  it('says which host could not be reached', () => {
    const lines = ansible(
      'TASK [Gathering Facts] ***',
      'fatal: [default]: UNREACHABLE! => {"changed": false, "msg": "Connection refused", "unreachable": true}',
    );
    expect(failureOf(follow(lines).course).details).toEqual([
      'task: Gathering Facts',
      'host: default',
      'message: Connection refused',
    ]);
  });

  it('is told by Packer alone where it came to no playbook', () => {
    const lines = [
      '1,,ui,say,==> amazon-ebs.image: Launching a source AWS instance...',
      '1,,ui,error,==> amazon-ebs.image: Error launching source instance: UnauthorizedOperation: no',
      "1,,ui,error,Build 'amazon-ebs.image' errored after 1 second: Error launching source instance: UnauthorizedOperation: no",
    ];
    expect(failureOf(follow(lines).course)).toEqual({
      why: 'Packer failed at "start build instance"',
      details: ['Packer: Error launching source instance: UnauthorizedOperation: no'],
    });
  });
});
