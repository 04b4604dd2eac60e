/** What it takes to make, change and launch fleets. */
import type { Statement } from './document';
import {
  arns,
  groupArns,
  iamArn,
  ofEnvironment,
  publicArns,
  taggedAsEnvironment,
  type EnvironmentScope,
} from './scope';
import { allow, names, passRole } from './shared';

/** Both Auto Scaling groups, by name. */
export function changeGroups(scope: EnvironmentScope): Statement {
  const actions = [
    'CreateAutoScalingGroup',
    'CreateOrUpdateTags',
    'DeletePolicy',
    'DeleteTags',
    'PutScalingPolicy',
    'ResumeProcesses',
    'SuspendProcesses',
    'UpdateAutoScalingGroup',
  ];
  return allow('MakeAndResizeFleets', names('autoscaling', ...actions), groupArns(scope));
}

/** A launch template has no name in its ARN, so its tags tell whose it is. */
export function changeTemplates(scope: EnvironmentScope): Statement[] {
  const templates = arns(scope, 'ec2', 'launch-template/*');
  return [
    allow('MakeLaunchTemplates', ['ec2:CreateLaunchTemplate'], templates, taggedAsEnvironment(scope)),
    allow(
      'ChangeLaunchTemplates',
      names('ec2', 'CreateLaunchTemplateVersion', 'CreateTags', 'DeleteTags', 'ModifyLaunchTemplate'),
      templates,
      ofEnvironment(scope),
    ),
  ];
}

/** What `down` does to both fleets; their instances drain before they go. */
export function removeFleets(scope: EnvironmentScope): Statement[] {
  return [
    allow(
      'RemoveFleets',
      names('autoscaling', 'DeleteAutoScalingGroup', 'DeletePolicy', 'UpdateAutoScalingGroup'),
      groupArns(scope),
    ),
    allow(
      'RemoveLaunchTemplates',
      ['ec2:DeleteLaunchTemplate'],
      arns(scope, 'ec2', 'launch-template/*'),
      ofEnvironment(scope),
    ),
  ];
}

/**
 * Auto Scaling lets a group use a launch template when whoever asks for it could launch the instances as well
 * (Amazon EC2 Auto Scaling user guide, "Control Amazon EC2 launch template usage"); the capacity check tries it.
 */
export function launch(scope: EnvironmentScope): Statement[] {
  const ours = ofEnvironment(scope);
  const made = arns(scope, 'ec2', 'instance/*', 'volume/*');
  const tagged = [...made, ...arns(scope, 'ec2', 'network-interface/*')];
  const { service, otherImageOwners } = scope;
  const imageOfService = { StringEquals: { 'aws:ResourceTag/service': service } };
  const owners = [scope.account, ...otherImageOwners];
  return [
    allow('LaunchInstancesOfTheService', ['ec2:RunInstances'], made, taggedAsEnvironment(scope)),
    allow(
      'LaunchThemFromItsImages',
      ['ec2:RunInstances'],
      publicArns(scope, 'image/*'),
      // Tags of an image are seen by its owner alone.
      otherImageOwners.length === 0 ? imageOfService : { StringLike: { 'ec2:Owner': owners } },
    ),
    allow(
      'LaunchThemByItsTemplates',
      ['ec2:RunInstances'],
      arns(scope, 'ec2', 'launch-template/*', 'security-group/*'),
      ours,
    ),
    // Subnets may be anybody's, and a network interface that a launch makes exists only with it.
    allow(
      'LaunchThemIntoSubnets',
      ['ec2:RunInstances'],
      arns(scope, 'ec2', 'network-interface/*', 'subnet/*'),
    ),
    allow('TagWhatIsMade', ['ec2:CreateTags'], [...tagged, ...arns(scope, 'ec2', 'launch-template/*')], {
      StringEquals: { 'ec2:CreateAction': ['CreateLaunchTemplate', 'RunInstances'] },
    }),
    passRole(scope),
  ];
}

/** Auto Scaling makes its own role in an account in which it was never used before. */
export function firstUse(scope: EnvironmentScope, service: string, role: string): Statement {
  return allow(
    'LetAwsMakeItsOwnRoles',
    ['iam:CreateServiceLinkedRole'],
    [iamArn(scope, `role/aws-service-role/${service}/${role}`)],
    { StringEquals: { 'iam:AWSServiceName': service } },
  );
}

/**
 * A migration's command on an instance, by AWS's own document that runs a script. Systems Manager looks at tags by a
 * key of its own (user guide, "Restricting Run Command access based on tags").
 */
export function runCommands(scope: EnvironmentScope): Statement[] {
  if (!scope.runsCommands) return [];
  // Hooks run in the first region alone.
  const first = { ...scope, regions: scope.regions.slice(0, 1) };
  const { service, environment } = scope;
  return [
    allow(
      'RunScripts',
      ['ssm:SendCommand'],
      arns({ ...first, account: '' }, 'ssm', 'document/AWS-RunShellScript'),
    ),
    allow('RunThemOnInstances', ['ssm:SendCommand'], arns(first, 'ec2', 'instance/*'), {
      StringEquals: { 'ssm:resourceTag/service': service, 'ssm:resourceTag/environment': environment },
    }),
  ];
}

export function readConsoles(scope: EnvironmentScope): Statement {
  return allow(
    'ReadConsolesOfInstancesThatFail',
    ['ec2:GetConsoleOutput'],
    arns(scope, 'ec2', 'instance/*'),
    ofEnvironment(scope),
  );
}
