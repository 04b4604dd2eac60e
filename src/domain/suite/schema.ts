import { z } from 'zod';

/** The schema of an HTTP suite: a YAML file with requests, and what their answers must be. */

const requestHeader = z
  .string()
  .max(100)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of an HTTP header');
const variableName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be letters, digits and underscores, no digit first');
const status = z.int().min(100).max(599);
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const pattern = z.string().min(1).max(1000).superRefine(requirePattern);

function requirePattern(text: string, context: z.RefinementCtx): void {
  try {
    // Variables are filled in later, each as a text that stands for itself.
    new RegExp(text.replace(/\{\{\s*[\w.]+\s*\}\}/g, 'x'), 'u');
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    context.addIssue({ code: 'custom', message: `is no regular expression: ${why}` });
  }
}

/** What a text of the answer must be; all that is given must hold. */
const textRules = z.strictObject({
  equals: scalar.optional().describe('The whole text.'),
  contains: z.string().min(1).optional().describe('Text that must be in it.'),
  matches: pattern.optional().describe('Regular expression (JavaScript, flag u) that must match in it.'),
});

const header = z.union([scalar, textRules]);

const jsonRules = z.strictObject({
  equals: z.unknown().optional().describe('One of the values that the path selects must be this.'),
  contains: z
    .string()
    .min(1)
    .optional()
    .describe('One of the values must be a text with this in it, or a list that has it.'),
  matches: pattern
    .optional()
    .describe('One of the values must be a text that this regular expression matches.'),
  exists: z.boolean().optional().describe('Whether the path must select anything.'),
  count: z.int().min(0).optional().describe('How many values the path must select.'),
});

const body = z.strictObject({
  contains: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .describe('Text that must be in the body, or a list of such.'),
  excludes: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .describe('Text that must not be in the body, or a list of such.'),
  matches: pattern
    .optional()
    .describe('Regular expression (JavaScript, flag u) that must match in the body.'),
});

const expectation = z.strictObject({
  status: z
    .union([status, z.array(status).min(1)])
    .optional()
    .describe('The status, or a list of those allowed. Default: any from 200 to 299.'),
  header: z
    .record(requestHeader, header)
    .default({})
    .describe('Headers of the answer: a text that it must be, or `equals`, `contains`, `matches`.'),
  body: body.prefault({}).describe('The body of the answer.'),
  json: z
    .record(z.string().min(1), z.union([scalar, z.null(), jsonRules]))
    .default({})
    .describe(
      'Values of a JSON body, each by its JSONPath (RFC 9535): a value that one of those selected must be, or `equals`, `contains`, `matches`, `exists`, `count`.',
    ),
});

const capture = z
  .strictObject({
    json: z
      .string()
      .min(1)
      .optional()
      .describe('JSONPath (RFC 9535) in the body; the first value it selects.'),
    header: requestHeader.optional().describe('Name of a header of the answer.'),
    regex: pattern
      .optional()
      .describe('Regular expression on the body: its first group, or the whole match where it has none.'),
    cookie: z.string().min(1).optional().describe('Name of a cookie that the suite holds by then.'),
  })
  .refine((given) => Object.values(given).filter((one) => one !== undefined).length === 1, {
    error: 'needs exactly one of json, header, regex and cookie',
  });

const redirects = z.enum(['follow', 'keep']);
const requestSeconds = z.int().min(1).max(300);

const request = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('What the request is for. Default: method and path.'),
    method: z
      .enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
      .default('GET')
      .describe('HTTP method.'),
    path: z
      .string()
      .min(1)
      .max(4096)
      .regex(/^(\/|\{\{)/, 'must start with /, or with a variable')
      .describe('Path to ask, with its query. A captured address of the same host is taken as well.'),
    host: z
      .string()
      .min(1)
      .optional()
      .describe('Host header. Default: `loadBalancer.domain`, if there is one.'),
    headers: z.record(requestHeader, z.string()).default({}).describe('Headers to send.'),
    form: z.record(z.string(), scalar).optional().describe('Fields to send as an HTML form does.'),
    json: z.unknown().optional().describe('Value to send as JSON.'),
    body: z.string().optional().describe('Text to send as it is.'),
    redirects: redirects
      .optional()
      .describe('What becomes of redirections. Default: `redirects` of the suite.'),
    timeoutSeconds: requestSeconds
      .optional()
      .describe('Seconds until no answer counts as a failure. Default: `timeoutSeconds` of the suite.'),
    attempts: z
      .int()
      .min(1)
      .max(100)
      .default(1)
      .describe('Times it is sent, a second apart, until the answer is as expected.'),
    expect: expectation.prefault({}).describe('What the answer must be.'),
    capture: z
      .record(variableName, capture)
      .default({})
      .describe(
        'Variables for the requests that follow, taken from the answer. One that is not there fails.',
      ),
  })
  .refine(({ form, json, body: text }) => [form, json, text].filter((one) => one !== undefined).length <= 1, {
    error: 'sends only one of form, json and body',
  });

export const suiteSchema = z
  .strictObject({
    variables: z
      .record(variableName, scalar)
      .default({})
      .describe(
        'Variables, used as `{{name}}` in paths, headers, bodies and expectations. `{{env.NAME}}` is a variable of the environment of Bascule and never printed; `{{bascule.version}}`, `url`, `region`, `environment`, `deployment` and `when` say what is tested.',
      ),
    redirects: redirects
      .default('follow')
      .describe(
        '`follow`: redirections to the same host are followed, at most ten, and the last answer counts. `keep`: the redirection is the answer.',
      ),
    timeoutSeconds: requestSeconds
      .default(10)
      .describe('Seconds until no answer to a request counts as a failure.'),
    requests: z
      .array(request)
      .min(1)
      .max(200)
      .describe('Requests in order, with one set of cookies. The first that fails ends the suite.'),
  })
  .describe('An HTTP suite: requests in order, and what their answers must be.');

/** A suite with every default filled in. */
export type Suite = z.output<typeof suiteSchema>;
export type SuiteRequest = Suite['requests'][number];
export type Expectation = SuiteRequest['expect'];
export type Capture = SuiteRequest['capture'][string];
/** A suite as its file has it: defaults left out. */
export type SuiteInput = z.input<typeof suiteSchema>;
