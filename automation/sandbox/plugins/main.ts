import type { Plugin } from './model/plugin';

/** Each plugin is loaded only when it is the one that runs: loading time is paid at every Pulumi operation. */
const PLUGINS: Readonly<Record<string, (engineArgs: string[]) => Promise<void>>> = {
  aws: async () => start(new (await import('./aws/plugin.js')).AwsPlugin()),
  awsx: async (args) => (await import('./awsx/plugin.js')).serveAwsx(args),
  command: async (args) => {
    const [{ CommandPlugin }, { engineLog }] = await Promise.all([
      import('./command/plugin.js'),
      import('./command/engine-log.js'),
    ]);
    // The engine's own address is the last of its arguments.
    return start(new CommandPlugin(engineLog(args.at(-1) ?? '')));
  },
};

async function start(plugin: Plugin): Promise<void> {
  const { serve } = await import('./rpc/server.js');
  await serve(plugin);
}

/** `bascule-plugin <aws|awsx|command> [engine flags] <engine address>` */
async function main(args: readonly string[]): Promise<void> {
  const [name = '', ...rest] = args;
  const load = PLUGINS[name];
  if (!load)
    throw new Error(`the sandbox has no Pulumi plugin '${name}'; it has: ${Object.keys(PLUGINS).join(', ')}`);
  await load(rest);
}

// The engine would show the SDK's advice on Node versions as a message of every update.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

main(process.argv.slice(2)).catch((thrown: unknown) => {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
});
