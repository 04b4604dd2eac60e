/**
 * Applies stacks in a process of its own, which a test can kill as a driver is killed:
 * `node stack-driver.mjs <project> <environment> up|green:<version>`
 */
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const load = (name) => require(fileURLToPath(new URL(`../../dist/${name}.js`, import.meta.url)));
const { PulumiCommand } = require('@pulumi/pulumi/automation');
const { loadEnvironmentFile } = load('src/adapters/config-file');
const { PulumiStacks } = load('src/adapters/stacks');

const [projectFolder, environment, what] = process.argv.slice(2);
const config = await loadEnvironmentFile(projectFolder, environment);
const command = await PulumiCommand.get({ skipVersionCheck: true });
const programs = {
  service: (given, name) => load('stacks/service').serviceProgram(given, name),
  fleet: (place) => load('stacks/fleet').fleetProgram(place),
};
const stacks = new PulumiStacks({ projectFolder, command }, environment, config, programs);
const [colour, version] = what.split(':');
const capacity = { minimum: 1, maximum: 2, desired: 1 };
const target = { region: config.regions[0], colour, version, capacity };
await (colour === 'up' ? stacks.upService() : stacks.applyFleet(target)).catch((error) => {
  process.stderr.write(`${[error.message, ...(error.details ?? [])].join('\n')}\n`);
  process.exitCode = 1;
});
