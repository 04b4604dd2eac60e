import Module from 'node:module';

/**
 * What Pulumi's SDK loads at once and needs only to serialise functions, for dynamic providers, of which no program
 * here has one: a compiler and the inner parts of npm, 785 of the 1,411 modules that a command would load.
 */
const SELDOM = new Set(['typescript', '@npmcli/arborist']);

interface Loader {
  _load(this: void, request: string, parent: unknown, isMain: boolean): unknown;
}

/** Has these modules loaded when something of them is asked for, and not before. */
export function deferSeldomModules(): void {
  const loader = Module as unknown as Loader;
  const load = loader._load;
  loader._load = (request, parent, isMain) => {
    const now = (): unknown => load(request, parent, isMain);
    return SELDOM.has(request) ? deferred(now) : now();
  };
}

function deferred(load: () => unknown): unknown {
  let loaded: object | undefined;
  const module = (): object => (loaded ??= load() as object);
  return new Proxy(
    {},
    {
      get: (_, key) => {
        // Compiled code asks for it first, to know whether it may take the module as it is or has to copy it.
        if (key === '__esModule') return true;
        return key === 'default' ? module() : (Reflect.get(module(), key) as unknown);
      },
      has: (_, key) => Reflect.has(module(), key),
    },
  );
}
