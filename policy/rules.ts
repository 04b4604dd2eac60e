import { encryptedVolumes, metadataByToken, noPublicInstances } from './instances';
import { tlsPolicy } from './listeners';
import { noOpenEgress, noOpenIngress, openForClients } from './openings';
import type { Rule, StackRule } from './rule';
import { encryptedBuckets, encryptedImages } from './storage';
import { requiredTags } from './tags';
import { fleetHealth, targetHealth } from './targets';
import { twoSubnets, twoZones } from './zones';

/** Looked at for each resource, before it is made or changed. */
export const RULES: readonly Rule[] = [
  metadataByToken,
  noPublicInstances,
  encryptedVolumes,
  encryptedImages,
  noOpenIngress,
  noOpenEgress,
  tlsPolicy,
  targetHealth,
  fleetHealth,
  twoSubnets,
  requiredTags,
];

/** Looked at when all of a stack is known: at the end of a preview, and of an update. */
export const STACK_RULES: readonly StackRule[] = [openForClients, encryptedBuckets, twoZones];
