import Module from 'node:module';
import path from 'node:path';

/**
 * What Pulumi's SDK loads at once and needs only to serialise functions, for dynamic providers, of which no program
 * here has one: a compiler and the inner parts of npm, 785 of the 1,411 modules that a command would load.
 */
const SELDOM = new Set(['typescript', '@npmcli/arborist']);

/** The client of each of AWS's services, of which a command needs a few. */
const CLIENT = /^@aws-sdk\/client-[\w-]+$/;
const OURS = path.resolve(__dirname, '..', '..') + path.sep;

interface Loader {
  _load(this: void, request: string, parent: unknown, isMain: boolean): unknown;
}

/**
 * Has these modules loaded when something of them is asked for, and not before; the clients only where Bascule's own
 * modules ask for them, which take no more of them than names.
 */
export function deferSeldomModules(): void {
  const loader = Module as unknown as Loader;
  const load = loader._load;
  loader._load = (request, parent, isMain) => {
    const now = (): unknown => load(request, parent, isMain);
    return SELDOM.has(request) || (CLIENT.test(request) && isOurs(parent)) ? deferred(now) : now();
  };
}

function isOurs(parent: unknown): boolean {
  return (parent as NodeJS.Module | undefined)?.filename.startsWith(OURS) === true;
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
      // Of what is imported late all names are copied. The proxied object has none of them, so none may be fixed.
      ownKeys: () => Reflect.ownKeys(module()),
      getOwnPropertyDescriptor: (_, key) => {
        const described = Reflect.getOwnPropertyDescriptor(module(), key);
        return described && { ...described, configurable: true };
      },
    },
  );
}
