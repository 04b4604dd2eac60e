import path from 'node:path';

/**
 * Who may import whom, by folder. The first layer whose pattern matches a file is its own. `layers` are the
 * other layers it may import, and `packages` the npm packages; where one is absent, anything goes.
 */
export const LAYERS = [
  {
    name: 'domain',
    files: /^src\/domain\//,
    layers: [],
    packages: [/^zod$/, /^yaml$/, /^node:crypto$/, /^node:util$/, /^jsonpath-rfc9535$/],
  },
  { name: 'ports', files: /^src\/ports\.ts$/, layers: ['domain'], packages: [] },
  { name: 'adapters', files: /^src\/adapters\//, layers: ['domain', 'ports'] },
  {
    name: 'driver',
    files: /^automation\/(driver\.ts$|journaling\.ts$|driver\/|steps\/|analysis\/)/,
    layers: ['domain', 'ports'],
    packages: [/^node:/],
  },
  // Where plain `pulumi` begins: it composes the programs, as the command line does for the driver.
  {
    name: 'plain pulumi',
    files: /^stacks\/index\.ts$/,
    layers: ['domain', 'adapters', 'stacks'],
    packages: [/^@pulumi\//],
  },
  { name: 'stacks', files: /^stacks\//, layers: ['domain'], packages: [/^@pulumi\//, /^node:/] },
  { name: 'policy', files: /^policy\//, layers: [], packages: [/^@pulumi\/policy$/] },
  { name: 'engine', files: /^automation\/engine\//, layers: ['domain'] },
  { name: 'sandbox', files: /^automation\/sandbox\//, layers: ['domain', 'ports', 'adapters', 'engine'] },
  { name: 'cli', files: /^automation\/cli\// },
  { name: 'other', files: /^(src|automation)\//, not: ['cli'] },
];

const FORBIDDEN = '{{from}} must not import {{to}}: dependencies point one way (see docs/architecture.md).';

/** Refuses imports against the direction of dependencies, in whichever form they are written. */
export const layersRule = {
  meta: { type: 'problem', schema: [], messages: { forbidden: FORBIDDEN } },
  create(context) {
    const file = relative(context.cwd, context.filename);
    const layer = layerOf(file);
    if (!layer) return {};
    const check = (source) => {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
      const to = refused(layer, file, source.value);
      if (to) context.report({ node: source, messageId: 'forbidden', data: { from: layer.name, to } });
    };
    return {
      ImportDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      TSImportType: (node) => check(node.source ?? node.argument?.literal),
      TSExternalModuleReference: (node) => check(node.expression),
      'CallExpression[callee.name="require"]': (node) => check(node.arguments[0]),
    };
  },
};

/** @returns what the import reaches if it must not, in words */
function refused(layer, file, specifier) {
  if (!specifier.startsWith('.')) {
    return layer.packages?.some((allowed) => allowed.test(specifier)) === false
      ? `the package ${specifier}`
      : undefined;
  }
  const target = path.posix.join(path.posix.dirname(file), specifier).replace(/\.js$/, '');
  const other = layerOfModule(target);
  if (!other) return layer.layers ? target : undefined;
  if (other.name === layer.name) return undefined;
  const allowed = layer.layers ? layer.layers.includes(other.name) : !layer.not?.includes(other.name);
  return allowed ? undefined : `${other.name} (${target})`;
}

/** An import names a module, which is a file or a folder's index; what neither pattern knows is `other`. */
function layerOfModule(target) {
  const found = [`${target}.ts`, `${target}/index.ts`].map(layerOf);
  return found.find((layer) => layer && layer.name !== 'other') ?? found[0];
}

function layerOf(file) {
  return LAYERS.find((layer) => layer.files.test(file));
}

function relative(cwd, filename) {
  return path.relative(cwd, filename).split(path.sep).join('/');
}
