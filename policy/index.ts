import { PolicyPack } from '@pulumi/policy';
import { resourcePolicy, stackPolicy } from './pack';
import { RULES, STACK_RULES } from './rules';

void new PolicyPack('bascule', {
  description: 'What every environment of Bascule keeps to, whoever changes it',
  enforcementLevel: 'mandatory',
  policies: [...RULES.map(resourcePolicy), ...STACK_RULES.map(stackPolicy)],
});
