import type { Colour } from './colour';
import { quotedForShell } from './shell';
import { testBootPart, testBootStart, type TestBoot } from './test-boot';

/** What an instance needs to know at its first boot. */
export interface Boot {
  service: string;
  environment: string;
  colour: Colour;
  version: string;
  region: string;
  /** Where the application listens. */
  port: number;
  /** Environment variables of the application. */
  variables: Record<string, string>;
  /** The environment's own script, if there is one. */
  script?: string;
  /** The release to fetch and start; undefined when it is on the image. */
  bundle?: { address: string; sha256?: string };
  /** Says on the console whether the application answers, and ends the machine in any case. */
  testBoot?: TestBoot;
}

/** EC2 takes this many bytes of user data, before base64. */
export const USER_DATA_LIMIT = 16384;

/**
 * The script an instance runs at its first boot: writes the application's environment to
 * /etc/bascule/environment, runs the environment's own script, and starts the release: the one that it fetches
 * where the image is only a base for it, else the service that is on the image. The second line is for machines
 * to read: the variables as JSON.
 */
export function userDataOf(boot: Boot): string {
  return [
    '#!/bin/sh',
    `#bascule:environment ${JSON.stringify(boot.variables)}`,
    'set -eu',
    ...(boot.testBoot === undefined ? [] : testBootStart(boot.testBoot)),
    ...environmentFile(boot),
    ...ownScript(boot.script),
    ...(boot.bundle === undefined ? startService(boot) : startBundle(boot, boot.bundle)),
    ...(boot.testBoot === undefined ? [] : testBootPart(boot, boot.testBoot)),
    '',
  ].join('\n');
}

function environmentFile(boot: Boot): string[] {
  const variables: Record<string, string> = {
    ...boot.variables,
    PORT: String(boot.port),
    AWS_REGION: boot.region,
    BASCULE_SERVICE: boot.service,
    BASCULE_ENVIRONMENT: boot.environment,
    BASCULE_COLOUR: boot.colour,
    BASCULE_VERSION: boot.version,
    BASCULE_REGION: boot.region,
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}="${quotedForSystemd(value)}"`);
  return [
    'mkdir -p /etc/bascule /var/lib/bascule',
    // Root alone reads it; systemd hands the variables on.
    'umask 077',
    ...file('/etc/bascule/environment', lines.join('\n')),
    'token=$(curl -sS -f -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 300" http://169.254.169.254/latest/api/token)',
    'instance=$(curl -sS -f -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id)',
    'echo "BASCULE_INSTANCE_ID=$instance" >> /etc/bascule/environment',
    'umask 022',
  ];
}

function ownScript(script: string | undefined): string[] {
  if (script === undefined || script.trim() === '') return [];
  const body = script.startsWith('#!') ? script : `#!/bin/sh\nset -eu\n${script}`;
  return [
    ...file('/var/lib/bascule/first-boot', body),
    'chmod 700 /var/lib/bascule/first-boot',
    '/var/lib/bascule/first-boot',
  ];
}

/** Only now: the unit reads the environment's file. An image without it starts the application in its own way. */
function startService({ service }: Boot): string[] {
  return [
    `if systemctl cat ${service}.service >/dev/null 2>&1; then`,
    `  systemctl enable --now ${service}.service`,
    'fi',
  ];
}

function startBundle(boot: Boot, bundle: { address: string; sha256?: string }): string[] {
  const home = `/opt/${boot.service}`;
  const release = `${home}/${boot.version}`;
  return [
    `id ${boot.service} >/dev/null 2>&1 || useradd --system --home-dir ${home} --shell /sbin/nologin ${boot.service}`,
    `mkdir -p ${release}`,
    `aws s3 cp --only-show-errors --region ${boot.region} ${quotedForShell(bundle.address)} /var/lib/bascule/release.tar.gz`,
    ...(bundle.sha256 === undefined
      ? []
      : [`echo "${bundle.sha256}  /var/lib/bascule/release.tar.gz" | sha256sum -c -`]),
    `tar -xzf /var/lib/bascule/release.tar.gz -C ${release} --no-same-owner`,
    'rm /var/lib/bascule/release.tar.gz',
    `chown -R ${boot.service} ${home}`,
    `command=$(sed -n 's/^web:[[:space:]]*//p' ${release}/Procfile 2>/dev/null | head -n 1)`,
    `[ -n "$command" ] || command='npm start'`,
    `printf '#!/bin/sh\\nPATH="%s/node_modules/.bin:$PATH"; export PATH\\n%s\\n' ${release} "$command" > ${home}/start`,
    `chmod 755 ${home}/start`,
    ...file(`/etc/systemd/system/${boot.service}.service`, unit(boot, home, release)),
    'systemctl daemon-reload',
    `systemctl enable --now ${boot.service}.service`,
  ];
}

/** The console gets the output too, so that a failed deployment can show the last lines of it. */
function unit(boot: Boot, home: string, release: string): string {
  return [
    '[Unit]',
    `Description=${boot.service} ${boot.version}`,
    'After=network-online.target',
    'Wants=network-online.target',
    '[Service]',
    `User=${boot.service}`,
    `WorkingDirectory=${release}`,
    'EnvironmentFile=/etc/bascule/environment',
    `ExecStart=${home}/start`,
    'Restart=always',
    'RestartSec=2',
    'StandardOutput=journal+console',
    'StandardError=journal+console',
    'NoNewPrivileges=true',
    ...(boot.port < 1024 ? ['AmbientCapabilities=CAP_NET_BIND_SERVICE'] : []),
    '[Install]',
    'WantedBy=multi-user.target',
  ].join('\n');
}

/** Shell lines that write a file, whatever is in it. */
function file(path: string, content: string): string[] {
  let end = 'BASCULE_END';
  while (content.split('\n').includes(end)) end += '_';
  return [`cat > ${path} <<'${end}'`, content, end];
}

function quotedForSystemd(value: string): string {
  return value.replace(/[\\"`$]/g, '\\$&');
}
