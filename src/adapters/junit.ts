import { XMLParser, XMLValidator } from 'fast-xml-parser';
import builder from 'junit-report-builder';
import type { TestPlace } from '../domain/suite/gate';
import { problemLines, type TestCase, type TestRun } from '../domain/suite/result';

/** Results as JUnit XML: as a command wrote them, where it did and they can be read. */
export function junitOf(run: TestRun, place: TestPlace): string {
  const { junit } = run;
  if (junit !== undefined && casesOf(junit) !== undefined) return junit;
  const report = builder.newBuilder();
  const suite = report.testSuite().name(plain(`${place.name} (${place.when}, ${place.region})`));
  for (const name of ['version', 'environment', 'region', 'when', 'deployment', 'url'] as const)
    suite.property(name, plain(place[name]));
  for (const one of wholeOf(run, place)) {
    const entry = suite.testCase().className(place.name).name(plain(one.name)).time(one.seconds);
    if (one.outcome === 'skipped') entry.skipped();
    if (one.outcome === 'failed') {
      entry.failure(plain(one.problems[0] ?? 'failed'));
      entry.stacktrace(plain(one.problems.join('\n')));
    }
  }
  return report.build();
}

/** What was wrong with the run as a whole is a case of its own; so is a command that told of none. */
function wholeOf(run: TestRun, { name }: TestPlace): TestCase[] {
  const { cases, problems, seconds, output } = run;
  if (problems.length > 0) {
    const lines = problemLines({ cases: [], problems, seconds, output });
    return [...cases, { name, seconds, outcome: 'failed', problems: lines }];
  }
  return cases.length > 0 ? cases : [{ name, seconds, outcome: 'passed', problems: [] }];
}

/** XML 1.0 has no way to write other control characters. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '�');
}

type Node = Record<string, unknown>;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '#text',
  parseAttributeValue: false,
  parseTagValue: false,
});

/** The cases of JUnit XML, of all its suites, however deep; undefined where a text is none. */
export function casesOf(xml: string): TestCase[] | undefined {
  const root = rootOf(xml);
  if (root === undefined) return undefined;
  const suites = [...listOf(root['testsuites']), ...listOf(root['testsuite'])];
  return suites.length === 0 ? undefined : suites.flatMap(casesIn);
}

function rootOf(xml: string): Node | undefined {
  if (XMLValidator.validate(xml) !== true) return undefined;
  try {
    const root: unknown = parser.parse(xml);
    return isNode(root) ? root : undefined;
  } catch {
    // What the parser refuses, such as entities without end, is no result either.
    return undefined;
  }
}

function casesIn(suite: Node): TestCase[] {
  return [
    ...['testsuites', 'testsuite'].flatMap((name) => listOf(suite[name]).flatMap(casesIn)),
    ...listOf(suite['testcase']).map(caseOf),
  ];
}

function caseOf(found: Node): TestCase {
  const wrong = [...listOf(found['failure']), ...listOf(found['error'])];
  const outcome = wrong.length > 0 ? 'failed' : 'skipped' in found ? 'skipped' : 'passed';
  const seconds = Number(found['@time'] ?? 0);
  const group = textOf(found['@classname']);
  const name = textOf(found['@name']) || 'unnamed';
  return {
    name: group === '' || name.startsWith(group) ? name : `${group} ${name}`,
    seconds: Number.isFinite(seconds) ? seconds : 0,
    outcome,
    problems: wrong.map(problemOf).filter((problem) => problem !== ''),
  };
}

function problemOf(wrong: Node): string {
  const message = textOf(wrong['@message']);
  const text = textOf(wrong['#text']).trim();
  // What the builder writes has the message in the text as well.
  if (message === '' || text.startsWith(message)) return text;
  return text === '' ? message : `${message}\n${text}`;
}

/** An element that stands once, often, or never; one with nothing but text is that text. */
function listOf(value: unknown): Node[] {
  if (value === undefined) return [];
  return [value].flat().map((one: unknown) => (isNode(one) ? one : { '#text': one }));
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
